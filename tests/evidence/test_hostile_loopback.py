"""What stands on the loopback port delays, drips, hangs, resets and lies; the reader copes."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from rotator.errors import StoreError
from rotator.model.clock import SYSTEM_CLOCK, Clock
from rotator.reader.clocked import ClockedReader
from rotator.reader.loopback import LoopbackSource
from tests.support.clock import FunctionClock
from tests.support.raw_server import RawServer

Behaviour = Callable[[socket.socket], None]


PATIENCE_S = 20.0


def body(token: str = "good", *, lives_s: int = 86_400) -> bytes:
    fields = {"access_token": token, "expires_at_epoch": int(time.time()) + lives_s}
    return json.dumps({"SecretString": json.dumps(fields), "VersionId": "v"}).encode()


def answer(content: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    stated = len(content) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {stated}\r\n\r\n".encode() + content


class LoopbackPort(RawServer):
    """Does to each connection what `behave` does; `requests` are what came over them."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.behave: Behaviour = send(answer(body()))
        self.requests: list[bytes] = []

    def hang(self, _: socket.socket) -> None:
        assert self.stopped.wait(PATIENCE_S)

    def _serve(self, connection: socket.socket) -> None:
        self.requests.append(connection.recv(65_536))
        self.behave(connection)


def send(content: bytes) -> Behaviour:
    return lambda connection: connection.sendall(content)


def drip(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(0.01)
    for byte in answer(body()):
        connection.sendall(bytes([byte]))
        try:
            if not connection.recv(1):
                return  # the reader has had enough
        except TimeoutError:
            continue


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def flood(connection: socket.socket) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 4_000_000)
    except OSError:  # the reader has had enough
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackPort]:
    monkeypatch.setenv("AWS_TOKEN", "ssrf")
    with LoopbackPort() as server:
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(server.port))
        yield server


def running_clock() -> FunctionClock:
    """Seconds that pass by being asked for: 0.6 each time, so that few receptions fit in 2 s."""
    times = count()
    return FunctionClock(lambda: next(times) * 0.6)


def read(clock: Clock = SYSTEM_CLOCK) -> Any:  # noqa: ANN401 - JSON
    source = LoopbackSource("the agent", lambda: "ssrf", has_fresh=True, clock=clock)
    return source.read("a b/c", "AWSCURRENT", fresh=False)["SecretString"]


def test_request_is_whole_and_escaped(server: LoopbackPort) -> None:
    assert "good" in read()
    head = server.requests[0].decode("ascii").split("\r\n")
    assert head[0] == (
        "GET /secretsmanager/get?secretId=a%20b%2Fc&versionStage=AWSCURRENT HTTP/1.0"
    )
    assert "X-Aws-Parameters-Secrets-Token: ssrf" in head


def test_answer_that_is_complete_is_taken_though_the_connection_stays_open(
    server: LoopbackPort,
) -> None:
    def keep_open(connection: socket.socket) -> None:
        connection.sendall(answer(body()))
        server.hang(connection)

    server.behave = keep_open
    assert "good" in read()


def test_answer_without_a_length_ends_with_the_connection(server: LoopbackPort) -> None:
    server.behave = send(b"HTTP/1.0 200 OK\r\n\r\n" + body())
    assert "good" in read()


def test_answer_that_drips_is_given_up_in_bounded_time(server: LoopbackPort) -> None:
    server.behave = drip
    with pytest.raises(StoreError, match=r"cannot be reached \(TimeoutError\)") as caught:
        read(running_clock())
    assert caught.value.retryable


def test_answer_that_never_comes_is_given_up_in_bounded_time(server: LoopbackPort) -> None:
    server.behave = server.hang
    with pytest.raises(StoreError, match=r"cannot be reached \(TimeoutError\)"):
        read(FunctionClock(iter([0.0, 1.98]).__next__))


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (reset, "cannot be reached"),
        (send(b""), "no usable answer"),
        (send(answer(body())[:-9]), "no usable answer"),
        (send(answer(body(), length=5)), "no usable answer"),
        (send(answer(body(), length=-5)), "no usable answer"),
        (send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + body()), "no usable answer"),
        (send(b"HTTP/1.1 200 OK\r\n" + body()), "no usable answer"),
        (send(b"220 mail.example.com ESMTP\r\n\r\n"), "no usable answer"),
        (send(b"HTTP/1.1 two\r\n\r\n" + body()), "no usable answer"),
        (send(b"\x16\x03\x01" * 300), "no usable answer"),
        (send(answer(b"\xff\xfe" * 9)), "no usable answer"),
        (flood, "no usable answer"),
    ],
)
def test_every_trouble_is_a_store_error_without_content(
    server: LoopbackPort, behave: Behaviour, problem: str
) -> None:
    server.behave = behave
    with pytest.raises(StoreError, match=problem) as caught:
        read()
    assert caught.value.retryable
    assert caught.value.__context__ is None


@pytest.mark.parametrize("ssrf_token", ["a\r\nX-Evil: 1", "tökén"])
def test_ssrf_token_that_no_header_holds_is_not_sent(
    server: LoopbackPort, monkeypatch: pytest.MonkeyPatch, ssrf_token: str
) -> None:
    monkeypatch.setenv("AWS_TOKEN", ssrf_token)
    with pytest.raises(Exception, match="characters that no header holds"):
        LoopbackSource.agent().read("s", "AWSCURRENT", fresh=False)
    assert server.requests == []


@pytest.mark.parametrize(
    "behave", [reset, send(b""), send(answer(b"{}")), send(answer(b"", status="503 x"))]
)
def test_no_trouble_hurts_while_the_token_is_good(server: LoopbackPort, behave: Behaviour) -> None:
    ahead = [0.0]
    reader = ClockedReader(
        "s",
        source="agent",
        background=False,
        clock=FunctionClock(lambda: time.time() + ahead[0]),
    )
    assert reader.token() == "good"
    ahead[0] = 86_400 - 600
    server.behave = behave
    for _ in range(3):
        ahead[0] += 100
        assert reader.token() == "good"
    assert len(server.requests) > 1
    server.behave = send(answer(body("next", lives_s=172_800)))
    ahead[0] += 600
    assert reader.token() == "next"
