"""The reader's token in real requests, against an API that refuses old tokens."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from rotator.errors import ConfigError, TokenUnavailable
from rotator.reader import TokenReader
from tests.support.api_callers import (
    HOSTS,
    TIMEOUT_S,
    Api,
    ApiRig,
    Caller,
    HttpxCaller,
    RequestsCaller,
)


def test_request_carries_the_headers(rig: ApiRig) -> None:
    rig.api.accepted = "old"
    assert rig.caller.post(rig.api.url, b"body") == 200
    assert rig.api.seen == [("/", "Bearer old", "my-client", b"body")]
    assert rig.source.calls == 1


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
    requests_rig: ApiRig,
) -> None:
    requests_rig.outdate()
    KeyedCaller(requests_rig.reader).post(requests_rig.api.url)
    assert requests_rig.api.tokens() == ["Bearer old", "Bearer new", "Bearer new"]
    assert [key for _, _, key, _ in requests_rig.api.seen] == ["my-own"] * 3


@pytest.mark.parametrize("stream", [False, True])
def test_responses_can_be_pickled_and_take_no_reader_along(
    requests_rig: ApiRig, *, stream: bool
) -> None:
    requests_rig.outdate()
    with requests.Session() as session:
        session.trust_env = False
        auth = requests_rig.reader.requests_auth(*HOSTS)
        response = session.get(requests_rig.api.url, auth=auth, timeout=TIMEOUT_S, stream=stream)
        arrived = pickle.loads(pickle.dumps(response))  # noqa: S301 - our own
    assert (arrived.status_code, arrived.json()) == (200, {})
    assert [earlier.status_code for earlier in arrived.history] == [401]
    assert arrived.request.headers["Authorization"] == "Bearer new"
    with httpx.Client(trust_env=False, auth=requests_rig.reader.httpx_auth(*HOSTS)) as client:
        copied = pickle.loads(pickle.dumps(client.get(requests_rig.api.url)))  # noqa: S301 - our own
    assert (copied.status_code, copied.json()) == (200, {})


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_plain_http_never_takes_the_token_to_a_proxy(
    requests_rig: ApiRig, monkeypatch: pytest.MonkeyPatch, name: str, host: str
) -> None:
    monkeypatch.setenv(name, requests_rig.api.url)
    url = f"http://{host}:1/"
    with pytest.raises(ConfigError, match=f"add {host} to NO_PROXY"):
        requests.get(url, auth=requests_rig.reader.requests_auth(host), timeout=TIMEOUT_S)
    with (
        httpx.Client(auth=requests_rig.reader.httpx_auth(host)) as client,
        pytest.raises(ConfigError),
    ):
        client.get(url)
    assert requests_rig.api.seen == []
    monkeypatch.setenv("NO_PROXY", host)
    direct = requests_rig.api.url.replace("127.0.0.1", host)
    answer = requests.get(direct, auth=requests_rig.reader.requests_auth(host), timeout=TIMEOUT_S)
    assert answer.request.headers["Authorization"] == "Bearer old"


def _code_of_the_page(beginning: str) -> str:
    """The function of docs/reader.md that begins so."""
    page = (Path(__file__).parents[4] / "docs" / "reader.md").read_text("utf-8")
    return page[page.index(beginning) :].partition("\n\n\n")[0]


def test_httpx_hook_that_raises_tells_the_reader_itself(requests_rig: ApiRig) -> None:
    """httpx runs the hook before the auth sees the response; this one is that of docs/reader.md."""
    requests_rig.outdate()
    names: dict[str, Any] = {"reader": requests_rig.reader}
    exec(_code_of_the_page("def raise_for_status"), names)  # noqa: S102 - our own page
    hooks = {"response": [names["raise_for_status"]]}
    auth = requests_rig.reader.httpx_auth(*HOSTS)
    with httpx.Client(trust_env=False, auth=auth, event_hooks=hooks) as client:
        with pytest.raises(httpx.HTTPStatusError):
            client.get(requests_rig.api.url)
        assert client.get(requests_rig.api.url).status_code == 200
    assert requests_rig.api.tokens() == ["Bearer old", "Bearer new"]


def test_after_a_401_the_request_is_repeated_once_with_the_newer_token(rig: ApiRig) -> None:
    rig.outdate()
    assert rig.caller.post(rig.api.url, b"body") == 200
    assert rig.api.tokens() == ["Bearer old", "Bearer new"]
    assert [body for _, _, _, body in rig.api.seen] == [b"body", b"body"]


def test_newer_token_that_is_refused_too_ends_it(rig: ApiRig) -> None:
    rig.outdate()
    rig.api.accepted = "none of them"
    assert rig.caller.post(rig.api.url) == 401
    assert rig.api.tokens() == ["Bearer old", "Bearer new"]


def test_401_without_a_newer_token_is_not_repeated(rig: ApiRig) -> None:
    rig.reader.token()
    assert rig.caller.post(rig.api.url) == 401
    assert rig.api.tokens() == ["Bearer old"]
    assert rig.source.calls == 2


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_other_refusals_cost_no_read_and_no_repetition(rig: ApiRig, status: int) -> None:
    rig.outdate()
    rig.api.refusal = status
    assert rig.caller.post(rig.api.url) == status
    assert rig.api.tokens() == ["Bearer old"]
    assert rig.source.calls == 1


@pytest.mark.parametrize("kind", [RequestsCaller, HttpxCaller])
def test_body_that_cannot_be_sent_twice_is_not_but_the_token_is_renewed(
    requests_rig: ApiRig, kind: Callable[[TokenReader], Caller]
) -> None:
    requests_rig.outdate()
    assert kind(requests_rig.reader).post(requests_rig.api.url, iter([b"once"])) == 401
    assert [body for _, _, _, body in requests_rig.api.seen] == [b"once"]
    assert requests_rig.reader.token() == "new"


def test_open_file_is_sent_again_from_where_it_stood(requests_rig: ApiRig) -> None:
    requests_rig.outdate()
    file = io.BytesIO(b"skipped|sent")
    file.seek(8)
    assert requests_rig.caller.post(requests_rig.api.url, file) == 200
    assert [body for _, _, _, body in requests_rig.api.seen] == [b"sent", b"sent"]


def test_redirect_to_another_host_takes_no_token_along(rig: ApiRig, elsewhere: Api) -> None:
    rig.outdate()
    rig.api.location = elsewhere.url
    assert rig.caller.post(f"{rig.api.url}/moved") == 401
    assert rig.api.tokens() == ["Bearer old"]
    assert elsewhere.tokens() == [None]
    assert rig.source.calls == 1, "the token was not rejected: nobody saw it"


def test_redirect_on_the_same_host_is_retried(rig: ApiRig) -> None:
    rig.outdate()
    rig.api.location = "/there"
    assert rig.caller.post(f"{rig.api.url}/moved", b"body") == 200
    assert rig.api.seen[-1] == ("/there", "Bearer new", "my-client", b"body")


def test_only_the_refused_request_is_repeated_after_a_redirect(rig: ApiRig) -> None:
    """A job was made by the first request; made again, there would be two."""
    rig.outdate()
    rig.api.location = "/there"
    assert rig.caller.post(f"{rig.api.url}/done", b"job") == 200
    assert [(path, sent, body) for path, sent, _, body in rig.api.seen] == [
        ("/done", "Bearer old", b"job"),
        ("/there", "Bearer old", b""),
        ("/there", "Bearer new", b""),
    ]


@pytest.mark.parametrize("is_cut", [True, False])
def test_status_heals_the_reader_where_the_body_cannot_be_read(
    rig: ApiRig, *, is_cut: bool
) -> None:
    rig.outdate()
    if is_cut:
        rig.api.cut_bytes = 1
    else:
        rig.api.refusal_headers = {"Content-Encoding": "gzip"}
    with pytest.raises((requests.RequestException, httpx.HTTPError)):
        rig.caller.post(rig.api.url)
    assert rig.source.calls == 2
    assert rig.reader.token() == "new"


def test_redirect_that_leaves_the_file_behind_is_retried(requests_rig: ApiRig) -> None:
    requests_rig.outdate()
    requests_rig.api.location = "/there"
    assert requests_rig.caller.post(f"{requests_rig.api.url}/done", io.BytesIO(b"body")) == 200
    assert [(path, sent) for path, sent, _, _ in requests_rig.api.seen] == [
        ("/done", "Bearer old"),
        ("/there", "Bearer old"),
        ("/there", "Bearer new"),
    ]
    assert [body for _, _, _, body in requests_rig.api.seen] == [b"body", b"", b""]


def test_no_request_goes_out_without_a_token(rig: ApiRig) -> None:
    rig.source.token = ""
    with pytest.raises(TokenUnavailable):
        rig.caller.post(rig.api.url)
    assert rig.api.seen == []
