"""Writes JSON objects in such a way that unchanged members keep their original text."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from rotator.model.fields import load_object
from rotator.model.secret import Secret
from rotator.wire.dates import parse_json_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JsonInput", "write_object"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")  # RFC 8259 section 2


class JsonInput(NamedTuple):
    """Fields that were passed in, and the JSON from which unusual texts of them are copied."""

    fields: dict[str, Any]
    text: Secret = Secret("{}")


def write_object(fields: Mapping[str, Any], *, like: str = "{}", given: str = "{}") -> str:
    """The fields as JSON; a member with the same value in one of the objects is copied from there.

    `like` is the stored object, `given` the one that was passed in. Parsing and writing again could
    change a number (`1e5`, or one with more digits than a float has) and lengthen a string. Only
    surrogates are always escaped, as UTF-8 cannot encode them. A text that is not an object counts
    as empty. Raises ValueError for a number that is too large for a float, unless it is copied.
    """
    sources = [_parse_members(text) for text in (like, given)]
    members = []
    for name, value in fields.items():
        same = (
            each[name][1] for each in sources if name in each and _is_same(each[name][0], value)
        )
        copied = next(same, None)
        members.append(_write_member(name, value) if copied is None else f"  {copied}")
    text = "{\n" + ",\n".join(members) + "\n}" if members else "{}"
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _parse_members(text: str) -> dict[str, tuple[Any, str]]:
    """The value and the text of each member; none for a text that is not an object."""
    with suppress(ValueError):
        values = load_object(text)
        texts = _split_members(text) if values else {}
        return {name: (value, texts[name]) for name, value in values.items()}
    return {}


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
