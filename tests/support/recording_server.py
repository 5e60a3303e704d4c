"""An HTTP server on loopback that answers by path and remembers what it was sent."""

import ssl
from typing import Any

from tests.support.http_server import HttpServer, Reply, Request, json_reply

TOKEN = {"access_token": "a-token-of-the-recorder", "token_type": "Bearer", "expires_in": 3600}


class RecordingServer(HttpServer):
    """Answers `answers[path]`, a status and a value that becomes JSON, or a good token."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, context=context)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.requests: list[Request] = []

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return json_reply(*self.answers.get(request.path, (200, TOKEN)))
