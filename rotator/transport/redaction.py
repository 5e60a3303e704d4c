"""Makes a server's error text safe to show.

It may contain control characters that rewrite a terminal, have any length, and repeat the client
secret or the token in any encoding.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from rotator.model.secret import Secret
from rotator.transport.encoded_echoes import EncodedEchoes, Runs
from rotator.transport.escapes import find_escapes, has_escapes, unescape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rotator.transport.request import HttpRequest

__all__ = ["Redactor", "debug_id"]

REDACTED = "***"
GRAM = 8
"""The shortest run of a secret's characters that is redacted: an echo may be cut off or broken
across lines."""

MIN_OPAQUE_CHARS = 4
"""Shorter strings in hexadecimal or base64 occur in any word."""

MAX_LAYERS = 4
"""How many nested escapes are decoded: JSON in JSON in a form is three."""

MAX_ESCAPE_CHARS = 20
"""No escape of one character is longer, so this much text is read for each character shown."""

DEBUG_HEADERS = (
    "x-debug-id",
    "x-request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "x-ms-request-id",
    "x-okta-request-id",
    "x-auth0-requestid",
    "request-id",
    "cf-ray",
)


class Redactor:
    """Replaces every occurrence of some secrets by `***`, however the server escapes them."""

    def __init__(self, secrets: tuple[Secret, ...]) -> None:
        self._secrets = secrets

    @classmethod
    def of(cls, *secrets: Secret, sent: HttpRequest | None = None) -> Redactor:
        """A redactor for `secrets`, and for the confidential values of the request `sent`."""
        forms = sent.secret_texts() if sent is not None else ()
        return cls(secrets + tuple(Secret(form) for form in forms))

    @cached_property
    def _forms(self) -> frozenset[str]:
        return frozenset(form for each in self._secrets for form in _forms(each.reveal()))

    @cached_property
    def _grams(self) -> Runs:
        """All substrings of GRAM characters of the secrets."""
        folded = (text for form in self._forms for text in _fold_layers(form))
        return Runs((text for text in folded if text.strip()), GRAM)

    def redact_line(self, text: object, *, max_chars: int) -> str | None:
        """`text` on one line, redacted and cut to `max_chars`; None if empty or not a string."""
        if not isinstance(text, str):
            return None
        seen = text[: max_chars * MAX_ESCAPE_CHARS]
        line = _printable(self.redact(seen)).strip()
        if len(line) > max_chars:
            line = line[: max_chars - 1].rstrip() + "…"
        return line or None

    def redact(self, text: str) -> str:
        """`text` with `***` in place of every secret.

        Only `***` if it repeats a secret in an encoding that cannot be cut out.
        """
        covered = bytearray(len(text))
        for layer in _layers(text):
            self._cover(layer, covered)
        runs = groupby(zip(covered, text, strict=True), key=itemgetter(0))
        shown = "".join(REDACTED if hidden else "".join(c for _, c in run) for hidden, run in runs)
        is_patched = any(covered)
        return REDACTED if self._echoes.appear_in(shown, is_patched=is_patched) else shown

    def redact_together(self, *shown: str | None) -> tuple[str | None, ...]:
        """These redacted texts, or `***` for each if they repeat a secret when joined."""
        whole = " ".join(filter(None, shown))
        if self.redact(whole) == whole:
            return shown
        return tuple(text and REDACTED for text in shown)

    def finds_whole(self, text: str) -> bool:
        """Whether `text` contains a whole secret, however it is escaped or encoded."""
        return self._echoes.are_whole_in(text)

    @cached_property
    def _echoes(self) -> EncodedEchoes:
        return EncodedEchoes({secret.reveal() for secret in self._secrets}, self._forms)

    def _cover(self, layer: _Layer, covered: bytearray) -> None:
        """Mark the parts of the original text that are a secret in this layer; case is ignored."""
        folded, spans = _fold(layer)
        for at, length in self._grams.starts_in(folded):
            start, end = spans[at][0], spans[at + length - 1][1]
            covered[start:end] = b"\1" * (end - start)


def debug_id(headers: Mapping[str, str], redactor: Redactor) -> str | None:
    """The server's id of the request, redacted, for its support; None if it sent none."""
    for name in DEBUG_HEADERS:
        shown = redactor.redact_line(headers.get(name), max_chars=80)
        if shown is not None:
            return shown
    return None


_Layer = list[tuple[str, int, int]]
"""A text with decoded escapes: each character, with its start and end in the original."""


def _layers(text: str) -> Iterator[_Layer]:
    """The text as it is, then with one more layer of escapes decoded at each step."""
    layer: _Layer = [(c, at, at + 1) for at, c in enumerate(text)]
    for _ in range(MAX_LAYERS):
        yield layer
        undone = _undo_escapes(layer)
        if len(undone) == len(layer):
            return
        layer = undone
    yield layer


def _undo_escapes(layer: _Layer) -> _Layer:
    text = "".join(c for c, _, _ in layer)
    undone: _Layer = []
    end = 0
    for escape in find_escapes(text):
        undone += layer[end : escape.start()]
        start, end = escape.span()
        whole = (layer[start][1], layer[end - 1][2])
        undone += [(c, *whole) for c in unescape(escape)]
    return undone + layer[end:]


def _fold(layer: _Layer) -> tuple[str, list[tuple[int, int]]]:
    """The layer in lower case, its white space and control characters as single spaces."""
    characters: list[str] = []
    spans: list[tuple[int, int]] = []
    for c, start, end in layer:
        character = " " if not c.isprintable() else _lower(c)
        if character == " " and characters and characters[-1] == " ":
            spans[-1] = (spans[-1][0], end)
        else:
            characters.append(character)
            spans.append((start, end))
    return "".join(characters), spans


def _fold_layers(text: str) -> Iterator[str]:
    """The folded text of each layer, with a short cut for most secrets."""
    if text.isascii() and text.isprintable() and "  " not in text and not has_escapes(text):
        yield text.lower()
        return
    for layer in _layers(text):
        yield _fold(layer)[0]


def _lower(text: str) -> str:
    """`text` in lower case, except letters that would become two: the length must not change."""
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _printable(text: str) -> str:
    """On one line: each run of white space and unprintable characters becomes one space."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text))


def _forms(secret: str) -> Iterable[str]:
    """The secret, and its encodings that `rotator.transport.escapes` doesn't decode."""
    encoded = secret.encode(errors="replace")  # JSON can contain surrogates
    yield secret
    yield encoded.decode("latin-1")  # as shown by servers that mistake UTF-8 for Latin-1
    yield json.dumps(secret)[1:-1]
    yield quote_plus(encoded)
    for variant in (encoded, quote(encoded, safe="").encode(), quote_plus(encoded).encode()):
        yield from (form for form in _opaque_forms(variant) if len(form) >= MIN_OPAQUE_CHARS)


def _opaque_forms(data: bytes) -> Iterator[str]:
    yield data.hex()
    # Within a longer text, such as a Basic header, base64 depends on what precedes: there are three
    # alignments, and the first characters are not the secret's alone.
    for before, foreign in ((b"", 0), (b"-", 2), (b"--", 3)):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(before + data).decode().rstrip("=")[foreign:]
