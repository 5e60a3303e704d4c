"""Builds a token request with Authlib and our methods of client authentication.

Imports Authlib, so import this only to mint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from rotator.model.providers import CERTIFICATE_METHODS
from rotator.oauth.client_auth import method_for
from rotator.transport.request import HttpRequest
from rotator.transport.tls import ClientCertificate

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.model.secret import Secret

__all__ = ["build_token_request", "client_certificate"]

HEADERS = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


def build_token_request(
    credentials: ClientCredentials,
    provider: Provider,
    client_secret: Secret | None,
    *,
    token_url: str,
    now: datetime,
) -> HttpRequest:
    """The request for a token of the client credentials grant (RFC 6749 section 4.4.2).

    Raises CredentialsError for a key that cannot sign.
    """
    body = prepare_token_request("client_credentials", scope=provider.scope_parameter())
    client = ClientAuth(
        credentials.client_id,
        client_secret.reveal() if client_secret else None,
        method_for(credentials, provider, token_url=token_url, now=now),
    )
    url, headers, body = client.prepare(
        "POST", token_url, dict(HEADERS), _add_form_fields(body, credentials)
    )
    return HttpRequest(url, "POST", headers, body)


def client_certificate(
    credentials: ClientCredentials, provider: Provider
) -> ClientCertificate | None:
    """The client's certificate for the TLS handshake (RFC 8705), None for another method.

    Raises CredentialsError for an unusable private key.
    """
    if provider.auth_method not in CERTIFICATE_METHODS or credentials.certificate is None:
        return None
    from rotator.oauth.private_key import private_key_pem

    return ClientCertificate(credentials.certificate, private_key_pem(credentials))


def _add_form_fields(body: str, credentials: ClientCredentials) -> str:
    """The form with optional fields added; `resource` may be repeated (RFC 8707 section 2)."""
    audience = [("audience", credentials.audience)] if credentials.audience else []
    resources = [("resource", resource) for resource in credentials.resources]
    fields = [*audience, *resources, *credentials.parameters.items()]
    return add_params_to_qs(body, fields)  # type: ignore[no-any-return]
