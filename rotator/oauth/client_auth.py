"""How the client proves itself: exactly one method per request.

A method has the form in which Authlib takes it: it gets the client, the HTTP method, the URL, the
headers and the body, and returns the last three as they are to be sent.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import warnings
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote_plus

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.auth import encode_client_secret_post, encode_none
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from rotator.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.credentials import ClientCredentials
    from rotator.providers import Provider
    from rotator.tokens import Secret

    Sent = tuple[str, dict[str, str], str]
    Method = Callable[["Client", str, str, dict[str, str], str], Sent]

__all__ = ["assertion", "encode_basic", "method_for", "private_key_pem"]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME_S = 60

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class Client(Protocol):
    """What Authlib hands to a method."""

    client_id: str
    client_secret: str


def method_for(
    credentials: ClientCredentials, provider: Provider, *, token_url: str, now: datetime
) -> Method:
    """The provider's method; raises CredentialsError if the credentials' key is of no use."""
    match provider.auth_method:
        case "client_secret_basic":
            return partial(_basic, provider.basic_encoding)
        case "client_secret_post":
            return encode_client_secret_post  # type: ignore[no-any-return]
        case "private_key_jwt":
            signed = assertion(credentials, provider, token_url=token_url, now=now)
            return partial(_assert, signed)
        case _:
            return encode_none  # type: ignore[no-any-return]  # the certificate is the proof


def _basic(
    encoding: str, client: Client, _method: str, uri: str, headers: dict[str, str], body: str
) -> Sent:
    """Authlib's own method forgets to form-encode."""
    headers["Authorization"] = encode_basic(client.client_id, client.client_secret, encoding)
    return uri, headers, body


def encode_basic(client_id: str, client_secret: str, encoding: str = "form") -> str:
    """The Authorization header: both are form-encoded before they are joined.

    RFC 6749 section 2.3.1; without it a colon in the client id, or anything beyond Latin-1, cannot
    be sent. `raw` joins them as they are, for servers that do not decode.
    """
    encode = quote_plus if encoding == "form" else str
    pair = f"{encode(client_id)}:{encode(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _assert(
    signed: str, client: Client, _method: str, uri: str, headers: dict[str, str], body: str
) -> Sent:
    """Authlib's own method puts no `client_id` beside the assertion, which some servers want."""
    fields = [
        ("client_id", client.client_id),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", signed),
    ]
    return uri, headers, add_params_to_qs(body, fields)


def assertion(
    credentials: ClientCredentials, provider: Provider, *, token_url: str, now: datetime
) -> str:
    """A JWT that proves possession of the private key for a minute (RFC 7523 section 3).

    It is for the issuer, which is the one audience that all servers can agree on, or where that is
    not known for the token endpoint. Raises CredentialsError for a key that cannot sign.
    """
    key = _import_key(credentials.private_key)
    issuer = credentials.issuer if provider.assertion_audience == "issuer" else None
    header = {"typ": "JWT", "alg": _algorithm(key, provider)}
    key_id = credentials.key_id or key.as_dict(private=False).get("kid")
    if isinstance(key_id, str):
        header["kid"] = key_id
    if credentials.certificate is not None:
        header["x5t#S256"] = _thumbprint(credentials.certificate)
    signed: str | None = None
    with contextlib.suppress(JoseError), warnings.catch_warnings():  # a JWK may forbid its use
        warnings.simplefilter("ignore", SecurityWarning)
        signed = private_key_jwt_sign(
            key,
            client_id=credentials.client_id,
            token_endpoint=issuer or token_url,  # what Authlib makes the audience
            issued_at=int(now.timestamp()),
            expires_in=ASSERTION_LIFETIME_S,
            claims={"jti": secrets.token_urlsafe(24)},
            header=header,
            alg=header["alg"],
        )
    if signed is None:
        raise CredentialsError("private_key: must not be used to sign, by its own words")
    return signed


def private_key_pem(credentials: ClientCredentials) -> bytes:
    """The private key as PEM, also if it is a JWK; raises CredentialsError if it is neither."""
    return _import_key(credentials.private_key).as_pem(private=True)


def _import_key(private_key: Secret | None) -> RSAKey | ECKey | OKPKey:
    text = private_key.reveal().strip() if private_key else ""
    key = None
    with contextlib.suppress(JoseError, ValueError, TypeError, KeyError):
        key = _load_jwk(text) if text.startswith("{") else _load_pem(text)
    if key is None or not key.is_private:
        raise CredentialsError(
            "private_key: is neither a PEM nor a JWK of a private key that can sign"
        )
    return key


def _load_jwk(text: str) -> RSAKey | ECKey | OKPKey:
    key = JWKRegistry.import_key(json.loads(text))
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        raise TypeError("a symmetric key")
    return key


def _load_pem(text: str) -> RSAKey | ECKey | OKPKey | None:
    for kind in (RSAKey, ECKey, OKPKey):
        with contextlib.suppress(JoseError, ValueError, TypeError):
            return kind.import_key(text)
    return None


def _algorithm(key: RSAKey | ECKey | OKPKey, provider: Provider) -> str:
    """What the key signs with; a JWK may say so itself."""
    stated = key.as_dict(private=False).get("alg")
    if isinstance(key, RSAKey):
        return stated if stated in _RSA_ALGORITHMS else provider.rsa_algorithm
    if isinstance(key, ECKey) and key.curve_name in _EC_ALGORITHMS:
        return _EC_ALGORITHMS[key.curve_name]
    if isinstance(key, OKPKey) and key.curve_name in {"Ed25519", "Ed448"}:
        # RFC 9864 names the curve instead, which is what servers do not know yet.
        return stated if stated == key.curve_name else "EdDSA"
    raise CredentialsError("private_key: is on a curve that no signature is registered for")


def _thumbprint(certificate: str) -> str:
    """The SHA-256 thumbprint of the first certificate (RFC 7515 section 4.1.8)."""
    digest = None
    with contextlib.suppress(ValueError):
        digest = load_pem_x509_certificate(certificate.encode()).fingerprint(SHA256())
    if digest is None:
        raise CredentialsError("certificate: is not PEM")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
