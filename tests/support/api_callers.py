"""An API that takes one token only, and callers that send it by each library."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import requests

from rotator.reader.adapters import RequestsAuth
from rotator.reader.adapters_httpx import HttpxAuth
from tests.support.reader_rig import start_clock

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping, Sequence

    from rotator.reader import TokenReader

    Body = bytes | Iterator[bytes] | io.BytesIO | None

__all__ = [
    "HOSTS",
    "TIMEOUT_S",
    "Api",
    "AsyncHttpxCaller",
    "Caller",
    "HttpxCaller",
    "RequestsCaller",
    "TokenSource",
    "token_invalid",
]

TIMEOUT_S = 20
HOSTS = ("127.0.0.1", "localhost")
REDIRECTS = {"/moved": 307, "/done": 303}


class TokenSource:
    has_fresh = False

    def __init__(self) -> None:
        self.token = "old"
        self.calls = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        fields = {
            "access_token": self.token,
            "client_id": "my-client",
            "expires_at_epoch": int(time.time()) + 3600,
        }
        return {"SecretString": json.dumps(fields), "VersionId": self.token}


class ApiHandler(BaseHTTPRequestHandler):
    api: Api

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        sent = self.headers["Authorization"]
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.headers["Transfer-Encoding"] == "chunked":
            while size_bytes := int(self.rfile.readline(), 16):
                body += self.rfile.read(size_bytes)
                self.rfile.readline()
            self.rfile.readline()
        self.api.seen.append((self.path, sent, self.headers["x-api-key"], body))
        self.reply(sent)

    def reply(self, sent: str | None) -> None:
        api = self.api
        answer = b"{}"
        if self.path in REDIRECTS:
            self.send_response(REDIRECTS[self.path])
            self.send_header("Location", self.api.location)
        elif sent == f"Bearer {api.accepted}" or not api.refusals_left:
            self.send_response(200)
        else:
            answer = api.refusal_body
            api.refusals_left -= 1
            self.send_response(api.refusal)
            for name, text in api.refusal_headers.items():
                self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        if "Connection" not in api.refusal_headers:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


class Api:
    """Takes one token only; refuses others with a status of the test's choice."""

    def __init__(self) -> None:
        self.accepted = "new"
        self.refusal = 401
        self.refusals_left = 1_000_000
        self.refusal_body = b"{}"
        self.refusal_headers: dict[str, str] = {}
        self.location = ""
        self.seen: list[tuple[str, str | None, str | None, bytes]] = []
        bound = type("BoundHandler", (ApiHandler,), {"api": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def tokens(self) -> list[str | None]:
        return [sent for _, sent, _, _ in self.seen]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Caller(Protocol):
    slept: list[float]

    def post(self, url: str, body: Body = None, *, stream: bool = False) -> int: ...


def token_invalid(code: object) -> bytes:
    return json.dumps({"error_code": code, "message": "a message of the gateway"}).encode()


class RequestsCaller:
    def __init__(self, reader: TokenReader, hosts: Sequence[str] = HOSTS) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        clock = start_clock()
        self.slept = clock.slept_s
        self.session.auth = RequestsAuth(reader, hosts, clock=clock)

    def post(self, url: str, body: Body = None, *, stream: bool = False) -> int:
        with self.session as session:
            return session.post(url, data=body, timeout=TIMEOUT_S, stream=stream).status_code


class HttpxCaller:
    def __init__(self, reader: TokenReader, hosts: Sequence[str] = HOSTS) -> None:
        clock = start_clock()
        self.slept = clock.slept_s
        auth = HttpxAuth(reader, hosts, clock=clock)
        self.client = httpx.Client(
            auth=auth, trust_env=False, follow_redirects=True, timeout=TIMEOUT_S
        )

    def post(self, url: str, body: Body = None, *, stream: bool = False) -> int:
        with self.client as client, client.stream("POST", url, content=body) as response:
            if not stream:
                response.read()
            return response.status_code


class AsyncHttpxCaller:
    def __init__(self, reader: TokenReader, hosts: Sequence[str] = HOSTS) -> None:
        self.slept: list[float] = []
        self.auth = HttpxAuth(reader, hosts, sleep_async=self.sleep, clock=start_clock())

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def post(self, url: str, body: Body = None, *, stream: bool = False) -> int:
        async def post() -> int:
            async with (
                httpx.AsyncClient(
                    auth=self.auth, trust_env=False, follow_redirects=True, timeout=TIMEOUT_S
                ) as client,
                client.stream("POST", url, content=body) as response,
            ):
                if not stream:
                    await response.aread()
                return response.status_code

        return asyncio.run(post())
