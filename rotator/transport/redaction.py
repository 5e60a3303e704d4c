"""What a server says about an error, made fit to be shown.

It is foreign text: it can hold control characters that rewrite a terminal, be of any length, and
repeat the client secret or the token that it complains about.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rotator.model.secret import Secret

__all__ = ["Mask", "debug_id"]

MASKED = "***"
GRAM = 8
"""A run of this many characters of a secret is enough to be masked, so that a cut or a line break
in the middle of an echo does not help it through."""

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


@dataclass(frozen=True)
class Mask:
    """Masks every occurrence of some secrets, in the encodings in which servers echo them."""

    secrets: tuple[Secret, ...]

    @classmethod
    def of(cls, *secrets: Secret) -> Mask:
        """A mask for `secrets`."""
        return cls(secrets)

    @cached_property
    def _grams(self) -> frozenset[str]:
        """Made at the first text to be shown: an answer that is as it should be needs none."""
        grams: set[str] = set()
        for secret in self.secrets:
            for form in _forms(secret.reveal()):
                text = _lower(_printable(form))
                grams |= {text[at : at + GRAM] for at in range(max(1, len(text) - GRAM + 1))}
        return frozenset(grams - {""})

    def show(self, text: object, *, max_chars: int) -> str | None:
        """`text` on one line, masked and cut; None unless it is a string with something in it."""
        if not isinstance(text, str):
            return None
        line = self.hide(_printable(text)).strip()
        if len(line) > max_chars:
            line = line[: max_chars - 1].rstrip() + "…"
        return line or None

    def hide(self, text: str) -> str:
        """`text` with every secret in it replaced by three stars."""
        folded = _lower(text)
        covered = bytearray(len(text))
        for length in {len(gram) for gram in self._grams}:
            for at in range(len(text) - length + 1):
                if folded[at : at + length] in self._grams:
                    covered[at : at + length] = b"\1" * length
        runs = groupby(zip(covered, text, strict=True), key=itemgetter(0))
        return "".join(MASKED if hidden else "".join(c for _, c in run) for hidden, run in runs)


def debug_id(headers: Mapping[str, str], mask: Mask) -> str | None:
    """The server's own id of the request, for its support; None if it sent none."""
    for name in DEBUG_HEADERS:
        shown = mask.show(headers.get(name), max_chars=80)
        if shown is not None:
            return shown
    return None


def _lower(text: str) -> str:
    """`text` in lower case and of the same length: a few letters would become two."""
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _printable(text: str) -> str:
    """On one line: every run of white space and of what cannot be printed becomes one space."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text))


def _forms(secret: str) -> Iterable[str]:
    encoded = secret.encode(errors="replace")  # JSON can hold half a character
    yield secret
    yield quote(encoded, safe="")
    yield quote_plus(encoded)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield escape(secret)
    yield encoded.hex()
    # Within a longer text, as in a Basic header, it depends on what goes before: three ways, and
    # the first characters are not the secret's alone.
    for before, foreign in ((b"", 0), (b"-", 2), (b"--", 3)):
        yield base64.b64encode(before + encoded).decode().rstrip("=")[foreign:]
        yield base64.urlsafe_b64encode(before + encoded).decode().rstrip("=")[foreign:]
