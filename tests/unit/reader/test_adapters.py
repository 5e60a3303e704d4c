"""The reader's token in real requests, against servers on loopback that refuse old tokens."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pickle
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest
import requests

from rotator.errors import ConfigError, TokenUnavailable
from rotator.reader import TokenReader
from rotator.reader.adapters import RequestsAuth
from rotator.reader.adapters_httpx import HttpxAuth
from tests.support.reader_rig import start_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Body = bytes | Iterator[bytes] | io.BytesIO | None

TIMEOUT_S = 20
HOSTS = ("127.0.0.1", "localhost")
REDIRECTS = {"/moved": 307, "/done": 303}


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


class Handler(BaseHTTPRequestHandler):
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
        bound = type("BoundHandler", (Handler,), {"api": self})
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


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


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


@pytest.fixture(params=[RequestsCaller, HttpxCaller, AsyncHttpxCaller])
def make_caller(request: pytest.FixtureRequest) -> Callable[..., Caller]:
    make: Callable[..., Caller] = request.param
    return make


@pytest.fixture
def caller(make_caller: Callable[..., Caller], reader: TokenReader) -> Caller:
    return make_caller(reader)


def test_request_carries_the_headers(api: Api, caller: Caller, source: Source) -> None:
    api.accepted = "old"
    assert caller.post(api.url, b"body") == 200
    assert api.seen == [("/", "Bearer old", "my-client", b"body")]
    assert source.calls == 1


class KeyedCaller:
    """Posts with an `x-api-key` of the caller's own, by each library."""

    def __init__(self, reader: TokenReader) -> None:
        self.reader = reader

    def post(self, url: str) -> None:
        keyed = {"X-Api-Key": "my-own"}
        with requests.Session() as session:
            session.trust_env = False
            session.post(url, headers=keyed, auth=self.reader.requests_auth(*HOSTS), timeout=9)
        with httpx.Client(trust_env=False, auth=self.reader.httpx_auth(*HOSTS)) as client:
            client.post(url, headers=keyed)


