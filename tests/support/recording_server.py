"""An HTTP server on loopback that answers by path and remembers what it was sent."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    import ssl

__all__ = ["Recorded", "RecordingServer"]

TOKEN = {"access_token": "a-token-of-the-recorder", "token_type": "Bearer", "expires_in": 3600}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request; `headers` by lower-case name, `peer` the subject of the client's certificate."""

    method: str
    path: str
    headers: dict[str, str]
    form: list[tuple[str, str]]
    peer: Any = None


@dataclass(slots=True)
class RecordingServer:
    """Answers `answers[path]`, a status and a value that becomes JSON, or a good token."""

    context: ssl.SSLContext | None = None
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    url: str = ""
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                shown = getattr(self.connection, "getpeercert", lambda: None)() or {}
                recorder.requests.append(
                    Recorded(
                        self.command,
                        self.path,
                        {name.lower(): value for name, value in self.headers.items()},
                        parse_qsl(body, keep_blank_values=True),
                        shown.get("subject"),
                    )
                )
                status, value = recorder.answers.get(self.path, (200, TOKEN))
                payload = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST  # noqa: N815 - names of the standard library

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Say nothing: clients that refuse our certificate go away."""

            def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
                # In the connection's own thread: a handshake must not keep others waiting.
                if recorder.context is not None:
                    request = recorder.context.wrap_socket(request, server_side=True)
                super().finish_request(request, client_address)
                if recorder.context is not None:
                    request.close()

        self._server = Server(("127.0.0.1", 0), Handler)
        scheme = "http" if self.context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
