"""What stands on the loopback port delays, drips, hangs, resets and lies; the reader copes."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from rotator.errors import StoreError
from rotator.model.clock import SYSTEM_CLOCK, Clock
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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostilePort]:
    monkeypatch.setenv("AWS_TOKEN", "ssrf")
    with HostilePort() as server:
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(server.port))
        yield server


def read(clock: Clock = SYSTEM_CLOCK) -> Any:  # noqa: ANN401 - JSON
    source = LoopbackSource("the agent", lambda: "ssrf", has_fresh=True, clock=clock)
    return source.read("a b/c", "AWSCURRENT", fresh=False)["SecretString"]


def test_request_is_whole_and_escaped(server: HostilePort) -> None:
    assert "good" in read()
    head = server.requests[0].decode("ascii").split("\r\n")
    assert head[0] == (
        "GET /secretsmanager/get?secretId=a%20b%2Fc&versionStage=AWSCURRENT HTTP/1.0"
    )
    assert "X-Aws-Parameters-Secrets-Token: ssrf" in head


def test_answer_that_is_complete_is_taken_though_the_connection_stays_open(
    server: HostilePort,
) -> None:
    def keep_open(connection: socket.socket) -> None:
        connection.sendall(answer(body()))
        server.hang(connection)

    server.behave = keep_open
    assert "good" in read()


def test_answer_without_a_length_ends_with_the_connection(server: HostilePort) -> None:
    server.behave = send(b"HTTP/1.0 200 OK\r\n\r\n" + body())
    assert "good" in read()


def test_answer_that_drips_is_given_up_in_bounded_time(server: HostilePort) -> None:
    server.behave = drip
    with pytest.raises(StoreError, match=r"cannot be reached \(TimeoutError\)") as caught:
        read(running_clock(0.6))
    assert caught.value.retryable


def test_answer_that_never_comes_is_given_up_in_bounded_time(server: HostilePort) -> None:
    server.behave = server.hang
    with pytest.raises(StoreError, match=r"cannot be reached \(TimeoutError\)"):
        read(running_clock(0.4))


@pytest.mark.parametrize(
    ("behave", "problem"),
    [(reset, "cannot be reached"), *((behave, "no usable response") for behave in NO_ANSWER)],
)
def test_every_trouble_is_a_store_error_without_content(
    server: HostilePort, behave: Behaviour, problem: str
) -> None:
    server.behave = behave
    with pytest.raises(StoreError, match=problem) as caught:
        read()
    assert caught.value.retryable
    assert caught.value.__context__ is None


@pytest.mark.parametrize("ssrf_token", ["a\r\nX-Evil: 1", "tökén"])
def test_ssrf_token_that_no_header_holds_is_not_sent(
    server: HostilePort, monkeypatch: pytest.MonkeyPatch, ssrf_token: str
) -> None:
    monkeypatch.setenv("AWS_TOKEN", ssrf_token)
    with pytest.raises(Exception, match="characters that no header can carry"):
        LoopbackSource.agent().read("s", "AWSCURRENT", fresh=False)
    assert server.requests == []


@OUTAGES
def test_no_trouble_hurts_while_the_token_is_good(server: HostilePort, behave: Behaviour) -> None:
    survive(server, "agent", behave)
