"""One HTTP front for everything that a run calls, which tells each call and can spoil it.

Real processes reach it by `AWS_ENDPOINT_URL` and the token endpoint's URL. What answers behind it
is in this process, so that a test can look at it and steer it between two calls.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from rotator.local.ims import Request
from rotator.local.ims_control import HELLO_PATH, TOKEN_PATH, ImsUrls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rotator.local.ims import LocalIms
    from tests.strict_aws.service import StrictSecretsManager

__all__ = ["Call", "Fault", "Reply", "Wire"]

NAMES = {TOKEN_PATH: "ims:token", HELLO_PATH: "api:hello"}


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing call of a run: `name` is `sm:PutSecretValue`, `ims:token` or `api:hello`."""

    number: int
    name: str
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """How one call goes wrong.

    `processed` says whether the service has acted on it. `reply` is sent in place of the answer,
    or what `echo` makes of the request; with `reset` the connection is reset instead, with
    `cut_bytes` the answer ends there, with `delay_s` it comes late.
    """

    name: str
    processed: bool = False
    reply: Reply | None = None
    echo: Callable[[Request], Reply] | None = None
    reset: bool = False
    cut_bytes: int | None = None
    delay_s: float = 0.0


class Wire:
    """The front, on a free port of 127.0.0.1: Secrets Manager and the local token endpoint.

    `spoil(call)` chooses the fault of each call, None for none. `before(call)` and `after(call)`
    run before the service acts on it and after, and may block. `calls` are those of all clients.
    `now` is what the `Date` of the answers says.
    """

    def __init__(self, secrets_manager: StrictSecretsManager, ims: LocalIms | None = None) -> None:
        self.secrets_manager = secrets_manager
        self.ims = ims
        self.spoil: Callable[[Call], Fault | None] = lambda _call: None
        self.before: Callable[[Call], None] = lambda _call: None
        self.after: Callable[[Call], None] = lambda _call: None
        self.now: Callable[[], float] = time.time
        self.calls: list[Call] = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.urls = ImsUrls(self.endpoint_url)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def healthy(self) -> None:
        """No more faults, and the calls so far forgotten."""
        self.spoil = lambda _call: None
        self.before = self.after = lambda _call: None
        with self._lock:
            self.calls = []

    def register(self, name: str, params: Mapping[str, Any]) -> Call:
        """Number a call."""
        with self._lock:
            call = Call(len(self.calls), name, params)
            self.calls.append(call)
        return call

    def answer(self, request: Request, method: str) -> Reply:
        """What the service behind the front says."""
        if "x-amz-target" in request.headers:
            answer = self.secrets_manager.handle(request.headers, request.body)
            headers = {"Content-Type": "application/x-amz-json-1.1"}
            return Reply(answer.status, json.dumps(answer.body).encode(), headers)
        if self.ims is None:
            return Reply(404, b"", {})
        reply = self.ims.answer(method, request)
        headers = {
            **reply.headers,
            "Content-Type": reply.content_type,
            "x-debug-id": reply.debug_id,
        }
        return Reply(reply.status, reply.body, headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Clients are killed here on purpose; a traceback is for our own mistakes."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def _serve(self) -> None:
        wire = self.server.wire
        size_bytes = int(self.headers.get("content-length") or 0)
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(url.path, url.query, headers, self.rfile.read(size_bytes))
        target = headers.get("x-amz-target", "")
        name = target.replace("secretsmanager.", "sm:") or NAMES.get(url.path, url.path)
        params: dict[str, Any] = {}
        if target:
            with contextlib.suppress(ValueError):
                params = json.loads(request.body)
        call = wire.register(name, params)
        fault = wire.spoil(call)
        wire.before(call)
        reply = None
        if fault is None or fault.processed:
            reply = wire.answer(request, self.command)
        if fault is not None and fault.echo is not None:
            reply = fault.echo(request)
        wire.after(call)
        self._send(reply, fault)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def _send(self, reply: Reply | None, fault: Fault | None) -> None:
        if fault is not None:
            self.server.wire.ended.wait(fault.delay_s)
            reply = fault.reply or reply
        if reply is None or reply.status == 0 or (fault is not None and fault.reset):
            self._reset()
            return
        cut = None if fault is None else fault.cut_bytes
        self.close_connection = self.close_connection or fault is not None
        self.send_response_only(reply.status)
        self.send_header("Date", formatdate(self.server.wire.now(), usegmt=True))
        for header, text in reply.headers.items():
            self.send_header(header, text)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[:cut])

    def _reset(self) -> None:
        """Close with RST: what a crashed peer or a firewall does."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # Closed here: the library would first say good-bye in the ordinary way.
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log nothing."""
