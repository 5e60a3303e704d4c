"""One token request: Authlib writes it, and its answer is handed out untouched.

Imports Authlib and requests, so import this only to mint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_qs
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client
from requests.auth import AuthBase

from rotator.errors import CredentialsError, MintError
from rotator.model.providers import CERTIFICATE_METHODS
from rotator.oauth.client_auth import method_for
from rotator.oauth.response import MAX_BODY_BYTES
from rotator.transport.bounded import StrictSession, Unanswered, exchange, prepare
from rotator.transport.connections import client_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from datetime import datetime

    import requests

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.model.secret import Secret
    from rotator.oauth.client_auth import Client, Method
    from rotator.transport.bounded import HttpAnswer, Timeouts

__all__ = ["request_token"]

HEADERS = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
METHOD = "rotator"
"""The name under which Authlib knows the client's method; the real one is none of its own."""


class _ClientAuth(ClientAuth, AuthBase):  # type: ignore[misc]
    """Authlib's way to prove the client, where requests looks for it."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.url, request.headers, request.body = self.prepare(
            request.method, request.url, request.headers, request.body
        )
        return request


class _Client(OAuth2Client):  # type: ignore[misc]
    """Authlib's client, except that it hands the response out instead of believing it.

    Not its `OAuth2Session`, which imports everything for OpenID Connect and so takes three times as
    long to start.
    """

    client_auth_class = _ClientAuth
    SESSION_REQUEST_PARAMS = ("allow_redirects", "stream", "timeout")

    def parse_response_token(self, resp: requests.Response) -> requests.Response:
        return resp


def request_token(
    credentials: ClientCredentials,
    provider: Provider,
    client_secret: Secret | None,
    *,
    token_url: str,
    now: datetime,
    timeouts: Timeouts,
) -> HttpAnswer:
    """Ask `token_url` for a token.

    Raises MintError if no whole answer came, CredentialsError for a key or certificate of no use.
    """
    method = method_for(credentials, provider, token_url=token_url, now=now)
    session = StrictSession()
    prepare(session, token_url, context=_context(credentials, provider))
    client = _Client(
        session=session,
        client_id=credentials.client_id,
        client_secret=client_secret.reveal() if client_secret else None,
        scope=provider.scope_parameter(),
        token_endpoint_auth_method=METHOD,
    )
    client.register_client_auth_method((METHOD, _with(_more_fields(credentials), method)))

    def send(options: Mapping[str, Any]) -> requests.Response:
        answer: requests.Response = client.fetch_token(
            token_url, grant_type="client_credentials", headers=dict(HEADERS), **options
        )
        return answer

    problem = None
    try:
        return exchange(session, send, timeouts=timeouts, max_body_bytes=MAX_BODY_BYTES)
    except Unanswered as unanswered:
        problem = unanswered
    host = urlsplit(token_url).hostname
    raise MintError(f"token endpoint: {problem} ({host})", retryable=problem.retryable)


def _more_fields(credentials: ClientCredentials) -> list[tuple[str, str]]:
    audience = [("audience", credentials.audience)] if credentials.audience else []
    resources = [("resource", resource) for resource in credentials.resources]
    return audience + resources + list(credentials.parameters.items())


def _with(fields: list[tuple[str, str]], method: Method) -> Method:
    """The method, after `fields` were added to the form.

    Authlib takes more fields as keyword arguments, where it keeps one of several with the same name
    and lets one that is named `verify` or `proxies` change how the request is sent.
    """

    def authenticate(
        client: Client, http_method: str, uri: str, headers: dict[str, str], body: str
    ) -> tuple[str, dict[str, str], str]:
        return method(client, http_method, uri, headers, add_params_to_qs(body, fields))

    return authenticate


def _context(credentials: ClientCredentials, provider: Provider) -> ssl.SSLContext:
    if provider.auth_method not in CERTIFICATE_METHODS:
        return client_context()
    from rotator.oauth.private_key import private_key_pem

    problem = None
    try:
        return client_context(credentials.certificate, private_key_pem(credentials))
    except ValueError as error:
        problem = str(error)
    raise CredentialsError(problem)
