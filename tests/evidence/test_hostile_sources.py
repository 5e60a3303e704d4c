"""What stands where the reader looks delays, drips, hangs, resets and lies; the reader copes."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import RotatorError, StoreError
from rotator.reader import TokenReader
from rotator.reader.direct import DirectSource
from rotator.reader.loopback import LoopbackSource
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

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from rotator.clock import Clock

CANARY = "canary-secret-key"
NOT_THE_SERVICE = "the response is not from Secrets Manager"


class HostileSource(NamedTuple):
    """A source of the reader, and the server in its place.

    `clock` runs so fast that the time is over in the middle of a response that drips.
    """

    name: str
    server: HostilePort
    open: Callable[..., Any]
    no_answer: str
    clock: Clock

    def read(self, clock: Clock = SYSTEM_CLOCK) -> Any:  # noqa: ANN401 - JSON
        return self.open(clock=clock).read("a b/c", "AWSCURRENT", fresh=False)["SecretString"]


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileSource]:
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
        yield HostileSource("direct", server, DirectSource, NOT_THE_SERVICE, running_clock(0.25))


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileSource]:
    monkeypatch.setenv("AWS_TOKEN", "ssrf")
    with HostilePort() as server:
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(server.port))
        make = partial(LoopbackSource, "the agent", lambda: "ssrf", has_fresh=True)
        yield HostileSource("agent", server, make, "no usable response", running_clock(0.6))


@pytest.fixture(params=["direct", "agent"])
def source(request: pytest.FixtureRequest) -> HostileSource:
    found: HostileSource = request.getfixturevalue(request.param)
    return found


# Of both sources


def test_response_that_is_complete_is_taken_though_the_connection_stays_open(
    source: HostileSource,
) -> None:
    def keep_open(connection: socket.socket) -> None:
        connection.sendall(answer(body()))
        source.server.hang(connection)

    source.server.behave = keep_open
    assert "good" in source.read()


def test_response_that_drips_is_given_up_in_bounded_time(source: HostileSource) -> None:
    source.server.behave = drip
    with pytest.raises(StoreError, match=r"cannot be reached .*TimeoutError") as caught:
        source.read(source.clock)
    assert caught.value.retryable


def test_response_that_never_comes_is_given_up_in_bounded_time(source: HostileSource) -> None:
    source.server.behave = source.server.hang
    with pytest.raises(StoreError, match=r"cannot be reached .*TimeoutError"):
        source.read(running_clock(0.4))


@pytest.mark.parametrize("behave", [reset, *NO_ANSWER])
def test_every_trouble_is_a_store_error_without_content(
    source: HostileSource, behave: Behaviour
) -> None:
    source.server.behave = behave
    problem = "cannot be reached" if behave is reset else source.no_answer
    with pytest.raises(StoreError, match=problem) as caught:
        source.read()
    assert caught.value.retryable
    assert chain(caught.value) == [caught.value]


@OUTAGES
def test_no_trouble_hurts_while_the_token_is_good(source: HostileSource, behave: Behaviour) -> None:
    survive(source.server, source.name, behave)


# Of the one that calls Secrets Manager


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    parts = b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + parts + end


def test_request_is_whole_and_closes_the_connection(direct: HostileSource) -> None:
    assert "good" in direct.read()
    head, _, sent = direct.server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0] == "POST / HTTP/1.1"
    assert {f"Host: 127.0.0.1:{direct.server.port}", "Connection: close"} <= set(lines)
    assert "X-Amz-Target: secretsmanager.GetSecretValue" in lines
    assert sent == b'{"SecretId": "a b/c", "VersionStage": "AWSCURRENT"}'
    assert CANARY.encode() not in direct.server.requests[0]


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
def test_response_in_any_form_of_http_is_read(direct: HostileSource, content: bytes) -> None:
    direct.server.behave = send(content)
    assert "good" in direct.read()


@pytest.mark.parametrize("interim", [b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n"])
def test_interim_responses_without_end_are_given_up_in_bounded_time(
    direct: HostileSource, interim: bytes
) -> None:
    def repeat(connection: socket.socket) -> None:
        while not direct.server.stopped.is_set():
            connection.sendall(interim)

    direct.server.behave = repeat
    with pytest.raises(StoreError, match="TimeoutError"):
        direct.read(running_clock(0.05))


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
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
def test_response_of_another_server_is_a_store_error_without_content(
    direct: HostileSource, behave: Behaviour, problem: str
) -> None:
    direct.server.behave = behave
    with pytest.raises(StoreError, match=problem) as caught:
        direct.read()
    assert caught.value.retryable
    assert chain(caught.value) == [caught.value]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect", "403 Forbidden"])
def test_redirects_are_not_followed_and_refusals_of_others_do_not_pass(
    direct: HostileSource, status: str
) -> None:
    location = f"Location: {direct.server.url}/elsewhere\r\n".encode()
    head, _, rest = answer(b"<html>", status=status).partition(b"\r\n")
    direct.server.behave = send(head + b"\r\n" + location + rest)
    with pytest.raises(StoreError, match=NOT_THE_SERVICE) as caught:
        direct.read()
    assert not caught.value.retryable
    assert len(direct.server.requests) == 1


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
    direct: HostileSource, kind: str, *, retryable: bool, text: str
) -> None:
    refusal = f'{{"__type": "{kind}", "Message": "canary"}}'.encode()
    direct.server.behave = send(answer(refusal, status="400 Bad Request"))
    with pytest.raises(RotatorError, match=text) as caught:
        direct.read()
    assert caught.value.retryable is retryable
    assert "canary" not in str(caught.value)


def test_nobody_listening_is_told_at_once(direct: HostileSource) -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"  # the fixture takes it back
    with pytest.raises(StoreError, match=r"cannot be reached .*ConnectionRefusedError") as caught:
        TokenReader("s").token()
    assert caught.value.retryable
    assert direct.server.requests == []


# Of the ones on loopback


def test_request_is_whole_and_escaped(agent: HostileSource) -> None:
    assert "good" in agent.read()
    head = agent.server.requests[0].decode("ascii").split("\r\n")
    assert head[0] == (
        "GET /secretsmanager/get?secretId=a%20b%2Fc&versionStage=AWSCURRENT HTTP/1.0"
    )
    assert "X-Aws-Parameters-Secrets-Token: ssrf" in head


def test_answer_without_a_length_ends_with_the_connection(agent: HostileSource) -> None:
    agent.server.behave = send(b"HTTP/1.0 200 OK\r\n\r\n" + body())
    assert "good" in agent.read()


@pytest.mark.parametrize("ssrf_token", ["a\r\nX-Evil: 1", "tökén"])
def test_ssrf_token_that_no_header_holds_is_not_sent(
    agent: HostileSource, monkeypatch: pytest.MonkeyPatch, ssrf_token: str
) -> None:
    monkeypatch.setenv("AWS_TOKEN", ssrf_token)
    with pytest.raises(Exception, match="characters that no header can carry"):
        LoopbackSource.agent().read("s", "AWSCURRENT", fresh=False)
    assert agent.server.requests == []
