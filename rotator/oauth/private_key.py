"""Parses the client's private key, and signs assertions with it.

Imports cryptography, which takes as long as all the rest of a mint, so import this only for a key.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import threading
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from authlib.oauth2.rfc7523 import private_key_jwt_sign
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_ssh_private_key,
)
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from rotator.errors import CredentialsError
from rotator.model.fields import load_object
from rotator.model.key_limits import JWK_LIMITS, problem_with_number

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.model.secret import Secret

    _Key = RSAKey | ECKey | OKPKey

__all__ = ["assertion", "private_key_pem"]

ASSERTION_LIFETIME_S = 60

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


def assertion(
    credentials: ClientCredentials, provider: Provider, *, token_url: str, now: datetime
) -> str:
    """A JWT, valid for a minute, that authenticates the client by its key (RFC 7523 section 3).

    Its audience is the issuer, or the token endpoint if the issuer is not known or the provider
    wants that. Raises CredentialsError for a key that cannot sign.
    """
    key = _load_key(credentials.private_key)
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
            token_endpoint=issuer or token_url,  # which Authlib uses as the audience
            issued_at=int(now.timestamp()),
            expires_in=ASSERTION_LIFETIME_S,
            claims={"jti": secrets.token_urlsafe(24)},
            header=header,
            alg=header["alg"],
        )
    if signed is None:
        raise CredentialsError("private_key: its use or key_ops forbid signing")
    return signed


def private_key_pem(credentials: ClientCredentials) -> bytes:
    """The private key as PEM, converted from a JWK; raises CredentialsError if it is neither."""
    return _load_key(credentials.private_key).as_pem(private=True)


def _load_key(private_key: Secret | None) -> _Key:
    with _LOADING:
        key = _import_key(private_key)
    if isinstance(key, str):
        raise CredentialsError(f"private_key: {key}")
    return key


_UNUSABLE = (JoseError, InternalError, UnsupportedAlgorithm, ValueError, TypeError, KeyError)

_LOADING = threading.Lock()
"""Without it, threads that start at the same time would each load the same key."""


@lru_cache(maxsize=64)  # checking the primes takes longer than all the rest of a mint
def _import_key(private_key: Secret | None) -> _Key | str:
    """The key, or the problem with it."""
    text = private_key.reveal().strip() if private_key else ""
    key = None
    with contextlib.suppress(*_UNUSABLE):
        key = _load_jwk(text) if text.startswith("{") else _load_pem(text)
    if key is None or not (isinstance(key, str) or key.is_private):
        return "is neither a PEM nor a JWK of a private key that can sign"
    return key


def _load_jwk(text: str) -> _Key:
    key = JWKRegistry.import_key(load_object(text, last_counts=True))
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        raise TypeError("a symmetric key")
    return key


def _load_pem(text: str) -> _Key | str | None:
    problem = _problem_with_numbers(text)
    if problem is not None:
        return problem
    for kind in (RSAKey, ECKey, OKPKey):
        with contextlib.suppress(*_UNUSABLE):
            return kind.import_key(text)
    return None


def _problem_with_numbers(text: str) -> str | None:
    """Which number of a PEM is longer than a JWK could have it; None if all are short enough."""
    load = load_ssh_private_key if "OPENSSH PRIVATE" in text else load_pem_private_key
    key = load(text.encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        return None
    numbers = key.private_numbers()
    public = numbers.public_numbers
    parts = {
        "n": public.n,
        "e": public.e,
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    for name, bits in JWK_LIMITS.items():
        if parts[name].bit_length() > bits:
            return problem_with_number(name)
    return None


def _algorithm(key: _Key, provider: Provider) -> str:
    """The signature algorithm; a JWK may name it (RFC 7517 section 4.4)."""
    stated = key.as_dict(private=False).get("alg")
    if isinstance(key, RSAKey):
        return stated if stated in _RSA_ALGORITHMS else provider.rsa_algorithm
    if isinstance(key, ECKey) and key.curve_name in _EC_ALGORITHMS:
        return _EC_ALGORITHMS[key.curve_name]
    if isinstance(key, OKPKey) and key.curve_name in {"Ed25519", "Ed448"}:
        # RFC 9864 registers the curve's name instead, which few servers support yet.
        return stated if stated == key.curve_name else "EdDSA"
    raise CredentialsError(
        "private_key: has a curve for which no signature algorithm is registered"
    )


def _thumbprint(certificate: str) -> str:
    """The SHA-256 thumbprint of the first certificate (RFC 7515 section 4.1.8)."""
    digest = None
    with contextlib.suppress(ValueError):
        digest = load_pem_x509_certificate(certificate.encode()).fingerprint(SHA256())
    if digest is None:
        raise CredentialsError("certificate: is not PEM")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
