"""A token endpoint that plays any row of `hostile_rows`, and one that nothing may be sent to."""

import contextlib
import socket
import struct
import threading
from collections import Counter
from typing import Self

from tests.evidence.hostile_rows import ROWS
from tests.evidence.hostile_words import (
    ELSEWHERE,
    GOOD,
    HERE,
    Drip,
    Endless,
    HalfClose,
    Reset,
    Row,
    Silence,
    Step,
)
from tests.support.raw_server import RawServer

DRIP_EVERY_S = 0.005
ENDLESS_BYTES = 8_000_000
"""Then the other side waits for more in vain: a client without a bound would fill the memory."""
RST_ON_CLOSE = struct.pack("ii", 1, 0)
GOOD_ROW = Row("a good answer", (GOOD,), "")


class HostileServer:
    """Both servers, on free ports of 127.0.0.1.

    `url(row)` is where the row is played, also to those who look for metadata there. `requests`
    counts what was asked there by the row's name, `posts` which of that was sent something,
    `elsewhere` how often anybody connected to the other server.
    """

    def __init__(self) -> None:
        self._rows = {str(number): row for number, row in enumerate((GOOD_ROW, *ROWS))}
        self._paths = {row.name: path for path, row in self._rows.items()}
        self.requests: Counter[str] = Counter()
        self.posts: Counter[str] = Counter()
        self.elsewhere = 0
        self._playing: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._here = RawServer(self._play)
        self._elsewhere = RawServer(self._count)

    def __enter__(self) -> Self:
        self._here.__enter__()
        self._elsewhere.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._here.__exit__()
        self._elsewhere.__exit__()

    def add(self, row: Row) -> str:
        """Play one more row, and tell where; it takes the place of another of its name."""
        path = self._paths.setdefault(row.name, str(len(self._rows)))
        self._rows[path] = row
        return self.url(row)

    def url(self, row: Row) -> str:
        return f"{self._here.url}/{self._paths[row.name]}"

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether every conversation has ended within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._playing, timeout_s)

    def hang_up(self) -> None:
        """End every conversation that still goes on."""
        for connection in list(self._playing):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _count(self, connection: socket.socket) -> None:
        self.elsewhere += 1
        connection.sendall(GOOD)

    def _play(self, connection: socket.socket) -> None:
        method, _, rest = connection.recv(65_536, socket.MSG_PEEK).partition(b" ")
        segments = rest.partition(b" ")[0].decode().split("/")
        row = next((self._rows[each] for each in segments if each in self._rows), None)
        if row is None:
            return
        self.requests[row.name] += 1
        self.posts[row.name] += method == b"POST"
        if row.reads_request:
            _read_request(connection)
        self._playing.add(connection)
        try:
            for step in row.script:
                self._do(step, connection, row)
        finally:
            with self._changed:
                self._playing.discard(connection)
                self._changed.notify_all()

    def _do(self, step: Step, connection: socket.socket, row: Row) -> None:
        match step:
            case bytes():
                connection.sendall(self._addressed(step, row))
            case Drip(data):
                for position in range(1_000_000):
                    at = position % len(data)
                    connection.sendall(data[at : at + 1])
                    if self._here.stopped.wait(DRIP_EVERY_S):
                        return
            case Endless(data):
                for _ in range(ENDLESS_BYTES // len(data)):
                    connection.sendall(data)
                connection.recv(1)
            case Reset():
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
                connection.close()
            case HalfClose():
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            case Silence():
                connection.recv(1)  # until the other side gives up

    def _addressed(self, data: bytes, row: Row) -> bytes:
        return data.replace(ELSEWHERE.encode(), self._elsewhere.url.encode()).replace(
            HERE.encode(), self.url(row).encode()
        )


def _read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(65_536)
