"""The HTTP server of the local token endpoint."""

from __future__ import annotations

import json
import sys
import threading
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_ANSWER", "LocalServer", "Reply", "Request", "json_reply"]

MAX_BODY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """A request, with its whole body."""

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The response; status 0 means that the connection is closed without one."""

    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    debug_id: str = field(default_factory=lambda: str(uuid.uuid4()))


NO_ANSWER = Reply(0)


def json_reply(status: int, value: object, **headers: str) -> Reply:
    """`value` as JSON; underscores in the headers' names stand for hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), headers=named)


class LocalServer(ABC):
    """A server on a free port of 127.0.0.1, in a new thread or in the caller's."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._server = _HttpServer(self)
        self._thread: threading.Thread | None = None
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, method: str, request: Request) -> Reply:
        """Answer one request; called from many threads."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve in a new thread until `stop`."""
        self._thread = threading.Thread(target=self.serve_forever, name="local-ims", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port; ends requests that hang."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
            self._thread = None
        self.server_close()

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Serve in this thread until `shutdown`, checked every `poll_interval` seconds."""
        self._server.serve_forever(poll_interval)

    def shutdown(self) -> None:
        """Make `serve_forever` return."""
        self._stopped.set()
        self._server.shutdown()

    def server_close(self) -> None:
        """Free the port."""
        self._server.server_close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    # Tests start more rotators at once than the standard library's five.
    request_queue_size = 128

    def __init__(self, owner: LocalServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _HttpHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Print a traceback for defects, not for a client that closed the connection."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _HttpHandler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def _serve(self) -> None:
        size_bytes = int(self.headers.get("content-length") or 0)
        if size_bytes > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(json_reply(413, {"error": "too_large"}))
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(url.path, url.query, headers, self.rfile.read(size_bytes))
        self._send(self.server.owner.answer(self.command, request))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def _send(self, reply: Reply) -> None:
        if reply is NO_ANSWER:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("x-debug-id", reply.debug_id)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log nothing: a query string may contain secrets."""
