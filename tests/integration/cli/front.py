"""What stands between a command and the local Secrets Manager, to count and to get in the way."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Front"]


class Front:
    """Passes every request on, except where it was told not to.

    `actions` are the API actions in the order in which they were asked for. A GET finds an API
    that takes no token, or answers with `api_status` and `api_body`. A POST to `token_url` finds
    a token endpoint that says no, and repeats all that it was sent; or answers with `grant`.
    """

    def __init__(self, upstream_url: str) -> None:
        self.upstream = urlsplit(upstream_url).netloc
        self.actions: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.held: dict[str, bool] = {}
        self.gates: dict[str, threading.Barrier] = {}
        self.arrived = threading.Event()
        self.ended = threading.Event()
        self.api_status = 401
        self.api_body = b'{"error_code": "401013", "message": "Oauth token is not valid"}'
        self.grant: dict[str, object] | None = None
        self._server = _Server(self)

    @property
    def api_url(self) -> str:
        """The API that takes no token."""
        return f"{self.env['AWS_ENDPOINT_URL']}/hello"

    @property
    def token_url(self) -> str:
        """The token endpoint that repeats what it was sent."""
        return f"{self.env['AWS_ENDPOINT_URL']}/token"

    @property
    def env(self) -> dict[str, str]:
        """The variable that leads a command here."""
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_address[1]}"}

    def refuse(self, *actions: str, code: str, message: str = "", status: int = 400) -> None:
        """Answer with the error that the service has for it."""
        body = json.dumps({"__type": code, "Message": message}).encode()
        self.answers |= dict.fromkeys(actions, (status, body))

    def answer(self, action: str, value: object) -> None:
        """Answer with `value` in the service's place."""
        self.answers[action] = (200, json.dumps(value).encode())

    def relent(self) -> None:
        """Pass everything on again."""
        self.answers.clear()

    def hold(self, action: str, *, passed_on: bool) -> None:
        """Never answer `action`; `arrived` tells that it came and, if wanted, was passed on."""
        self.held[action] = passed_on

    def gather(self, action: str, parties: int) -> None:
        """Pass `action` on once so many have come for it, and then all of them."""
        self.gates[action] = threading.Barrier(parties, timeout=30)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, front: Front) -> None:
        self.front = front
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def do_POST(self) -> None:
        front = self.server.front
        action = self.headers.get("X-Amz-Target", "").partition(".")[2]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not action:
            sent = f"{self.headers.get('Authorization')} {body.decode()} {dict(parse_qsl(body))}"
            refusal = {"error": "invalid_client", "error_description": sent}
            answer = json.dumps(front.grant or refusal).encode()
            status = 200 if front.grant else 401
            self._send(status, answer, "application/json", debug_id=body.decode())
            return
        front.actions.append(action)
        if action in front.held:
            if front.held[action]:
                self._upstream(body)
            front.arrived.set()
            front.ended.wait(30)
            self.close_connection = True
            return
        if action in front.gates:
            front.gates[action].wait()
        status, answer = front.answers.get(action) or self._upstream(body)
        self._send(status, answer, "application/x-amz-json-1.1")

    def do_GET(self) -> None:
        front = self.server.front
        self._send(front.api_status, front.api_body, "application/json")

    def _send(
        self, status: int, body: bytes, content_type: str, *, debug_id: str | None = None
    ) -> None:
        self.send_response(status)
        if debug_id is not None:
            self.send_header("x-debug-id", debug_id)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _upstream(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(self.server.front.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        try:
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log nothing."""
