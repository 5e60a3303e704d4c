"""What Adobe's gateway means by its refusals."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.api_callers import ApiRig, AsyncHttpxCaller, Caller, HttpxCaller, token_invalid


@pytest.mark.parametrize("code", ["401013", 401013, "invalid_token", None])
def test_invalid_token_is_fetched_anew(rig: ApiRig, code: object) -> None:
    rig.outdate()
    rig.api.refusal_body = token_invalid(code)
    assert rig.caller.post(rig.api.url) == 200
    assert rig.api.tokens() == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("code", ["401014", "401015", 401015])
def test_401_for_another_reason_costs_no_read_and_no_repetition(
    rig: ApiRig, code: object, *, stream: bool
) -> None:
    rig.outdate()
    rig.api.refusal_body = token_invalid(code)
    assert rig.caller.post(rig.api.url, stream=stream) == 401
    assert rig.api.tokens() == ["Bearer old"]
    assert rig.source.calls == 1


def test_token_that_could_not_be_checked_is_sent_once_more_after_a_pause(rig: ApiRig) -> None:
    rig.outdate()
    rig.api.accepted = "none of them"
    rig.api.refusal, rig.api.refusal_body, rig.api.refusals_left = 503, token_invalid("503010"), 1
    assert rig.caller.post(rig.api.url, b"body") == 200
    assert rig.api.tokens() == ["Bearer old", "Bearer old"]
    assert rig.caller.slept == [1.0]
    assert rig.source.calls == 1


@pytest.mark.parametrize(("retry_after", "slept"), [("3", [3.0]), ("60", []), ("tomorrow", [])])
def test_pause_that_the_gateway_asks_for_is_made_if_it_is_short(
    rig: ApiRig, retry_after: str, slept: list[float]
) -> None:
    rig.api.accepted = "none of them"
    rig.api.refusal, rig.api.refusal_body = 503, token_invalid("503010")
    rig.api.refusal_headers = {"Retry-After": retry_after}
    assert rig.caller.post(rig.api.url) == 503
    assert rig.caller.slept == slept
    assert len(rig.api.seen) == 1 + len(slept)


@pytest.mark.parametrize("make", [HttpxCaller, AsyncHttpxCaller])
def test_httpx_refusal_of_unknown_length_is_read_if_it_is_json(
    requests_rig: ApiRig, make: Callable[..., Caller]
) -> None:
    requests_rig.outdate()
    requests_rig.api.refusal_body = token_invalid("401015")
    requests_rig.api.refusal_headers = {"Connection": "close"}
    assert make(requests_rig.reader).post(requests_rig.api.url) == 401
    assert requests_rig.api.tokens() == ["Bearer old"]


class Unread(httpx.SyncByteStream):
    """A body that must not be read by anybody but the caller."""

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError


def test_long_refusal_that_the_caller_streams_is_left_to_the_caller(requests_rig: ApiRig) -> None:
    headers = {"Content-Length": "1000000", "Content-Type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(401, headers=headers, stream=Unread()))
    with (
        httpx.Client(
            transport=transport, auth=requests_rig.reader.httpx_auth("api.example.com")
        ) as client,
        client.stream("GET", "https://api.example.com/") as response,
    ):
        assert response.status_code == 401


def test_streamed_refusal_of_unknown_length_is_left_to_the_caller(requests_rig: ApiRig) -> None:
    requests_rig.outdate()
    requests_rig.api.refusal_body = token_invalid("401015")
    requests_rig.api.refusal_headers = {"Connection": "close"}
    assert requests_rig.caller.post(requests_rig.api.url, stream=True) == 200
    assert requests_rig.api.tokens() == ["Bearer old", "Bearer new"]
