"""The reader's token in real requests, against servers on loopback that refuse old tokens."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import requests

from rotator.errors import TokenUnavailable
from rotator.reader import TokenReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Body = bytes | Iterator[bytes] | io.BytesIO | None

TIMEOUT_S = 20
HOSTS = ("127.0.0.1", "localhost")


class Source:
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


class Api:
    """Takes one token only; refuses others with a status of the test's choice."""

    def __init__(self) -> None:
        self.accepted = "new"
        self.refusal = 401
        self.location = ""
        self.seen: list[tuple[str, str | None, str | None, bytes]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
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
                api.seen.append((self.path, sent, self.headers["x-api-key"], body))
                if self.path == "/moved":
                    self.send_response(307)
                    self.send_header("Location", api.location)
                else:
                    self.send_response(200 if sent == f"Bearer {api.accepted}" else api.refusal)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def tokens(self) -> list[str | None]:
        return [sent for _, sent, _, _ in self.seen]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.stop()


@pytest.fixture
def elsewhere() -> Iterator[Api]:
    """Another host, as far as HTTP is concerned."""
    api = Api()
    api.url = api.url.replace("127.0.0.1", "localhost")
    yield api
    api.stop()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def reader(source: Source) -> TokenReader:
    return TokenReader("s", source=source)


class Caller(Protocol):
    def post(self, url: str, body: Body = None) -> int: ...


class RequestsCaller:
    def __init__(self, reader: TokenReader) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = reader.requests_auth(*HOSTS)

    def post(self, url: str, body: Body = None) -> int:
        with self.session as session:
            return session.post(url, data=body, timeout=TIMEOUT_S).status_code


class HttpxCaller:
    def __init__(self, reader: TokenReader) -> None:
        httpx = pytest.importorskip("httpx")
        self.client = httpx.Client(
            auth=reader.httpx_auth(*HOSTS), trust_env=False, follow_redirects=True, timeout=TIMEOUT_S
        )

    def post(self, url: str, body: Body = None) -> int:
        with self.client as client:
            status: int = client.post(url, content=body).status_code
            return status


class AsyncHttpxCaller:
    def __init__(self, reader: TokenReader) -> None:
        self.httpx = pytest.importorskip("httpx")
        self.auth = reader.httpx_auth(*HOSTS)

    def post(self, url: str, body: Body = None) -> int:
        async def post() -> int:
            async with self.httpx.AsyncClient(
                auth=self.auth, trust_env=False, follow_redirects=True, timeout=TIMEOUT_S
            ) as client:
                status: int = (await client.post(url, content=body)).status_code
                return status

        return asyncio.run(post())


@pytest.fixture(params=[RequestsCaller, HttpxCaller, AsyncHttpxCaller])
def caller(request: pytest.FixtureRequest, reader: TokenReader) -> Caller:
    make: Callable[[TokenReader], Caller] = request.param
    return make(reader)


def test_request_carries_the_headers(api: Api, caller: Caller, source: Source) -> None:
    api.accepted = "old"
    assert caller.post(api.url, b"body") == 200
    assert api.seen == [("/", "Bearer old", "my-client", b"body")]
    assert source.calls == 1


def test_after_a_401_the_request_is_repeated_once_with_the_newer_token(
    api: Api, caller: Caller, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token = "new"
    assert caller.post(api.url, b"body") == 200
    assert api.tokens() == ["Bearer old", "Bearer new"]
    assert [body for _, _, _, body in api.seen] == [b"body", b"body"]


def test_newer_token_that_is_refused_too_ends_it(
    api: Api, caller: Caller, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.accepted = "new", "none of them"
    assert caller.post(api.url) == 401
    assert api.tokens() == ["Bearer old", "Bearer new"]


def test_401_without_a_newer_token_is_not_repeated(
    api: Api, caller: Caller, reader: TokenReader, source: Source
) -> None:
    reader.token()
    assert caller.post(api.url) == 401
    assert api.tokens() == ["Bearer old"]
    assert source.calls == 2


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_other_refusals_cost_no_read_and_no_repetition(
    api: Api, caller: Caller, reader: TokenReader, source: Source, status: int
) -> None:
    reader.token()
    source.token, api.refusal = "new", status
    assert caller.post(api.url) == status
    assert api.tokens() == ["Bearer old"]
    assert source.calls == 1


def test_body_that_cannot_be_sent_twice_is_not_but_the_token_is_renewed(
    api: Api, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token = "new"
    assert RequestsCaller(reader).post(api.url, iter([b"once"])) == 401
    assert [body for _, _, _, body in api.seen] == [b"once"]
    assert reader.token() == "new"


def test_httpx_stream_that_cannot_be_sent_twice_is_not(
    api: Api, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token = "new"
    assert HttpxCaller(reader).post(api.url, iter([b"once"])) == 401
    assert [body for _, _, _, body in api.seen] == [b"once"]
    assert reader.token() == "new"


def test_open_file_is_sent_again_from_where_it_stood(
    api: Api, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token = "new"
    file = io.BytesIO(b"skipped|sent")
    file.seek(8)
    assert RequestsCaller(reader).post(api.url, file) == 200
    assert [body for _, _, _, body in api.seen] == [b"sent", b"sent"]


def test_redirect_to_another_host_takes_no_token_along(
    api: Api, elsewhere: Api, caller: Caller, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.location = "new", elsewhere.url
    assert caller.post(f"{api.url}/moved") == 401
    assert api.tokens() == ["Bearer old"]
    assert elsewhere.tokens() == [None]
    assert source.calls == 1, "the token was not rejected: nobody saw it"


def test_redirect_on_the_same_host_is_retried(
    api: Api, caller: Caller, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.location = "new", "/there"
    assert caller.post(f"{api.url}/moved", b"body") == 200
    assert api.seen[-1] == ("/there", "Bearer new", "my-client", b"body")


def test_no_request_goes_out_without_a_token(api: Api, caller: Caller, source: Source) -> None:
    source.token = ""
    with pytest.raises(TokenUnavailable):
        caller.post(api.url)
    assert api.seen == []


def test_answer_tells_of_the_refused_attempt(api: Api, reader: TokenReader, source: Source) -> None:
    reader.token()
    source.token = "new"
    response = requests.get(api.url, auth=reader.requests_auth(*HOSTS), timeout=TIMEOUT_S)
    assert [earlier.status_code for earlier in response.history] == [401]
    assert response.request.headers["Authorization"] == "Bearer new"
