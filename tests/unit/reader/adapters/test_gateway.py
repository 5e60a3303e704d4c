"""What Adobe's gateway means by its refusals."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from rotator.reader import TokenReader
from tests.support.api_callers import (
    Api,
    AsyncHttpxCaller,
    Caller,
    HttpxCaller,
    RequestsCaller,
    TokenSource,
    token_invalid,
)


@pytest.mark.parametrize("code", ["401013", 401013, "invalid_token", None])
def test_invalid_token_is_fetched_anew(
    api: Api, caller: Caller, reader: TokenReader, source: TokenSource, code: object
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid(code)
    assert caller.post(api.url) == 200
    assert api.tokens() == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("code", ["401014", "401015", 401015])
def test_401_for_another_reason_costs_no_read_and_no_repetition(
    api: Api,
    caller: Caller,
    reader: TokenReader,
    source: TokenSource,
    code: object,
    *,
    stream: bool,
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid(code)
    assert caller.post(api.url, stream=stream) == 401
    assert api.tokens() == ["Bearer old"]
    assert source.calls == 1


def test_token_that_could_not_be_checked_is_sent_once_more_after_a_pause(
    api: Api, caller: Caller, reader: TokenReader, source: TokenSource
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
    api: Api, make: Callable[..., Caller], reader: TokenReader, source: TokenSource
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
    api: Api, reader: TokenReader, source: TokenSource
) -> None:
    reader.token()
    source.token, api.refusal_body = "new", token_invalid("401015")
    api.refusal_headers = {"Connection": "close"}
    assert RequestsCaller(reader).post(api.url, stream=True) == 200
    assert api.tokens() == ["Bearer old", "Bearer new"]