def test_api_key_of_the_caller_stays_also_when_the_request_is_repeated(
    api: Api, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token = "new"
    KeyedCaller(reader).post(api.url)
    assert api.tokens() == ["Bearer old", "Bearer new", "Bearer new"]
    assert [key for _, _, key, _ in api.seen] == ["my-own"] * 3


@pytest.mark.parametrize("stream", [False, True])
def test_responses_can_be_pickled_and_take_no_reader_along(
    api: Api, reader: TokenReader, source: Source, *, stream: bool
) -> None:
    reader.token()
    source.token = "new"
    with requests.Session() as session:
        session.trust_env = False
        auth = reader.requests_auth(*HOSTS)
        response = session.get(api.url, auth=auth, timeout=TIMEOUT_S, stream=stream)
        arrived = pickle.loads(pickle.dumps(response))  # noqa: S301 - our own
    assert (arrived.status_code, arrived.json()) == (200, {})
    assert [earlier.status_code for earlier in arrived.history] == [401]
    with httpx.Client(trust_env=False, auth=reader.httpx_auth(*HOSTS)) as client:
        copied = pickle.loads(pickle.dumps(client.get(api.url)))  # noqa: S301 - our own
    assert (copied.status_code, copied.json()) == (200, {})


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_plain_http_never_takes_the_token_to_a_proxy(
    api: Api, reader: TokenReader, monkeypatch: pytest.MonkeyPatch, name: str, host: str
) -> None:
    monkeypatch.setenv(name, api.url)
    url = f"http://{host}:1/"
    with pytest.raises(ConfigError, match=f"add {host} to NO_PROXY"):
        requests.get(url, auth=reader.requests_auth(host), timeout=TIMEOUT_S)
    with httpx.Client(auth=reader.httpx_auth(host)) as client, pytest.raises(ConfigError):
        client.get(url)
    assert api.seen == []
    monkeypatch.setenv("NO_PROXY", host)
    direct = api.url.replace("127.0.0.1", host)
    answer = requests.get(direct, auth=reader.requests_auth(host), timeout=TIMEOUT_S)
    assert answer.request.headers["Authorization"] == "Bearer old"


def test_httpx_hook_that_raises_tells_the_reader_itself(
    api: Api, reader: TokenReader, source: Source
) -> None:
    """As docs/reader.md shows it: httpx runs the hook before the auth sees the response."""
    reader.token()
    source.token = "new"

    def raise_for_status(response: httpx.Response) -> None:
        if response.status_code == 401:
            sent = response.request.headers.get("Authorization", "")
            reader.invalidate(sent.removeprefix("Bearer "))
        response.raise_for_status()

    hooks = {"response": [raise_for_status]}
    auth = reader.httpx_auth(*HOSTS)
    with httpx.Client(trust_env=False, auth=auth, event_hooks=hooks) as client:
        with pytest.raises(httpx.HTTPStatusError):
            client.get(api.url)
        assert client.get(api.url).status_code == 200
    assert api.tokens() == ["Bearer old", "Bearer new"]


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


def test_redirect_that_leaves_the_file_behind_is_retried(
    api: Api, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.location = "new", "/there"
    assert RequestsCaller(reader).post(f"{api.url}/done", io.BytesIO(b"body")) == 200
    assert [(path, sent) for path, sent, _, _ in api.seen] == [
        ("/done", "Bearer old"),
        ("/there", "Bearer old"),
        ("/there", "Bearer new"),
    ]
    assert [body for _, _, _, body in api.seen] == [b"body", b"", b""]


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


# -- whom the token is for


@pytest.mark.parametrize("hosts", [("localhost",), ("*.example.com", "api.example.com")])
def test_request_to_another_host_goes_out_as_it_is(
    api: Api,
    make_caller: Callable[..., Caller],
    reader: TokenReader,
    source: Source,
    hosts: tuple[str, ...],
) -> None:
    assert make_caller(reader, hosts).post(api.url, b"body") == 401
    assert api.seen == [("/", None, None, b"body")]
    assert source.calls == 0


def test_redirect_from_another_host_brings_no_token_to_an_allowed_one(
    api: Api, elsewhere: Api, make_caller: Callable[..., Caller], reader: TokenReader
) -> None:
    elsewhere.location = api.url
    assert make_caller(reader, ["127.0.0.1"]).post(f"{elsewhere.url}/moved") == 401
    assert elsewhere.tokens() == [None]
    assert api.tokens() == [None]


def test_token_is_not_sent_in_clear_text(
    make_caller: Callable[..., Caller], reader: TokenReader, source: Source
) -> None:
    with pytest.raises(ConfigError, match=r"api\.example\.com: is not https"):
        make_caller(reader, ["api.example.com"]).post("http://api.example.com/")
    assert source.calls == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com@elsewhere.example/",
        "https://api.example.com.elsewhere.example/",
        "https://elsewhere.example/api.example.com",
        "https://elsewhere.example#@api.example.com/",
        "https://example.com/",
        "https://below.example.com/",
        "https://api.example.com./",
    ],
)
def test_url_that_only_looks_like_an_allowed_host_gets_no_token(
    reader: TokenReader, source: Source, url: str
) -> None:
    hosts = ["api.example.com", "*.api.example.com", "*.below.example.com"]
    prepared = requests.Request("GET", url, auth=RequestsAuth(reader, hosts)).prepare()
    assert "Authorization" not in prepared.headers
    request = httpx.Request("GET", url)
    next(HttpxAuth(reader, hosts).sync_auth_flow(request))
    assert "Authorization" not in request.headers
    assert source.calls == 0


