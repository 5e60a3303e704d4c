"""Fields of JSON objects, read strictly.

Errors are `ValueError` with a text that names the field and never its content; the caller knows
which secret it came from and says so.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_one_line", "load_object", "optional_text_field", "text_field"]


class _AmbiguousJsonError(ValueError):
    """JSON that two parsers may read differently."""


def load_object(text: str) -> dict[str, Any]:
    """Parse a JSON object that every reader understands alike.

    Raises ValueError if `text` is anything else: a key twice (RFC 8259 section 4 leaves open which
    one counts) and numbers that Python would write back as `NaN` or `Infinity` are refused too. The
    error holds nothing of the text (which the decoder's own error does, in its `doc`).
    """
    value: object = None
    problem = "is JSON, but not an object"
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite
        )
    except _AmbiguousJsonError:
        problem = "is JSON with a key that occurs twice"
    except (ValueError, RecursionError):
        problem = "is not JSON"
    if isinstance(value, dict):
        return value
    raise ValueError(problem)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _AmbiguousJsonError
    return fields


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def text_field(fields: Mapping[str, Any], name: str) -> str:
    """A field that goes into headers, forms and URLs, where RFC 6749 (appendix A) has ASCII.

    Raises ValueError naming the field if it is missing or anything else.
    """
    value = fields.get(name)
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a non-empty string")
    if not (value.isascii() and is_one_line(value)):
        raise ValueError(f"{name} must be printable ASCII without white space around it")
    return value


# Control characters, and halves of surrogate pairs, which JSON can hold and UTF-8 cannot.
_CONTROL = re.compile(r"[\u0000-\u001f\u007f-\u009f\ud800-\udfff]")


def is_one_line(text: str) -> bool:
    """Whether the text has neither control characters nor white space around it."""
    return text == text.strip() and not _CONTROL.search(text)


def optional_text_field(fields: Mapping[str, Any], name: str) -> str | None:
    """The same, or None if there is no such field or it is null."""
    return None if fields.get(name) is None else text_field(fields, name)
