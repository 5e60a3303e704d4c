"""The one server below HTTP: each connection is handed to the test, which does what it likes."""

import contextlib
import socket
import socketserver
from collections.abc import Callable
from typing import Any

from tests.support.http_server import LoopbackServer


class RawServer(LoopbackServer):
    """On a free port of 127.0.0.1: `play(connection)` in a thread of its own, then it is closed."""

    def __init__(self, play: Callable[[socket.socket], None]) -> None:
        self.play = play
        super().__init__(_RawTcpServer(self))


class _RawTcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: RawServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _RawHandler)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as inherited
        """Close, and no more: what ends the connection in another way has been set up by then."""
        self.close_request(request)


class _RawHandler(socketserver.BaseRequestHandler):
    server: _RawTcpServer

    def handle(self) -> None:
        self.request.settimeout(10)
        with contextlib.suppress(OSError):
            self.server.owner.play(self.request)