@pytest.mark.parametrize(
    "url", ["https://api.example.com/v2", "https://API.Example.com:8443/", "https://a.b.below.com/"]
)
def test_allowed_host_gets_the_token(reader: TokenReader, url: str) -> None:
    hosts = ["api.Example.com", "*.below.com"]
    prepared = requests.Request("GET", url, auth=RequestsAuth(reader, hosts)).prepare()
    assert prepared.headers["Authorization"] == "Bearer old"
    request = httpx.Request("GET", url)
    next(HttpxAuth(reader, hosts).sync_auth_flow(request))
    assert request.headers["Authorization"] == "Bearer old"


@pytest.mark.parametrize(
    "hosts", [[], ["https://api.example.com"], ["api.example.com:443"], ["*"], ["*."], ["a.*.com"]]
)
def test_hosts_that_are_none_are_refused(reader: TokenReader, hosts: list[str]) -> None:
    with pytest.raises(ConfigError):
        reader.requests_auth(*hosts)
    with pytest.raises(ConfigError):
        reader.httpx_auth(*hosts)


# -- Adobe's gateway


@pytest.mark.parametrize("code", ["401013", 401013, "invalid_token", None])
def test_invalid_token_is_fetched_anew(
    api: Api, caller: Caller, reader: TokenReader, source: Source, code: object
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid(code)
    assert caller.post(api.url) == 200
    assert api.tokens() == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("code", ["401014", "401015", 401015])
def test_401_for_another_reason_costs_no_read_and_no_repetition(
    api: Api, caller: Caller, reader: TokenReader, source: Source, code: object, *, stream: bool
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid(code)
    assert caller.post(api.url, stream=stream) == 401
    assert api.tokens() == ["Bearer old"]
    assert source.calls == 1


def test_token_that_could_not_be_checked_is_sent_once_more_after_a_pause(
    api: Api, caller: Caller, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.accepted = "new", "none of them"
    api.refusal, api.refusal_body, api.refusals_left = 503, token_invalid("503010"), 1
    assert caller.post(api.url, b"body") == 200
    assert api.tokens() == ["Bearer old", "Bearer old"]
    assert caller.slept == [1.0]
    assert source.calls == 1


@pytest.mark.parametrize(("retry_after", "slept"), [("3", [3.0]), ("60", []), ("tomorrow", [])])
def test_pause_that_the_gateway_asks_for_is_made_if_it_is_short(
    api: Api, caller: Caller, retry_after: str, slept: list[float]
) -> None:
    api.accepted = "none of them"
    api.refusal, api.refusal_body = 503, token_invalid("503010")
    api.refusal_headers = {"Retry-After": retry_after}
    assert caller.post(api.url) == 503
    assert caller.slept == slept
    assert len(api.seen) == 1 + len(slept)


@pytest.mark.parametrize("make", [HttpxCaller, AsyncHttpxCaller])
def test_httpx_refusal_of_unknown_length_is_read_if_it_is_json(
    api: Api, make: Callable[..., Caller], reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid("401015")
    api.refusal_headers = {"Connection": "close"}
    assert make(reader).post(api.url) == 401
    assert api.tokens() == ["Bearer old"]


class Unread(httpx.SyncByteStream):
    """A body that must not be read by anybody but the caller."""

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError


def test_long_refusal_that_the_caller_streams_is_left_to_the_caller(reader: TokenReader) -> None:
    headers = {"Content-Length": "1000000", "Content-Type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(401, headers=headers, stream=Unread()))
    with (
        httpx.Client(transport=transport, auth=reader.httpx_auth("api.example.com")) as client,
        client.stream("GET", "https://api.example.com/") as response,
    ):
        assert response.status_code == 401


def test_streamed_refusal_of_unknown_length_is_left_to_the_caller(
    api: Api, reader: TokenReader, source: Source
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid("401015")
    api.refusal_headers = {"Connection": "close"}
    assert RequestsCaller(reader).post(api.url, stream=True) == 200
    assert api.tokens() == ["Bearer old", "Bearer new"]
