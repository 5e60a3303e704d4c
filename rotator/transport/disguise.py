"""Secrets in disguises that nothing can be cut out of: then the whole text is not fit to be shown.

A server's debug output has a secret as a list of bytes, as a hex dump, in base64 of base64, or with
something between its characters. Where such a repetition begins and ends is guesswork, so the only
question here is whether there is one.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Disguises"]

SQUEEZED_CHARS = 16
"""So many letters and digits in a row, whatever stands between them. Less would be English, such as
`client_secret`, that a badly chosen secret has too."""

DECODED_CHARS = 12
"""So many characters in a row where a text had to be decoded first."""

MIN_CHARS = 4
"""A shorter secret is in any text."""

MAX_DEPTH = 3
"""How many encodings around each other are undone."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(r"[0-9a-f]{8,}")
_PREFIX = re.compile(r"0x|\\x|u\+", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+")
_BASES = (10, 8, 2)
_MAX_DIGITS = 21  # a character in base 2


@dataclass(frozen=True)
class Disguises:
    """Tells whether a text repeats one of `forms`: secrets, and what they are encoded as."""

    forms: tuple[str, ...]

    def appear_in(self, text: str) -> bool:
        """Whether some decoding of `text` holds a form, or a part of one that is long enough."""
        texts, seen = [text], {text}
        for depth in range(MAX_DEPTH + 1):
            if any(self._is_repeated(each, is_decoded=depth > 0) for each in texts):
                return True
            decoded = dict.fromkeys(inner for each in texts for inner in _decode(each))
            texts = [each for each in decoded if each not in seen]
            seen |= decoded.keys()
        return False

    def _is_repeated(self, text: str, *, is_decoded: bool) -> bool:
        if _shares(_squeeze(text), self._squeezed):
            return True
        # As it stands, the text has been redacted already.
        return is_decoded and _shares(text.lower(), self._parts)

    @cached_property
    def _squeezed(self) -> frozenset[str]:
        return _parts((_squeeze(form) for form in self.forms), SQUEEZED_CHARS)

    @cached_property
    def _parts(self) -> frozenset[str]:
        return _parts((form.lower() for form in self.forms), DECODED_CHARS)


def _squeeze(text: str) -> str:
    """The letters and digits alone, in lower case."""
    return "".join(c for c in text.lower() if c.isalnum())


def _parts(texts: Iterable[str], length: int) -> frozenset[str]:
    return frozenset(
        text[at : at + length]
        for text in texts
        if len(text) >= MIN_CHARS
        for at in range(max(1, len(text) - length + 1))
    )


def _shares(text: str, parts: frozenset[str]) -> bool:
    return any(
        text[at : at + length] in parts
        for length in {len(part) for part in parts}
        for at in range(len(text) - length + 1)
    )


def _decode(text: str) -> Iterator[str]:
    """What the text is, or holds, if it was encoded once."""
    for run in _BASE64.findall(re.sub(r"\s+", "", text)):
        for start in range(4):  # it may begin anywhere in the run
            yield _decode_base64(run[start:])
    for run in _HEX.findall(_squeeze(_PREFIX.sub(" ", text))):
        for start in range(2):
            digits = run[start : len(run) - (len(run) - start) % 2]
            yield bytes.fromhex(digits).decode("latin-1")
    numbers = _NUMBER.findall(text)
    if len(numbers) >= MIN_CHARS:
        for base in _BASES:
            yield "".join(_character(number, base) for number in numbers)


def _decode_base64(run: str) -> str:
    """The octets as characters, in either alphabet; one character of the end may be too many."""
    whole = run[:-1] if len(run) % 4 == 1 else run
    padded = whole + "=" * (-len(whole) % 4)
    return base64.urlsafe_b64decode(padded.replace("+", "-").replace("/", "_")).decode("latin-1")


def _character(number: str, base: int) -> str:
    """The character of this code, a space for what is none."""
    if len(number) > _MAX_DIGITS:
        return " "
    try:
        code = int(number, base)
    except ValueError:
        return " "
    return chr(code) if code <= 0x10FFFF else " "  # noqa: PLR2004 - the last of Unicode
