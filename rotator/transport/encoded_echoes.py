"""Detects encoded echoes of a secret that cannot be cut out of a text.

A server's debug output may repeat a secret as a list of bytes, as a hex dump, in base64 of base64,
or with something between its characters. Where such an echo begins and ends is guesswork, so this
only detects whether there is one; then nothing of the text may be shown.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from functools import cached_property
from math import ceil, log2
from typing import TYPE_CHECKING

from rotator.transport.escapes import has_escapes, unescape_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["EncodedEchoes", "Runs"]

SQUEEZED_CHARS = 16
"""How many successive letters and digits, ignoring all other characters, are an echo. Fewer could
be English words, such as `client_secret`, that also occur in a badly chosen secret."""

DECODED_CHARS = 12
"""How many successive characters are an echo in a decoded text."""

MIN_CHARS = 4
"""Shorter secrets occur in any text by chance."""

GAPS = (1, 2, 4)
"""How many other letters and digits may be between two characters of a secret: `"1":` in a JSON
object has one, `<br>` two, `</td><td>` four."""

CHANCE = 16
"""One in this many characters is the secret's next one by chance, in English and in hexadecimal."""

BITS_EACH = 3
"""The evidence in bits of one character behind a gap of one (16 / 2 is 2 ** 3). Sixteen make 48
bits: with 4,000 places in a text and 64 in a secret, chance does that once in a billion texts. A
character behind a wider gap is less evidence, so that more of them are needed."""

WHOLE_BITS = 32
"""The evidence in bits that is enough for a shorter secret that occurs as a whole."""

MIN_WHOLE_CHARS = 8
"""A shorter secret may occur in any long, decoded token by chance."""

MAX_DEPTH = 3
"""How many nested encodings are decoded."""

