"""What django-oauth-toolkit takes, and what it says of the token that came of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
import requests

from rotator.errors import MintError
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.oauth.endpoint import TokenEndpoint

CLIENT_ID = "client: id"
CLIENT_SECRET = "p@ss:w%rd+/ &=~"
METHODS = ("client_secret_basic", "client_secret_post")


@pytest.fixture(scope="module")
def issuer(start_django: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with start_django([{"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}]) as running:
        yield running


def mint(issuer: str, **changes: object) -> AccessToken:
    fields: dict[str, object] = {
        "token_url": f"{issuer}/token/",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    credentials = ClientCredentials.from_fields(fields | changes)
    return TokenEndpoint().mint(credentials).token


def introspect(issuer: str, token: AccessToken) -> dict[str, Any]:
    """What the server itself says of the token (RFC 7662)."""
    text = token.access_token.reveal()
    answer = requests.post(
        f"{issuer}/introspect/",
        data={"token": text},
        headers={"Authorization": f"Bearer {text}"},
        timeout=10,
    )
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("method", METHODS)
def test_awkward_client_secret_is_accepted(issuer: str, method: str) -> None:
    token = mint(issuer, auth_method=method, scope="read introspection")

    told = introspect(issuer, token)
    assert told["active"] is True
    assert told["client_id"] == CLIENT_ID
    assert abs(told["exp"] - token.expires_at.timestamp()) <= 2
    assert token.expires_at - token.issued_at == timedelta(seconds=1200)
    assert token.scope == "read introspection"


@pytest.mark.parametrize("method", METHODS)
def test_wrong_client_secret_is_refused_for_good(issuer: str, method: str) -> None:
    with pytest.raises(MintError) as caught:
        mint(issuer, auth_method=method, client_secret="p8e-canary-wrong")

    assert caught.value.oauth_error == "invalid_client"
    assert caught.value.status == 401
    assert not caught.value.retryable
    assert "canary" not in str(caught.value)


def test_second_client_secret_is_accepted_after_the_first_was_refused(issuer: str) -> None:
    fields = {
        "token_url": f"{issuer}/token/",
        "client_id": CLIENT_ID,
        "client_secret": ["replaced", CLIENT_SECRET],
    }

    minted = TokenEndpoint().mint(ClientCredentials.from_fields(fields))

    assert minted.client_secret_position == 2


def test_unknown_scope_is_named_as_the_trouble(issuer: str) -> None:
    with pytest.raises(MintError) as caught:
        mint(issuer, scope="administer")

    assert caught.value.oauth_error == "invalid_scope"
