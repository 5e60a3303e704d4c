"""An issuer is asked where its token endpoint is, and believed about itself only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import CredentialsError, MintError
from rotator.model.client_credentials import ClientCredentials
from rotator.oauth.discovery import metadata_urls
from rotator.oauth.endpoint import TokenEndpoint
from tests.support.recording_server import RecordingServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.model.access_token import AccessToken

RFC_8414 = "/.well-known/oauth-authorization-server"
OIDC = "/.well-known/openid-configuration"
NOT_FOUND = (404, {"error": "not_found"})


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        running.answers = {RFC_8414: NOT_FOUND, OIDC: NOT_FOUND}
        yield running


def mint(issuer: str, **changes: object) -> AccessToken:
    fields: dict[str, object] = {"issuer": issuer, "client_id": "client", "client_secret": "s3cret"}
    endpoint = TokenEndpoint(sleep=lambda _: None)
    return endpoint.mint(ClientCredentials.from_fields(fields | changes)).token


def metadata(server: RecordingServer, **changes: Any) -> dict[str, Any]:
    return {"issuer": server.url, "token_endpoint": f"{server.url}/oauth/token"} | changes


@pytest.mark.parametrize("well_known", [RFC_8414, OIDC])
def test_token_endpoint_is_found_in_either_place(server: RecordingServer, well_known: str) -> None:
    server.answers[well_known] = (200, metadata(server))

    token = mint(server.url)

    assert token.token_url == f"{server.url}/oauth/token"
    assert [request.path for request in server.requests][-2:] == [well_known, "/oauth/token"]


def test_well_known_part_goes_where_each_standard_puts_it() -> None:
    assert metadata_urls("https://as.example/tenant/") == (
        "https://as.example/.well-known/oauth-authorization-server/tenant",
        "https://as.example/tenant/.well-known/openid-configuration",
    )
    assert metadata_urls("https://as.example") == (
        "https://as.example/.well-known/oauth-authorization-server",
        "https://as.example/.well-known/openid-configuration",
    )


def test_token_url_that_is_known_is_not_looked_up(server: RecordingServer) -> None:
    mint(server.url, token_url=f"{server.url}/known")

    assert [request.path for request in server.requests] == ["/known"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"issuer": "https://as.example"}, "another issuer's"),
        ({"issuer": None}, "another issuer's"),
        ({"token_endpoint": None}, "names no token_endpoint"),
        ({"token_endpoint": ["https://as.example/token"]}, "names no token_endpoint"),
        ({"token_endpoint": "http://as.example/token"}, "must use https"),
        ({"token_endpoint": "/token"}, "is not an https URL"),
        ({"token_endpoint": "https://u:p@as.example/token"}, "user info"),
        ({"padding": "x" * 300_000}, "too long"),
    ],
)
def test_metadata_that_cannot_be_trusted_sends_the_secret_nowhere(
    server: RecordingServer, changes: dict[str, Any], problem: str
) -> None:
    server.answers[RFC_8414] = (200, metadata(server, **changes))

    with pytest.raises(MintError, match=f"issuer: .*{problem}") as caught:
        mint(server.url)

    assert not caught.value.retryable
    assert [request.path for request in server.requests] == [RFC_8414]


@pytest.mark.parametrize("value", [None, [], "text"])
def test_metadata_that_is_no_object_is_refused(server: RecordingServer, value: object) -> None:
    server.answers[RFC_8414] = (200, value)

    with pytest.raises(MintError, match="issuer: the metadata is JSON, but not an object"):
        mint(server.url)


def test_issuer_without_metadata_is_refused(server: RecordingServer) -> None:
    with pytest.raises(MintError, match=r"publishes no metadata \(HTTP 404\)") as caught:
        mint(server.url)

    assert not caught.value.retryable


def test_issuer_that_is_unwell_is_asked_again(server: RecordingServer) -> None:
    server.answers[RFC_8414] = (503, {})

    with pytest.raises(MintError, match="HTTP 503") as caught:
        mint(server.url)

    assert caught.value.retryable
    assert [request.path for request in server.requests] == [RFC_8414] * 4


def test_issuer_that_cannot_be_reached_is_a_temporary_error() -> None:
    with RecordingServer() as stopped:
        pass

    with pytest.raises(MintError, match="issuer: connection failed") as caught:
        mint(stopped.url)

    assert caught.value.retryable


def test_issuer_must_use_https(server: RecordingServer) -> None:
    with pytest.raises(CredentialsError, match="issuer: must use https"):
        mint("http://as.example")

    assert server.requests == []
