"""Client authentication: exactly one method per request (RFC 6749 section 2.3).

Authlib calls a method with the client, the HTTP method, the URL, the headers and the body; it
returns the last three as they are sent.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote_plus

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.auth import encode_client_secret_post, encode_none

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider

    Sent = tuple[str, dict[str, str], str]
    Method = Callable[["Client", str, str, dict[str, str], str], Sent]

__all__ = ["encode_basic", "method_for"]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Client(Protocol):
    """The attributes of Authlib's client that a method uses."""

    client_id: str
    client_secret: str


def method_for(
    credentials: ClientCredentials, provider: Provider, *, token_url: str, now: datetime
) -> Method:
    """The provider's authentication method; raises CredentialsError for a key that can't sign."""
    match provider.auth_method:
        case "client_secret_basic":
            return partial(_basic, provider.basic_encoding)
        case "client_secret_post":
            return encode_client_secret_post  # type: ignore[no-any-return]
        case "private_key_jwt":
            from rotator.oauth.private_key import assertion

            signed = assertion(credentials, provider, token_url=token_url, now=now)
            return partial(_assert, signed)
        case _:
            return encode_none  # type: ignore[no-any-return]  # the TLS certificate authenticates


def _basic(
    encoding: str, client: Client, _method: str, uri: str, headers: dict[str, str], body: str
) -> Sent:
    """HTTP Basic, which Authlib's own method sends without form-encoding."""
    headers["Authorization"] = encode_basic(client.client_id, client.client_secret, encoding)
    return uri, headers, body


def encode_basic(client_id: str, client_secret: str, encoding: str = "form") -> str:
    """The Authorization header; both parts are form-encoded first (RFC 6749 section 2.3.1).

    Otherwise a colon in the client id, or anything beyond Latin-1, could not be sent. `raw` joins
    them as they are, for servers that do not decode.
    """
    encode = quote_plus if encoding == "form" else str
    pair = f"{encode(client_id)}:{encode(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _assert(
    signed: str, client: Client, _method: str, uri: str, headers: dict[str, str], body: str
) -> Sent:
    """A signed assertion, with the `client_id` that some servers require and Authlib leaves out."""
    fields = [
        ("client_id", client.client_id),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", signed),
    ]
    return uri, headers, add_params_to_qs(body, fields)
