"""Breaks good values in the ways in which people and programs break them."""

import json
import random
from collections.abc import Mapping
from typing import Any

TEXTS = (
    *("", " ", "\n", "\0", "\x7f", "\ufeff", "\ud800", "\u202e", "é", "🔑", "a" * 70_000),
    *("0", "-1", "1e999", "NaN", "true", "null", "{}", "[]", "''", '"', "\\", "%s", "{0}", "${x}"),
    *("https://", "http://example.com/", "https://[::1", "https://a:b@c/", "//x", "ftp://x/"),
    *(
        "https://a/#f",
        "https://a b/",
        "javascript:1",
        "https://\u0430dobe.com/",
        "https://a:99999/",
    ),
    *("2026-01-31T09:00:00Z", "2026-01-31", "9999-12-31T23:59:59+23:59", "0000-00-00T00:00:00Z"),
    *(
        "23h",
        "0h",
        "9" * 30 + "h",
        "23",
        "1h1d",
        "-1h",
        "٣h",
        "arn:aws:x",
        "arn:::::",
        "eyJhbGci.x.y",
    ),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, 10**30, -(10**30), 1e308, float("nan"), float("inf")),
    *([], [None], [[]], ["a", "b"], {}, {"a": None}, {"": ""}, [{}], [True], list(range(100))),
    *(86_399, "86399", "86399 ", 86_399_000, "1e3", "0x10", "८६", 2**63),
)


def weird_text(choices: random.Random) -> str:
    """A text that a program may trip over."""
    text = choices.choice(TEXTS)
    return text if choices.random() < 0.7 else text + choices.choice(TEXTS)


def mutated_text(fields: Mapping[str, str], choices: random.Random) -> dict[str, str]:
    """The fields with some replaced, removed, misspelt or added."""
    changed = dict(fields)
    for _ in range(choices.randint(1, 3)):
        name = choices.choice(list(fields))
        match choices.randrange(4):
            case 0:
                changed.pop(name, None)
            case 1:
                changed[name[:-1]] = changed.pop(name, "x")
            case 2:
                changed[name] = weird_text(choices)
            case _:
                changed[name] = changed.get(name, "") + weird_text(choices)
    return changed


def mutated_fields(fields: Mapping[str, Any], choices: random.Random) -> str:
    """JSON with some fields replaced, removed, misspelt or written twice; sometimes no JSON."""
    changed: dict[str, Any] = dict(fields)
    for _ in range(choices.randint(1, 3)):
        name = choices.choice(list(fields))
        match choices.randrange(5):
            case 0:
                changed.pop(name, None)
            case 1:
                changed[name] = weird_text(choices)
            case 2:
                changed[name] = choices.choice(VALUES)
            case 3:
                changed[_misspelt(name, choices)] = changed.pop(name, None)
            case _:
                changed[name] = [changed.get(name)] * choices.randint(1, 3)
    text = json.dumps(changed)
    match choices.randrange(12):
        case 0:
            return text[: choices.randrange(len(text))]
        case 1:
            place = choices.randrange(len(text))
            return text[:place] + weird_text(choices)[:50] + text[place:]
        case 2:
            return text[:-1] + ", " + text[1:]
        case 3:
            return choices.choice(("null", "[]", "1", '"x"', "", "[" * 100_000, "{}", text + text))
        case _:
            return text


def mutated_bytes(text: str, choices: random.Random) -> bytes:
    """The text as bytes, a few of them changed one time in four."""
    data = bytearray(text.encode("utf-8", errors="surrogatepass"))
    if data and choices.random() < 0.25:
        for _ in range(choices.randint(1, 4)):
            data[choices.randrange(len(data))] = choices.randrange(256)
    return bytes(data)


def _misspelt(name: str, choices: random.Random) -> str:
    place = choices.randrange(len(name))
    return choices.choice((name.upper(), name[:place] + name[place + 1 :], name + "_", "x" + name))
