"""An HTTP request, and which parts of it are confidential."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["HttpRequest"]

PUBLIC_FIELDS = frozenset(
    {"audience", "client_assertion_type", "client_id", "grant_type", "resource", "scope"}
)
"""Form fields that an error may repeat: most errors are about them."""

PUBLIC_HEADERS = frozenset({"accept", "content-type", "x-api-key"})

MIN_CHARS = 8
"""Shorter parameters are words like `v2`; redacting them would make any text unreadable."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request; `body` is text or a form, and is never shown, nor are the headers."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)

    def secret_texts(self) -> Iterator[str]:
        """Each confidential value, both as it is sent and decoded.

        They are taken from the request, not from the credentials, to include whatever a method of
        client authentication derives from a secret.
        """
        for name, value in self.headers.items():
            if name.lower() not in PUBLIC_HEADERS:
                yield value.partition(" ")[2] or value  # without `Basic` or `Bearer`
        for pair in self.body.split("&"):
            name, _, value = pair.partition("=")
            is_ours = unquote_plus(name) in {"client_secret", "client_assertion"}
            if unquote_plus(name) not in PUBLIC_FIELDS and (is_ours or len(value) >= MIN_CHARS):
                yield value
                yield unquote_plus(value)
