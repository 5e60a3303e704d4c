"""JSON of a server, read so that no two readers can see different things in it."""

from __future__ import annotations

from typing import Any

from rotator.model import fields

__all__ = ["load_object"]

MAX_DEPTH = 20


def load_object(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` is, in UTF-8 and nested no deeper than 20.

    Raises ValueError, with a text that holds nothing of the body, for anything else.
    """
    text = None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        problem = "is not UTF-8"
    if text is None:
        raise ValueError(problem)
    value = fields.load_object(text)
    if _depth(value) > MAX_DEPTH:
        raise ValueError("is JSON that is nested too deeply")
    return value


def _depth(value: object) -> int:
    """How many levels there are, or more than are allowed: no further is looked."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        level = [inner for outer in level for inner in _members(outer)]
        depth += 1
    return depth


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
