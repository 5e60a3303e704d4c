"""Writes JSON objects in such a way that unchanged members keep their original text."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rotator.model.fields import load_object
from rotator.wire.dates import parse_json_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["write_object"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")  # RFC 8259 section 2


def write_object(fields: Mapping[str, Any], *, like: str = "{}") -> str:
    """The fields as JSON; a member with the same value in the object `like` is copied from there.

    Parsing and writing again could change a number (`1e5`, or one with more digits than a float
    has) and lengthen a string. Only surrogates are always escaped, as UTF-8 cannot encode them. A
    `like` that is not an object counts as empty. Raises ValueError for a number that is too large
    for a float, unless it is copied.
    """
    before: dict[str, Any] = {}
    with suppress(ValueError):
        before = load_object(like)
    written = _split_members(like) if before else {}
    members = []
    for name, value in fields.items():
        is_same = name in before and _is_same(before[name], value)
        members.append(f"  {written[name]}" if is_same else _write_member(name, value))
    text = "{\n" + ",\n".join(members) + "\n}" if members else "{}"
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _is_same(one: object, other: object) -> bool:
    """Whether both are written alike in JSON, where 1, 1.0 and true differ."""
    return json.dumps(one) == json.dumps(other)


def _write_member(name: str, value: object) -> str:
    """The member on one or more lines, indented by two spaces."""
    text = json.dumps({name: value}, indent=2, ensure_ascii=False, allow_nan=False)
    return text.removeprefix("{\n").removesuffix("\n}")


def _split_members(text: str) -> dict[str, str]:
    """The text of each member of a JSON object, by name."""
    scan = json.JSONDecoder(parse_int=parse_json_integer).raw_decode
    members = {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, name_end = scan(text, at)
        value_start = _skip(text, text.index(":", name_end) + 1)
        _, value_end = scan(text, value_start)
        members[name] = f"{text[at:name_end]}: {text[value_start:value_end]}"
        at = _skip(text, value_end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    """The position of the next character that is not white space."""
    found = _WHITE_SPACE.match(text, at)
    return found.end() if found else at
