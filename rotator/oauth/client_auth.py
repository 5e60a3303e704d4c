"""How the client proves itself, in the form in which Authlib takes such methods.

Each gets the client, the HTTP method, the URL, the headers and the body, and returns the last three
as they are to be sent.
"""

from __future__ import annotations

import base64
from typing import Protocol
from urllib.parse import quote_plus

__all__ = ["Client", "basic", "encode_basic"]


class Client(Protocol):
    """What Authlib hands to a method."""

    client_id: str
    client_secret: str


def basic(
    client: Client,
    method: str,  # noqa: ARG001 - as Authlib calls it
    uri: str,
    headers: dict[str, str],
    body: str,
) -> tuple[str, dict[str, str], str]:
    """`client_secret_basic`; Authlib's own forgets to form-encode."""
    headers["Authorization"] = encode_basic(client.client_id, client.client_secret)
    return uri, headers, body


def encode_basic(client_id: str, client_secret: str) -> str:
    """The Authorization header: both are form-encoded before they are joined.

    RFC 6749 section 2.3.1; without it a colon in the client id, or anything beyond Latin-1, cannot
    be sent.
    """
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
