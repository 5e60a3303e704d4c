"""Secrets in disguises that nothing can be cut out of: then the whole text is not fit to be shown.

A server's debug output has a secret as a list of bytes, as a hex dump, in base64 of base64, or with
something between its characters. Where such a repetition begins and ends is guesswork, so the only
question here is whether there is one.
"""

from __future__ import annotations

import base64
import re
from functools import cached_property
from math import ceil, log2
from typing import TYPE_CHECKING

from rotator.transport.escapes import has_escapes, unescape_all

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

GAPS = (1, 2, 4)
"""So many letters and digits of something else may stand between two neighbours: `<br>` has two,
`"1":` in a JSON object one, `</td><td>` four."""

CHANCE = 16
"""Of so many neighbours one is right by chance: in English as in hexadecimal digits."""

BITS_EACH = 3
"""What a character behind a gap of one rules out (16 / 2 is 2 ** 3). Sixteen such characters are
2 ** 48: among 4,000 places of a text and 64 of a secret, chance has them once in a billion texts.
A character behind a wider gap rules out less, so that it takes more of them."""

WHOLE_BITS = 32
"""The same, for a shorter secret that stands there from its first character to its last."""

MIN_WHOLE_CHARS = 8
"""A shorter one stands in any long token, once it is decoded."""

MAX_DEPTH = 3
"""How many encodings around each other are undone."""

WHOLE_DEPTH = 1
"""The same for a whole secret: the claims of a JWT are encoded once."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(r"[0-9a-f]{8,}")
_PREFIX = re.compile(r"0x|\\x|u\+", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?![0-9A-Za-z])")  # a word of digits alone
_BASES = (10, 8, 2)
_MAX_DIGITS = 21  # a character in base 2


class Disguises:
    """Tells whether a text repeats one of the secrets, or of `forms`: what they are encoded as."""

    def __init__(self, secrets: tuple[str, ...], forms: tuple[str, ...]) -> None:
        self._secrets = secrets
        self._forms = forms

    def appear_in(self, text: str, *, is_patched: bool = False) -> bool:
        """Whether some decoding of `text` holds a form, or a part of one that is long enough.

        Where something was cut out of it (`is_patched`), half as much is enough: there was an echo,
        and what is left is hardly there by chance.
        """
        chars = SQUEEZED_CHARS // 2 if is_patched else SQUEEZED_CHARS
        squeezed = _parts(map(_squeeze, self._forms), chars)
        return any(
            # As it stands, the text has been redacted already.
            _shares(_squeeze(each), squeezed)
            or self._is_scattered_in(each, chars)
            or (each is not text and _shares(each.lower(), self._parts))
            for each in _decodings(text)
        )

    def are_whole_in(self, text: str) -> bool:
        """Whether some decoding of `text` holds a form from its first character to its last.

        A part may be chance, or a word that both have: a text that is no error message is not
        given up for it. Every token is looked at, so that fewer decodings have to do: the forms are
        encodings themselves.
        """
        texts = map(str.lower, _decodings(text, WHOLE_DEPTH))
        return any(whole in low for low in texts for whole in self._wholes)

    def _is_scattered_in(self, text: str, chars: int) -> bool:
        squeezed = _squeeze(text)
        return any(_is_scattered(secret, squeezed, chars) for secret in self._squeezed_secrets)

    @cached_property
    def _squeezed_secrets(self) -> frozenset[str]:
        return frozenset(map(_squeeze, self._secrets))

    @cached_property
    def _wholes(self) -> frozenset[str]:
        return frozenset(form.lower() for form in self._forms if len(form) >= MIN_WHOLE_CHARS)

    @cached_property
    def _parts(self) -> frozenset[str]:
        return _parts((form.lower() for form in self._forms), DECODED_CHARS)


def _squeeze(text: str) -> str:
    """The letters and digits alone, in lower case."""
    return "".join(filter(str.isalnum, text.lower()))


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


def _decodings(text: str, depth: int = MAX_DEPTH) -> Iterator[str]:
    """The text, and all that it is or holds if it was encoded once or several times."""
    texts, seen = [text], {text}
    for _ in range(depth):
        yield from texts
        decoded = dict.fromkeys(inner for each in texts for inner in _decode(each))
        texts = [each for each in decoded if each not in seen]
        seen |= decoded.keys()
    yield from texts


def _is_scattered(secret: str, text: str, chars: int) -> bool:
    """Whether the secret's characters stand in the text in order, with no more than gaps between.

    Both are squeezed. The wider the gaps, the more characters are needed to rule out chance, and of
    a short secret all of them.
    """
    for gap in GAPS:
        bits = log2(CHANCE / (gap + 1))
        needed = ceil(chars * BITS_EACH / bits)
        is_telling = len(secret) >= needed or len(secret) * bits >= WHOLE_BITS
        if is_telling and _has_chain(secret, text, gap, min(needed, len(secret))):
            return True
    return False


def _has_chain(secret: str, text: str, gap: int, needed: int) -> bool:
    """Whether so many successive characters of the secret follow each other in the text.

    One pass: for each place in the secret, the longest chain that ends there, and where it ended.
    """
    places: dict[str, list[int]] = {}
    for place in reversed(range(len(secret))):  # a chain takes each character of the text once
        places.setdefault(secret[place], []).append(place + 1)
    lengths = [0] * (len(secret) + 1)
    ended = [-1] * (len(secret) + 1)
    for at, c in enumerate(text):
        for place in places.get(c, ()):
            goes_on = at - ended[place - 1] <= gap + 1
            length = lengths[place - 1] + 1 if goes_on else 1
            if length >= needed:
                return True
            if length >= lengths[place] or at - ended[place] > gap:
                lengths[place], ended[place] = length, at
    return False


def _decode(text: str) -> Iterator[str]:
    """What the text is, or holds, if it was encoded once."""
    if has_escapes(text):
        yield unescape_all(text)
    runs = _BASE64.findall(re.sub(r"\s+", "", text))
    for start in range(4):  # it may begin anywhere in the run
        yield " ".join(_decode_base64(run[start:]) for run in runs)
    runs = _HEX.findall(_squeeze(_PREFIX.sub(" ", text)))
    for start in range(2):
        yield " ".join(_decode_hex(run[start:]) for run in runs)
    numbers = _NUMBER.findall(text)
    if len(numbers) >= MIN_CHARS:
        for base in _BASES:
            yield "".join(_character(number, base) for number in numbers)


def _decode_base64(run: str) -> str:
    """The octets as characters, in either alphabet; one character of the end may be too many."""
    whole = run[:-1] if len(run) % 4 == 1 else run
    padded = whole + "=" * (-len(whole) % 4)
    return base64.urlsafe_b64decode(padded.replace("+", "-").replace("/", "_")).decode("latin-1")


def _decode_hex(run: str) -> str:
    return bytes.fromhex(run[: len(run) // 2 * 2]).decode("latin-1")


def _character(number: str, base: int) -> str:
    """The character of this code, a space for what is none."""
    if len(number) > _MAX_DIGITS:
        return " "
    try:
        code = int(number, base)
    except ValueError:
        return " "
    return chr(code) if code <= 0x10FFFF else " "  # noqa: PLR2004 - the last of Unicode
