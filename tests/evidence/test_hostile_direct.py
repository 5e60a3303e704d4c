"""What answers in place of Secrets Manager delays, drips, resets and lies; the reader copes."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from rotator.errors import RotatorError, StoreError
from rotator.model.clock import SYSTEM_CLOCK, Clock
from rotator.reader import TokenReader
from rotator.reader.direct import DirectSource
from tests.evidence.hostile_port import (
    NO_ANSWER,
    OUTAGES,
    Behaviour,
    HostilePort,
    answer,
    body,
    drip,
    reset,
    running_clock,
    send,
    survive,
)
from tests.support.reader_rig import chain

CANARY = "canary-secret-key"
NOT_THE_SERVICE = "the response is not from Secrets Manager"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostilePort]:
    for name in os.environ:
        if name.startswith(("AWS_", "SSL_")) or name.upper().endswith(("_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-session")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with HostilePort() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def read(clock: Clock = SYSTEM_CLOCK) -> Any:  # noqa: ANN401 - JSON
    return DirectSource(clock=clock).read("a b/c", "AWSCURRENT", fresh=False)["SecretString"]


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    parts = b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + parts + end


def test_request_is_whole_and_closes_the_connection(server: HostilePort) -> None:
    assert "good" in read()
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0] == "POST / HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}", "Connection: close"} <= set(lines)
    assert "X-Amz-Target: secretsmanager.GetSecretValue" in lines
    assert sent == b'{"SecretId": "a b/c", "VersionStage": "AWSCURRENT"}'
    assert CANARY.encode() not in server.requests[0]


@pytest.mark.parametrize(
    "content",
    [
        chunked(body()),
        chunked(body()[:7], body()[7:]),
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + answer(body()),
        b"HTTP/1.0 200 OK\r\n\r\n" + body(),
    ],
)
def test_response_in_any_form_of_http_is_read(server: HostilePort, content: bytes) -> None:
    server.behave = send(content)
    assert "good" in read()


def test_response_that_is_complete_is_taken_though_the_connection_stays_open(
    server: HostilePort,
) -> None:
    def keep_open(connection: socket.socket) -> None:
        connection.sendall(answer(body()))
        server.hang(connection)

    server.behave = keep_open
    assert "good" in read()


def test_response_that_drips_is_given_up_in_bounded_time(server: HostilePort) -> None:
    server.behave = drip
    with pytest.raises(StoreError, match=r"cannot be reached .*TimeoutError") as caught:
        read(running_clock(0.25))
    assert caught.value.retryable


@pytest.mark.parametrize("interim", [b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n"])
def test_interim_responses_without_end_are_given_up_in_bounded_time(
    server: HostilePort, interim: bytes
) -> None:
    def repeat(connection: socket.socket) -> None:
        while not server.stopped.is_set():
            connection.sendall(interim)

    server.behave = repeat
    with pytest.raises(StoreError, match="TimeoutError"):
        read(running_clock(0.05))


def test_response_that_never_comes_is_given_up_in_bounded_time(server: HostilePort) -> None:
    server.behave = server.hang
    with pytest.raises(StoreError, match=r"cannot be reached .*TimeoutError"):
        read(running_clock(0.4))


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (reset, "cannot be reached"),
        *((behave, NOT_THE_SERVICE) for behave in NO_ANSWER),
        (send(answer(body(), length=10**9)), NOT_THE_SERVICE),
        (send(answer(b'{"SecretString": "canary"}')), NOT_THE_SERVICE),
        (send(answer(b"<html>canary</html>")), NOT_THE_SERVICE),
        (send(answer(b"<html>canary</html>", status="502 Bad Gateway")), r": HTTP 502\)"),
        (send(chunked(body(), end=b"")), NOT_THE_SERVICE),
        (send(chunked(body(), end=b"x\r\n")), NOT_THE_SERVICE),
        (send(chunked(*[b"x" * 60_000] * 20)), NOT_THE_SERVICE),
        (send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n"), NOT_THE_SERVICE),
        (send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000), NOT_THE_SERVICE),
    ],
)
def test_every_trouble_is_a_store_error_without_content(
    server: HostilePort, behave: Behaviour, problem: str
) -> None:
    server.behave = behave
    with pytest.raises(StoreError, match=problem) as caught:
        read()
    assert caught.value.retryable
    assert chain(caught.value) == [caught.value]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect", "403 Forbidden"])
def test_redirects_are_not_followed_and_refusals_of_others_do_not_pass(
    server: HostilePort, status: str
) -> None:
    location = f"Location: {server.url}/elsewhere\r\n".encode()
    head, _, rest = answer(b"<html>", status=status).partition(b"\r\n")
    server.behave = send(head + b"\r\n" + location + rest)
    with pytest.raises(StoreError, match=NOT_THE_SERVICE) as caught:
        read()
    assert not caught.value.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("kind", "retryable", "text"),
    [
        ("AccessDeniedException", False, "access denied"),
        ("com.amazonaws.secretsmanager#AccessDeniedException", False, "access denied"),
        ("ThrottlingException", True, "temporarily unavailable"),
        ("ExpiredTokenException", False, "does not accept these AWS credentials"),
        ("canary with blanks", False, NOT_THE_SERVICE),
    ],
)
def test_refusal_of_the_service_is_explained_with_or_without_a_namespace(
    server: HostilePort, kind: str, *, retryable: bool, text: str
) -> None:
    refusal = f'{{"__type": "{kind}", "Message": "canary"}}'.encode()
    server.behave = send(answer(refusal, status="400 Bad Request"))
    with pytest.raises(RotatorError, match=text) as caught:
        read()
    assert caught.value.retryable is retryable
    assert "canary" not in str(caught.value)


def test_nobody_listening_is_told_at_once(server: HostilePort) -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"  # the fixture takes it back
    with pytest.raises(StoreError, match=r"cannot be reached .*ConnectionRefusedError") as caught:
        TokenReader("s").token()
    assert caught.value.retryable
    assert server.requests == []


@OUTAGES
def test_no_trouble_hurts_while_the_token_is_good(server: HostilePort, behave: Behaviour) -> None:
    survive(server, "direct", behave)
