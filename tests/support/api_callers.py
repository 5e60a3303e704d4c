"""An API that takes one token only, and callers that send it by each library."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx
import requests

from rotator.reader import TokenReader
from rotator.reader.adapters import RequestsAuth
from rotator.reader.adapters_httpx import HttpxAuth
from tests.support.http_server import HttpServer, Reply, Request
from tests.support.reader_rig import FunctionSource, live_version, start_clock

Body = bytes | Iterator[bytes] | io.BytesIO | None

TIMEOUT_S = 20
HOSTS = ("127.0.0.1", "localhost")
REDIRECTS = {"/moved": 307, "/done": 303}


class TokenSource(FunctionSource):
    """Has `token`, which a test replaces."""

    def __init__(self) -> None:
        super().__init__(lambda: live_version(self.token))
        self.token = "old"


class Api(HttpServer):
    """Takes one token only; refuses others with a status of the test's choice."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.accepted = "new"
        self.refusal = 401
        self.refusals_left = 1_000_000
        self.refusal_body = b"{}"
        self.refusal_headers: dict[str, str] = {}
        self.cut_bytes: int | None = None
        self.location = ""
        self.seen: list[tuple[str, str | None, str | None, bytes]] = []

    def tokens(self) -> list[str | None]:
        return [sent for _, sent, _, _ in self.seen]

    def _answer(self, request: Request) -> Reply:
        sent = request.headers.get("authorization")
        self.seen.append((request.path, sent, request.headers.get("x-api-key"), request.body))
        if request.path in REDIRECTS:
            return Reply(REDIRECTS[request.path], headers={"Location": self.location})
        json_type = {"Content-Type": "application/json"}
        if sent == f"Bearer {self.accepted}" or not self.refusals_left:
            return Reply(200, b"{}", json_type)
        self.refusals_left -= 1
        headers = json_type | self.refusal_headers
        return Reply(self.refusal, self.refusal_body, headers, cut_bytes=self.cut_bytes)


class Caller(Protocol):
    slept: list[float]

    def post(self, url: str, body: Body = None, *, stream: bool = False) -> int: ...


def token_invalid(code: object) -> bytes:
    return json.dumps({"error_code": code, "message": "a message of the gateway"}).encode()


@dataclass
class ApiRig:
    """An API, and a reader whose token comes from `source`; `caller` sends it by one library."""

    api: Api
    make_caller: Callable[..., Caller]
    source: TokenSource = field(default_factory=TokenSource)

    def __post_init__(self) -> None:
        self.reader = TokenReader("s", source=self.source)
        self.caller = self.make_caller(self.reader)

    def outdate(self) -> None:
        """Let the reader have the old token, and its source a newer one."""
        self.reader.token()
        self.source.token = "new"


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
