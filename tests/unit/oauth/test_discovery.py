"""An issuer is asked where its token endpoint is, and believed about itself only."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from rotator.errors import CredentialsError, MintError
from rotator.model.access_token import AccessToken
from rotator.oauth.discovery import discover_token_url, metadata_urls
from rotator.transport.bounded import HttpResponse, Timeouts
from tests.support import minting
from tests.support.recording_server import RecordingServer

RFC_8414 = "/.well-known/oauth-authorization-server"
OIDC = "/.well-known/openid-configuration"
NOT_FOUND = (404, {"error": "not_found"})


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        running.answers = {RFC_8414: NOT_FOUND, OIDC: NOT_FOUND}
        yield running


def mint(issuer: str, token_url: str | None = None) -> AccessToken:
    return minting.mint(token_url, issuer=issuer).token


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
        ({"issuer": None}, "names no issuer"),
        ({"issuer": 7}, "names no issuer"),
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
    assert [request.path for request in server.requests] == [RFC_8414, OIDC]


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
    server.answers |= {RFC_8414: (503, {}), OIDC: (404, {})}

    with pytest.raises(MintError, match="HTTP 503") as caught:
        mint(server.url)

    assert caught.value.retryable
    assert [request.path for request in server.requests] == [RFC_8414, OIDC] * 4


@pytest.mark.parametrize(
    "first", [(200, "<!DOCTYPE html><title>Sign in</title>"), (500, {}), (503, {}), (404, {})]
)
def test_next_place_is_looked_at_whatever_the_first_says(
    server: RecordingServer, first: tuple[int, Any]
) -> None:
    server.answers |= {RFC_8414: first, OIDC: (200, metadata(server))}

    assert mint(server.url).token_url == f"{server.url}/oauth/token"


@pytest.mark.parametrize("slash", ["", "/"])
def test_issuer_that_was_found_is_named(server: RecordingServer, slash: str) -> None:
    found = server.url + ("" if slash else "/")
    server.answers[RFC_8414] = (200, metadata(server, issuer=found))

    with pytest.raises(MintError) as caught:
        mint(server.url + slash)

    assert f"another issuer's: {found}; set issuer to exactly that" in str(caught.value)
    assert not any(request.form for request in server.requests)


@pytest.mark.parametrize(
    "token_url",
    [
        "http://127.0.0.1:9/token",
        "https://localhost/token",
        "https://[::1]/token",
        "https://[::ffff:127.0.0.1]/token",
        "https://0.0.0.0/token",
        "https://a.localhost/token",
    ],
)
def test_token_endpoint_on_this_host_is_refused_from_an_issuer_elsewhere(
    token_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = "https://as.example"
    body = json.dumps({"issuer": issuer, "token_endpoint": token_url}).encode()
    monkeypatch.setattr(
        "rotator.oauth.discovery.send_bounded", lambda *_, **__: HttpResponse(200, {}, body)
    )

    with pytest.raises(MintError, match="its token_endpoint is on this host") as caught:
        discover_token_url(issuer, timeouts=Timeouts(connect_s=1, read_s=1, total_s=1))

    assert not caught.value.retryable


def test_token_endpoint_at_a_short_address_of_this_host_is_no_host_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 1123 section 2.1: no name ends in a number. `127.1` would lead to loopback."""
    issuer = "https://as.example"
    body = json.dumps({"issuer": issuer, "token_endpoint": "https://127.1/token"}).encode()
    monkeypatch.setattr(
        "rotator.oauth.discovery.send_bounded", lambda *_, **__: HttpResponse(200, {}, body)
    )

    with pytest.raises(MintError, match="its token_endpoint contains an invalid host name"):
        discover_token_url(issuer, timeouts=Timeouts(connect_s=1, read_s=1, total_s=1))


def test_issuer_that_cannot_be_reached_is_a_temporary_error_that_names_its_host() -> None:
    with RecordingServer() as stopped:
        pass

    host = re.escape(f"({urlsplit(stopped.url).hostname})")
    with pytest.raises(MintError, match=f"issuer: connection failed.*{host}$") as caught:
        mint(stopped.url)

    assert caught.value.retryable


def test_issuer_must_use_https(server: RecordingServer) -> None:
    with pytest.raises(CredentialsError, match="issuer: must use https"):
        mint("http://as.example")

    assert server.requests == []
