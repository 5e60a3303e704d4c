"""A server that stands where a reader looks for secrets, and what it may do to a connection."""

import json
import socket
import struct
import time
from collections.abc import Callable
from itertools import count

import pytest

from rotator.reader.clocked import ClockedReader
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


class HostilePort(RawServer):
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


def framed(*headers: bytes, content: bytes) -> Behaviour:
    return send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (b"\r\n".join(headers), content))


WHOLE = body()
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(WHOLE), WHOLE)
LENGTH, CODING = b"Content-Length: ", b"Transfer-Encoding: "

UNFRAMED = (
    framed(LENGTH + b"+%d" % len(WHOLE), content=WHOLE),
    framed(LENGTH + b"-%d" % len(WHOLE), content=WHOLE),
    framed(LENGTH + b"0_%d" % len(WHOLE), content=WHOLE),
    framed(LENGTH + b"0x%x" % len(WHOLE), content=WHOLE),
    framed(LENGTH + b"%d, 7" % len(WHOLE), content=WHOLE),
    framed(LENGTH + b"7", LENGTH + b"%d" % len(WHOLE), content=WHOLE),
    framed(LENGTH, content=WHOLE),
    framed(CODING + b"xchunked", content=CHUNKS),
    framed(CODING + b"chunked, chunked", content=CHUNKS),
    framed(CODING + b"gzip, chunked", content=CHUNKS),
    framed(CODING + b"identity", content=WHOLE),
    framed(CODING + b"chunked", LENGTH + b"%d" % len(WHOLE), content=CHUNKS),
    framed(CODING + b"xchunked", LENGTH + b"%d" % len(WHOLE), content=WHOLE),
)
"""A whole answer, behind headers that do not say where it ends (RFC 9112 sections 6.1 and 6.3)."""

NO_ANSWER = (
    *UNFRAMED,
    send(b""),
    send(answer(body())[:-9]),
    send(answer(body(), length=5)),
    send(answer(body(), length=-5)),
    send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + body()),
    send(b"HTTP/1.1 200 OK\r\n" + body()),
    send(b"220 mail.example.com ESMTP\r\n\r\n"),
    send(b"HTTP/1.1 two\r\n\r\n" + body()),
    send(b"\x16\x03\x01" * 300),
    send(answer(b"\xff\xfe" * 9)),
    flood,
)
"""Nothing that a client can use."""

OUTAGES = pytest.mark.parametrize(
    "behave", [reset, send(b""), send(answer(b"{}")), send(answer(b"", status="503 x"))]
)


def running_clock(step_s: float) -> FunctionClock:
    """Seconds that pass by being asked for, so that few receptions fit in a deadline."""
    times = count()
    return FunctionClock(lambda: next(times) * step_s)


def survive(server: HostilePort, source: str, behave: Behaviour) -> None:
    """Read through an outage while the token is good, and the next token after it."""
    ahead = [0.0]
    clock = FunctionClock(lambda: time.time() + ahead[0])
    reader = ClockedReader("s", source=source, background=False, clock=clock)
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
