"""One HTTP request with the standard library, and one deadline for all of it.

`http.client` takes longer to import than the rest of a read, and its timeout starts again with each
byte that arrives.
"""

from __future__ import annotations

import socket

from rotator.errors import signal_error
from rotator.wire.framing import body_end, parse_chunk_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from rotator.clock import Clock

__all__ = ["Response", "exchange"]

_CONNECT_TIMEOUT_S = 1.0
_FRAMING = ("content-length", "transfer-encoding")

# Secrets Manager takes 65,536 bytes of value; JSON in JSON can multiply them by six.
_MAX_BYTES = 512 * 1024
_MAX_HEAD_BYTES = 64 * 1024


class Response:
    """Status, headers by lower-case name, and the whole body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class _Deadline:
    """The time that is left until a moment of the monotonic clock."""

    def __init__(self, at: float, clock: Clock) -> None:
        self._at = at
        self._clock = clock

    def left_s(self) -> float:
        left_s = self._at - self._clock.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def exchange(
    host: str,
    port: int,
    request: bytes,
    *,
    context: ssl.SSLContext | None,
    ends_at: float,
    clock: Clock,
) -> Response:
    """Send the request and read the response, over TLS if there is a context.

    `ends_at` is the deadline on the monotonic clock. Raises OSError (TimeoutError and ssl's errors
    included), or ValueError for a response that is not HTTP, cut off or too long.
    """
    deadline = _Deadline(ends_at, clock)
    connection = _connect(host, port, deadline)
    try:
        if context is not None:
            connection.settimeout(deadline.left_s())
            connection = context.wrap_socket(
                connection, server_hostname=_server_name(host, context)
            )
        connection.settimeout(deadline.left_s())
        connection.sendall(request)
        return _Reception(connection, deadline).response()
    finally:
        connection.close()


def _server_name(host: str, context: ssl.SSLContext) -> str | bytes:
    """As bytes, for the reason in `_connect`; gevent's context class takes text only."""
    return host.encode("ascii") if type(context).__module__ == "ssl" else host


def _connect(host: str, port: int, deadline: _Deadline) -> socket.socket:
    problem: OSError = ConnectionError()
    # As bytes: for text Python loads the IDNA codec, which takes longer than the lookup, and no
    # endpoint of AWS needs it.
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(min(deadline.left_s(), _CONNECT_TIMEOUT_S))
            connection.connect(address)
        except OSError as error:
            connection.close()
            if signal_error(error) is not None:
                raise
            problem = error
        else:
            return connection
    raise problem


class _Reception:
    """Reads a response within the deadline."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._received = b""

    def response(self) -> Response:
        version, status, headers = self._head()
        while 100 <= status < 200:  # noqa: PLR2004 - interim responses (RFC 9110, 15.2)
            version, status, headers = self._head()
        end = body_end(
            *([text for each, text in headers if each == name] for name in _FRAMING),
            is_http_1_0=version == "HTTP/1.0",
        )
        if end is None:
            body = self._rest()
        else:
            body = self._chunks() if end == "chunked" else self._take(end)
        return Response(status, dict(headers), body)

    def _head(self) -> tuple[str, int, list[tuple[str, str]]]:
        """HTTP version, status, and each header by its lower-case name."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = [*lines[0].split(" ", 2), ""]
        if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdigit():  # noqa: PLR2004
            raise ValueError("it is not an HTTP response")
        fields = (line.partition(":") for line in lines[1:])
        headers = [(name.strip().lower(), text.strip()) for name, _, text in fields]
        return version, int(status), headers

    def _chunks(self) -> bytes:
        body = b""
        while size_bytes := parse_chunk_size(self._until(b"\r\n").decode("latin-1")):
            body += self._take(size_bytes)
            if len(body) > _MAX_BYTES or self._take(2) != b"\r\n":
                raise ValueError("its chunks are malformed or too many")
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            if len(self._received) > _MAX_HEAD_BYTES:
                raise ValueError("it is too long")
            if not self._receive():
                raise ValueError("it is cut off")
        found, _, self._received = self._received.partition(mark)
        return found

    def _take(self, size_bytes: int) -> bytes:
        if size_bytes > _MAX_BYTES:
            raise ValueError("it is too long")
        while len(self._received) < size_bytes:
            if not self._receive():
                raise ValueError("it is cut off")
        taken, self._received = self._received[:size_bytes], self._received[size_bytes:]
        return taken

    def _rest(self) -> bytes:
        while self._receive():
            if len(self._received) > _MAX_BYTES:
                raise ValueError("it is too long")
        return self._received

    def _receive(self) -> bool:
        self._connection.settimeout(self._deadline.left_s())
        piece = self._connection.recv(65_536)
        self._received += piece
        return bool(piece)
