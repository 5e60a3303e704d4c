"""JSON read so that no two readers can see different things in it."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

__all__ = ["load_object"]

MAX_DEPTH = 20


def load_object(body: bytes) -> dict[str, Any]:
    """The JSON object that is `body`, in UTF-8.

    Raises ValueError, with a text that holds nothing of the body, for anything else: a member that
    is there twice, NaN and infinities, nesting deeper than 20, a byte order mark.
    """
    problem = None
    value: object = None
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse
        )
    except _Duplicate:
        problem = "has a member twice"
    except UnicodeDecodeError:
        problem = "is not UTF-8"
    except (ValueError, RecursionError):
        problem = "is not JSON"
    if problem is None:
        problem = _problem_with(value)
    if problem is not None or not isinstance(value, dict):
        raise ValueError(problem)
    return value


class _Duplicate(ValueError):
    """A member is there twice (RFC 8259 section 4: what readers make of it is unpredictable)."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Duplicate
    return members


def _refuse(constant: str) -> NoReturn:  # noqa: ARG001 - as json.loads calls it
    raise ValueError("no JSON number")


def _problem_with(value: object) -> str | None:
    if not isinstance(value, dict):
        return "is JSON, but not an object"
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _members(outer)]
        if any(isinstance(inner, float) and not math.isfinite(inner) for inner in level):
            return "has a number beyond all bounds"
        if not level:
            return None
    return "is nested too deeply"


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
