"""What stands between a command and the local Secrets Manager, to count and to get in the way."""

import json
import threading
from http.client import HTTPConnection
from typing import Self
from urllib.parse import urlsplit

from tests.support.http_server import RESET, HttpServer, Reply, Request, json_reply


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
        self._server = HttpServer(self._respond)

    @property
    def api_url(self) -> str:
        return f"{self.env['AWS_ENDPOINT_URL']}/hello"

    @property
    def token_url(self) -> str:
        """The token endpoint that repeats what it was sent."""
        return f"{self.env['AWS_ENDPOINT_URL']}/token"

    @property
    def env(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self._server.url}

    def refuse(self, *actions: str, code: str, message: str = "", status: int = 400) -> None:
        """Answer with the error that the service has for it.

        An action may be that of one staging label: `GetSecretValue AWSPREVIOUS`.
        """
        body = json.dumps({"__type": code, "Message": message}).encode()
        self.answers |= dict.fromkeys(actions, (status, body))

    def answer(self, action: str, value: object) -> None:
        """Answer with `value` in the service's place."""
        self.answers[action] = (200, json.dumps(value).encode())

    def relent(self) -> None:
        self.answers.clear()

    def hold(self, action: str, *, passed_on: bool) -> None:
        """Never answer `action`; `arrived` tells that it came and, if wanted, was passed on."""
        self.held[action] = passed_on

    def gather(self, action: str, parties: int) -> None:
        """Pass `action` on once so many have come for it, and then all of them."""
        self.gates[action] = threading.Barrier(parties, timeout=30)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.__exit__()

    def _respond(self, request: Request) -> Reply:
        if request.method == "GET":
            return Reply(self.api_status, self.api_body, {"Content-Type": "application/json"})
        action = request.headers.get("x-amz-target", "").partition(".")[2]
        if not action:
            return self._grant(request)
        self.actions.append(action)
        if action in self.held:
            if self.held[action]:
                self._upstream(request)
            self.arrived.set()
            self.ended.wait(30)
            return RESET
        if action in self.gates:
            self.gates[action].wait()
        stage = json.loads(request.body).get("VersionStage")
        answer = self.answers.get(f"{action} {stage}") or self.answers.get(action)
        status, body = answer or self._upstream(request)
        return Reply(status, body, {"Content-Type": "application/x-amz-json-1.1"})

    def _grant(self, request: Request) -> Reply:
        """The token endpoint's answer; a refusal repeats all that was sent, in every place."""
        body = request.body.decode()
        sent = f"{request.headers.get('authorization')} {body} {dict(request.form)}"
        refusal = {"error": "invalid_client", "error_description": sent}
        return json_reply(200 if self.grant else 401, self.grant or refusal, x_debug_id=body)

    def _upstream(self, request: Request) -> tuple[int, bytes]:
        connection = HTTPConnection(self.upstream, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        try:
            connection.request("POST", request.path, request.body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