WHOLE_DEPTH = 1
"""The same in a search for whole secrets: the claims of a JWT are encoded once."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(r"[0-9a-f][0-9a-f]{7,}")  # written like this, it is searched faster
_PREFIXES = ("0x", "\\x", "u+")
_WORD = re.compile(r"[0-9A-Za-z]+")
_PUNCTUATION = {code: None for code in range(128) if not chr(code).isalnum()}
_BASES = (10, 8, 2)
_MAX_DIGITS = 21  # a character in base 2


class Runs:
    """All runs of `length` characters of some texts; of a shorter text, the whole."""

    def __init__(self, texts: Iterable[str], length: int) -> None:
        self.all = frozenset(
            text[at : at + length] for text in texts for at in range(max(1, len(text) - length + 1))
        )
        self.lengths = frozenset(map(len, self.all)) - {0}

    def starts_in(self, text: str) -> Iterator[tuple[int, int]]:
        """The positions in the text where one of the runs starts, with its length."""
        return (
            (at, length)
            for length in self.lengths
            for at in range(len(text) - length + 1)
            if text[at : at + length] in self.all
        )

    def occur_in(self, text: str) -> bool:
        """Whether the text holds one of the runs."""
        return any(True for _ in self.starts_in(text))


class EncodedEchoes:
    """Detects whether a text repeats one of `secrets`, or of `forms`, their common encodings."""

    def __init__(self, secrets: Iterable[str], forms: Iterable[str]) -> None:
        self._secrets = secrets
        self._forms = frozenset(forms)

    def appear_in(self, text: str, *, is_patched: bool = False) -> bool:
        """Whether some decoding of `text` contains a form, or a long enough part of one.

        If something was redacted in it (`is_patched`), half the length is enough: the rest of an
        echo is more likely than chance.
        """
        chars = SQUEEZED_CHARS // 2 if is_patched else SQUEEZED_CHARS
        squeezed = self._squeezed_halves if is_patched else self._squeezed_runs
        return any(
            squeezed.occur_in(_squeeze(each))
            or self._is_scattered_in(each, chars)
            # The text itself, not decoded, has been redacted already.
            or (each is not text and self._parts.occur_in(each.lower()))
            for each in _decodings(text)
        )

    def are_whole_in(self, text: str) -> bool:
        """Whether some decoding of `text` contains a whole form.

        A part could occur by chance, or be a word of both, which is no reason to refuse a token.
        Every token is checked, so fewer decodings have to suffice; the forms are encodings already.
        """
        texts = map(str.lower, _decodings(text, WHOLE_DEPTH))
        return any(whole in low for low in texts for whole in self._wholes)

    def _is_scattered_in(self, text: str, chars: int) -> bool:
        squeezed = _squeeze(text)
        return any(secret.is_scattered_in(squeezed, chars) for secret in self._chains)

    @cached_property
    def _chains(self) -> tuple[_Chain, ...]:
        return tuple(map(_Chain, {_squeeze(secret) for secret in self._secrets}))

    @cached_property
    def _wholes(self) -> frozenset[str]:
        return frozenset(form.lower() for form in self._forms if len(form) >= MIN_WHOLE_CHARS)

    @cached_property
    def _squeezed_runs(self) -> Runs:
        return _runs(map(_squeeze, self._forms), SQUEEZED_CHARS)

    @cached_property
    def _squeezed_halves(self) -> Runs:
        return _runs(map(_squeeze, self._forms), SQUEEZED_CHARS // 2)

    @cached_property
    def _parts(self) -> Runs:
        return _runs(map(str.lower, self._forms), DECODED_CHARS)


class _Chain:
    """The characters of a squeezed secret, to be found in order with gaps between."""

    def __init__(self, secret: str) -> None:
        self._length = len(secret)
        self._places: dict[str, int] = {}
        for place, c in enumerate(secret):
            self._places[c] = self._places.get(c, 0) | 1 << place

    def is_scattered_in(self, text: str, chars: int) -> bool:
        """Whether enough characters are in the squeezed text.

        The wider the gaps, the more are needed to rule out chance; of a short secret all are.
        """
        for gap in GAPS:
            bits = log2(CHANCE / (gap + 1))
            needed = ceil(chars * BITS_EACH / bits)
            is_telling = self._length >= needed or self._length * bits >= WHOLE_BITS
            if is_telling and self._is_in(text, gap, min(needed, self._length)):
                return True
        return False

    def _is_in(self, text: str, gap: int, needed: int) -> bool:
        """Whether `needed` successive characters follow each other, at most `gap` apart.

        All chains grow together, by one character in each round. `ends` has where in the text they
        end, and the places in the secret that they end with, as bits.
        """
        places = [*(self._places.get(c, 0) for c in text), *(0 for _ in range(gap + 1))]
        ends = {at: here for at, here in enumerate(places) if here}
        for _ in range(needed - 1):
            longer: dict[int, int] = {}
            for at, here in ends.items():
                for next_at in range(at + 1, at + gap + 2):
                    reached = here << 1 & places[next_at]
                    if reached:
                        longer[next_at] = longer.get(next_at, 0) | reached
            ends = longer
        return bool(ends)


def _squeeze(text: str) -> str:
    """The letters and digits alone, in lower case."""
    lower = text.lower()
    if lower.isascii():  # ten times as fast, and every token is
        return lower.translate(_PUNCTUATION)
    return "".join(filter(str.isalnum, lower))


def _runs(texts: Iterable[str], length: int) -> Runs:
    return Runs((text for text in texts if len(text) >= MIN_CHARS), length)


def _decodings(text: str, depth: int = MAX_DEPTH) -> Iterator[str]:
    """The text, and its decodings through up to `depth` nested encodings."""
    texts, seen = [text], {text}
    for _ in range(depth):
        yield from texts
        decoded = dict.fromkeys(inner for each in texts for inner in _decode(each))
        texts = [each for each in decoded if each not in seen]
        seen |= decoded.keys()
    yield from texts


def _decode(text: str) -> Iterator[str]:
    """The decodings of the text, or of encoded parts of it, by one layer of each known encoding."""
    if not text.isascii():  # full-width letters read as the plain ones
        yield unicodedata.normalize("NFKC", text)
    if has_escapes(text):
        yield unescape_all(text)
    runs = _BASE64.findall("".join(text.split()))
    for start in range(4):  # an encoded secret may begin anywhere in the run
        yield " ".join(_decode_base64(run[start:]) for run in runs)
    digits = text.lower()
    for prefix in _PREFIXES:
        digits = digits.replace(prefix, " ")
    runs = _HEX.findall(_squeeze(digits))
    for start in range(2):
        yield " ".join(_decode_hex(run[start:]) for run in runs)
    numbers = [word for word in _WORD.findall(text) if word.isdigit()]
    if len(numbers) >= MIN_CHARS:
        for base in _BASES:
            yield "".join(_character(number, base) for number in numbers)


def _decode_base64(run: str) -> str:
    """The octets as characters, from either alphabet; an incomplete last character is dropped."""
    whole = run[:-1] if len(run) % 4 == 1 else run
    padded = whole + "=" * (-len(whole) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/")).decode("latin-1")


def _decode_hex(run: str) -> str:
    return bytes.fromhex(run[: len(run) // 2 * 2]).decode("latin-1")


def _character(number: str, base: int) -> str:
    """The character with this code, a space if there is none."""
    if len(number) > _MAX_DIGITS:
        return " "
    try:
        code = int(number, base)
    except ValueError:
        return " "
    return chr(code) if code <= 0x10FFFF else " "  # noqa: PLR2004 - the last of Unicode
