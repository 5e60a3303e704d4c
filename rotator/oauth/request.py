"""One token request: Authlib writes it, and its answer goes to the gate untouched.

Imports Authlib and requests, so import this only to mint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.integrations.requests_client import OAuth2Session

from rotator.errors import MintError
from rotator.exchange import StrictSession, Unanswered, exchange, prepare
from rotator.oauth.client_auth import basic
from rotator.oauth.gate import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from rotator.credentials import ClientCredentials
    from rotator.exchange import HttpAnswer, Timeouts
    from rotator.providers import Provider
    from rotator.tokens import Secret

__all__ = ["request_token"]


HEADERS = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


class _Session(StrictSession, OAuth2Session):  # type: ignore[misc]
    """Authlib's session, except that it hands the response out instead of believing it."""

    def __init__(
        self, credentials: ClientCredentials, provider: Provider, client_secret: Secret
    ) -> None:
        OAuth2Session.__init__(
            self,
            client_id=credentials.client_id,
            client_secret=client_secret.reveal(),
            scope=provider.scope_parameter(),
            token_endpoint_auth_method=provider.auth_method,
        )
        self.register_client_auth_method(("client_secret_basic", basic))
        prepare(self, provider.token_url)

    def parse_response_token(self, resp: requests.Response) -> requests.Response:
        return resp


def request_token(
    credentials: ClientCredentials,
    provider: Provider,
    client_secret: Secret,
    *,
    timeouts: Timeouts,
) -> HttpAnswer:
    """Ask the provider for a token; raises MintError if no whole answer came."""
    session = _Session(credentials, provider, client_secret)

    def send(options: Mapping[str, Any]) -> requests.Response:
        answer: requests.Response = session.fetch_token(
            provider.token_url, grant_type="client_credentials", headers=dict(HEADERS), **options
        )
        return answer

    problem = None
    try:
        return exchange(session, send, timeouts=timeouts, max_body_bytes=MAX_BODY_BYTES)
    except Unanswered as unanswered:
        problem = unanswered
    raise MintError(f"token endpoint: {problem}", retryable=problem.retryable)
