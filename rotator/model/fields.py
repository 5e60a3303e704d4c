"""Strict parsing of JSON objects and their fields.

Errors are `ValueError` with a message that names the field, never its content; the caller adds the
name of the secret.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.errors import replace_error
from rotator.wire.dates import parse_json_integer, refuse_json_constant

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_text", "is_one_line", "load_object", "optional_text_field", "text_field"]

MAX_DEPTH = 20


class _AmbiguousJsonError(ValueError):
    """JSON that two parsers may read differently."""


def load_object(source: str | bytes, *, last_counts: bool = False) -> dict[str, Any]:
    """Parse a JSON object that all parsers read alike; bytes, as in a response, must be UTF-8.

    Raises ValueError for anything else, also for a repeated key (RFC 8259 section 4 leaves open
    which one counts) unless `last_counts`, for `NaN` and `Infinity`, which only some parsers
    accept, and for more than 20 levels. The error contains nothing of the text
    (`json.JSONDecodeError` does, in its `doc`). A number too large for a float is infinite. A byte
    order mark, which editors may add to stored text, is ignored.
    """
    text = _decode(source)
    value: object = None
    problem = "is JSON, but not an object"
    try:
        value = (_LENIENT_DECODER if last_counts else _DECODER).decode(text)
    except _AmbiguousJsonError:
        problem = "is JSON with a key that occurs twice"
    except (ValueError, RecursionError):
        # The hint is for people who store JSON; no shell mangles a provider's response.
        problem = f"is not JSON{_explain_mangling(text) if isinstance(source, str) else ''}"
    if isinstance(value, dict) and (_is_flat(text) or _depth(value) <= MAX_DEPTH):
        return value
    raise ValueError("is JSON that is nested too deeply" if isinstance(value, dict) else problem)


def _decode(source: str | bytes) -> str:
    if isinstance(source, bytes):
        decode = partial(source.decode, "utf-8")
        return replace_error(decode, UnicodeDecodeError, lambda _: ValueError("is not UTF-8"))
    return source.removeprefix("\ufeff")


# Compiled on use: few runs need them. No pattern starts with optional white space: on a long run of
# it, the time would grow with the square of its length.
_UNQUOTED = r"\{\s*[A-Za-z_]\w*\s*:"
_ESCAPED = r"[\"']?\s*\{\s*\\+\""


def _explain_mangling(text: str) -> str:
    """How a tool mangled JSON into this text, and what to do; empty if none is recognized."""
    if "\0" in text or text.startswith(("\ufffe", "ÿþ", "þÿ")):
        return ": it is UTF-16, as PowerShell writes files; save it as UTF-8"
    text = text.lstrip()
    if re.match(_UNQUOTED, text):
        return ": its quotes are missing, as after PowerShell; pass a file (file://...) instead"
    if re.match(_ESCAPED, text):
        return ": its quotes are escaped, as in a shell; pass a file (file://...) instead"
    return ""


def _is_flat(text: str) -> bool:
    """Whether there are too few brackets to nest too deeply: a cheap test that mostly suffices."""
    return text.count("{") + text.count("[") <= MAX_DEPTH


def _depth(value: object) -> int:
    """The number of levels, at most one more than is allowed."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        level = [inner for outer in level for inner in _inner(outer)]
        depth += 1
    return depth


def _inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _AmbiguousJsonError
    return fields


# Made once: a fleet reads thousands of objects.
_make_decoder = partial(
    json.JSONDecoder, parse_int=parse_json_integer, parse_constant=refuse_json_constant
)
_DECODER, _LENIENT_DECODER = _make_decoder(object_pairs_hook=_object), _make_decoder()


def text_field(fields: Mapping[str, Any], name: str) -> str:
    """A field that goes into headers, forms and URLs; raises ValueError as `check_text` does."""
    return check_text(fields.get(name), name)


def check_text(value: object, name: str) -> str:
    """The value of the field `name`, if it is printable ASCII, as RFC 6749 (appendix A) requires.

    Raises ValueError naming the field for any other value, or None.
    """
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a non-empty string")
    if not (value.isascii() and is_one_line(value)):
        raise ValueError(f"{name} must be printable ASCII without white space around it")
    return value


# Control characters, and surrogates, which JSON can escape and UTF-8 cannot encode.
_CONTROL = r"[\u0000-\u001f\u007f-\u009f\ud800-\udfff]"


def is_one_line(text: str) -> bool:
    """Whether the text has neither control characters nor white space around it."""
    # Printable text has none of these, and the pattern takes half a millisecond to compile.
    has_none = text.isprintable() or not re.search(_CONTROL, text)
    return has_none and text == text.strip()


def optional_text_field(fields: Mapping[str, Any], name: str) -> str | None:
    """As `text_field`, but None for a field that is missing or null."""
    return None if fields.get(name) is None else text_field(fields, name)
