"""The status decides, whether or not the headers after it can be read."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from rotator.errors import MintError
from tests.support.minting import mint_error
from tests.support.raw_server import RawServer

GRANT = b'{"access_token":"canary-token","token_type":"bearer","expires_in":3600}'
REFUSAL = b'{"error":"invalid_client"}'
DIFFERENT = b"Content-Length: 7\r\nContent-Length: 70"
TOO_MANY = b"\r\n".join(b"X-%d: x" % number for number in range(200))
TOO_LONG = b"X: " + b"x" * 100_000
# RFC 9112 sections 5.2 and 6.3, and what no header may hold (section 5.5 of RFC 9110).
READABLE = {
    "control characters": b"X-Debug-Id: a\x00\x1b[31m\x7f",
    "a folded line": b"X-A: a\r\n folded",
    "the same length twice": b"Content-Length: %d\r\nContent-Length: %d",
    "no colon": b"canary without a colon",
    "a control character in a name": b"X\x01: canary",
}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def respond(status: bytes, headers: bytes, body: bytes) -> Callable[[socket.socket], None]:
    def play(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, headers, body))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):  # all of the request, until the client is gone
            pass

    return play


def told(play: Callable[[socket.socket], None], **fields: Any) -> MintError:
    with RawServer(play) as server:
        error = mint_error(server.url, **fields)
    assert "canary" not in str(error)
    return error


@pytest.mark.parametrize("headers", READABLE.values(), ids=READABLE)
@pytest.mark.parametrize("status", [b"400 Bad Request", b"401 Unauthorized"])
def test_refusal_with_odd_headers_is_understood_and_they_are_not_logged(
    status: bytes, headers: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    size = len(REFUSAL)
    lines = (
        headers % (size, size) if b"%d" in headers else headers + b"\r\nContent-Length: %d" % size
    )
    error = told(respond(status, lines, REFUSAL))
    assert (error.status, error.retryable) == (int(status[:3]), False)
    assert error.oauth_error == "invalid_client"
    assert str(error).isprintable()
    assert caplog.text == ""


@pytest.mark.parametrize("headers", [DIFFERENT, TOO_MANY, TOO_LONG], ids=["differ", "many", "long"])
@pytest.mark.parametrize(
    ("status", "retryable"), [(b"401 No", False), (b"400 No", False), (b"503 No", True)]
)
def test_status_of_a_response_whose_headers_cannot_be_read_decides(
    status: bytes, retryable: object, headers: bytes
) -> None:
    error = told(respond(status, headers, REFUSAL))
    assert (error.status, error.retryable) == (int(status[:3]), retryable)


def test_next_client_secret_is_tried_after_a_refusal_whose_headers_cannot_be_read() -> None:
    error = told(respond(b"401 No", DIFFERENT, REFUSAL), client_secret=["one", "two"])
    assert "2 of 2 were refused" in str(error)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (DIFFERENT, "Content-Length headers that differ"),
        (TOO_MANY, "more or longer headers than clients accept"),
        (TOO_LONG, "more or longer headers than clients accept"),
    ],
    ids=["differ", "many", "long"],
)
def test_token_behind_headers_that_cannot_be_read_is_refused_for_good_with_the_way_out(
    headers: bytes, said: str
) -> None:
    """RFC 9112 section 6.3: such a response must be discarded."""
    error = told(respond(b"200 OK", headers, GRANT))
    assert (error.status, error.retryable) == (None, False)
    assert f"{said}; report it to the operator of the server" in str(error)


def test_refusal_of_a_proxy_is_none_of_the_token_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.delenv("NO_PROXY")
    with RawServer(play) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = mint_error("https://as.example/t")
    assert "the proxy cannot be reached or refused" in str(error)
    assert (error.status, error.retryable) == (None, True)
