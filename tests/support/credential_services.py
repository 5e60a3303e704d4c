"""What gives an AWS SDK its credentials, on loopback: each answers well, or as a test says.

STS in its XML, the container credentials endpoint (ECS, EKS Pod Identity), instance metadata
(IMDSv2), and IAM Identity Center (SSO).
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CredentialServices", "container_keys", "sts_error"]

EXPIRATION = "2035-01-01T00:00:00Z"
ROLE_PATH = "/latest/meta-data/iam/security-credentials/"


class CredentialServices:
    """All of them behind one port. `answers` replaces the good answer by name.

    Names are `sts:<Action>`, `container`, `imds` and `sso`; an answer is a status and a body, or
    None for a connection that ends without one. `delay_s` comes before each.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str] | None] = {}
        self.delay_s = 0.0
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, form: Mapping[str, list[str]]) -> tuple[int, str]:
        """The answer to one request; raises ConnectionError for none."""
        name, good = _route(method, path, form)
        self.requests.append(name)
        chosen = self.answers.get(name, (200, good))
        if chosen is None:
            raise ConnectionError
        return chosen

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        services = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if services.delay_s:
                    time.sleep(services.delay_s)  # a slow service: what is tested waits, no test
                try:
                    status, text = services.answer(self.command, self.path, parse_qs(body))
                except ConnectionError:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PUT = _serve  # noqa: N815 - names of the standard library

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _route(method: str, path: str, form: Mapping[str, list[str]]) -> tuple[str, str]:
    if method == "PUT":
        return "imds:token", "a-session-token"
    if path == ROLE_PATH:
        return "imds:role", "a-role"
    if path.startswith(ROLE_PATH):
        return "imds", json.dumps({"Code": "Success", **container_keys()})
    if path.startswith("/federation/credentials"):
        keys = {"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": "t"}
        return "sso", json.dumps({"roleCredentials": keys | {"expiration": 2_051_222_400_000}})
    if path.startswith("/container"):
        return "container", json.dumps(container_keys())
    action = form.get("Action", [""])[0]
    return f"sts:{action}", _sts_success(action)


def container_keys(**changes: str) -> dict[str, str]:
    """Temporary credentials in the form of ECS, EKS and instance metadata."""
    keys = {"AccessKeyId": "a", "SecretAccessKey": "s", "Token": "t", "Expiration": EXPIRATION}
    return keys | changes


def _sts_success(action: str) -> str:
    keys = {"AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}
    fields = "".join(f"<{k}>{v}</{k}>" for k, v in (keys | {"Expiration": EXPIRATION}).items())
    result = f"<{action}Result><Credentials>{fields}</Credentials></{action}Result>"
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    return f'<{action}Response xmlns="{space}">{result}</{action}Response>'


def sts_error(code: str, message: str = "no", *, status: int = 403) -> tuple[int, str]:
    """An error of STS."""
    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
    return status, f"<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"
