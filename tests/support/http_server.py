"""The one HTTP server of the tests: on a free port of 127.0.0.1, gone when its block ends."""

import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

RST_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; `headers` by lower-case name, `peer` the subject of its certificate."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: Any = None

    @property
    def form(self) -> list[tuple[str, str]]:
        """The members of a form, in order."""
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def arguments(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: with `cut_bytes` the body ends there, with `close` the connection ends.

    A header `Connection` stands in place of `Content-Length`: the body ends with the connection.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_bytes: int | None = None
    close: bool = False


RESET = Reply(0)
"""No reply: the connection is reset."""
HANG_UP = Reply(0, close=True)
"""No reply: the connection is closed."""


def json_reply(status: int, value: object, **headers: str) -> Reply:
    """`value` as JSON; underscores in the headers' names stand for hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | named)


class LoopbackServer:
    """Runs a server of the standard library in a thread, for the time of its block.

    `stopped` tells an answer that goes on for long that the block has ended.
    """

    def __init__(self, server: socketserver.TCPServer, scheme: str = "http") -> None:
        self.stopped = threading.Event()
        self._server = server
        self.port: int = server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class HttpServer(LoopbackServer):
    """Answers each request with `respond(request)`, each connection in a thread of its own.

    With `context` it speaks TLS. `epoch` is the time in the `Date` of its replies.
    """

    def __init__(
        self,
        respond: Callable[[Request], Reply],
        *,
        context: ssl.SSLContext | None = None,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self.respond = respond
        self.context = context
        self.epoch = epoch
        super().__init__(_Server(self), "https" if context else "http")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: HttpServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Clients go away on purpose; a traceback is for our own mistakes."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """In the connection's own thread: a handshake must not keep others waiting."""
        if self.owner.context is None:
            super().finish_request(request, client_address)
            return
        with self.owner.context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 30

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")  # with the host in front, for a proxy
        headers = {name.lower(): value for name, value in self.headers.items()}
        shown = getattr(self.connection, "getpeercert", lambda: None)() or {}
        body = self._read_body(headers)
        self._send(
            self.server.owner.respond(
                Request(self.command, path, query, headers, body, shown.get("subject"))
            )
        )

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - names of the standard library

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        body = b""
        while size_bytes := int(self.rfile.readline(), 16):
            body += self.rfile.read(size_bytes)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply) -> None:
        if reply == HANG_UP:
            self.close_connection = True
            return
        if reply == RESET:
            self._reset()
            return
        self.send_response_only(reply.status)
        self.send_header("Date", formatdate(self.server.owner.epoch(), usegmt=True))
        for name, text in reply.headers.items():
            self.send_header(name, text)
        if "Connection" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.cut_bytes])
        self.close_connection |= reply.close or reply.cut_bytes is not None

    def _reset(self) -> None:
        """Close with RST: what a crashed peer or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
        # Closed here: the library would first say good-bye in the ordinary way.
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log nothing."""
