"""Which announced life is believed, which is cut, and which is refused."""

from datetime import timedelta
from typing import Any

import pytest

from rotator.oauth.response import parse_token_response
from tests.support.token_responses import MEMBERS, NOW_S, answer, expectation, jwt, refuse

DAY_S = 86_400


@pytest.mark.parametrize(
    ("expires_in", "documented_s", "believed_s"),
    [
        (172_798, 86_399, 172_798),
        (172_799, 86_399, 86_399),  # Adobe, from one day to two
        (259_199, 86_399, 86_399),
        (14_400, 3600, 3600),  # Marketo
        (3_600_000, 86_399, 86_399),  # an hour in milliseconds: costs a day at most
        (60 * DAY_S, None, 31 * DAY_S),
        (5_183_944, None, 31 * DAY_S),  # sixty days, by a minute
        (90 * DAY_S, None, 31 * DAY_S),
        (365 * DAY_S, None, 31 * DAY_S),
    ],
)
def test_life_longer_than_believed_is_published_with_the_shorter_one_and_a_warning(
    expires_in: int, documented_s: int | None, believed_s: int
) -> None:
    body = answer(MEMBERS | {"expires_in": expires_in})
    minted = parse_token_response(body, expectation(lifetime_s=documented_s))

    assert minted.token.expires_at - minted.token.issued_at == timedelta(seconds=believed_s)
    told = [
        f"expires_in is {expires_in}, and {believed_s} s are believed" in each
        for each in minted.warnings
    ]
    assert told == [True] * (expires_in != believed_s)


@pytest.mark.parametrize(
    ("expires_in", "documented_s"),
    [
        (86_399_000, 86_399),
        (500 * 3600, 3600),
        (3_600_000, None),
        (7_199_000, None),
        (3 * 3_600_000, None),
        (DAY_S * 1000, None),
        (401 * DAY_S, None),
    ],
)
def test_life_in_milliseconds_is_refused(expires_in: int, documented_s: int | None) -> None:
    error = refuse(answer(MEMBERS | {"expires_in": expires_in}), lifetime_s=documented_s)

    assert "implausibly long (milliseconds?)" in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    ("changes", "is_temporary"),
    [
        ({"expires_in": 0}, True),
        ({"expires_in": -1}, False),
        ({"access_token": jwt(iat=NOW_S - 3600, exp=NOW_S - 2)}, True),
        ({"access_token": jwt(iat=NOW_S - 7200, exp=NOW_S - 3600)}, False),
    ],
    ids=["zero", "negative", "just ended", "long ended"],
)
def test_cached_token_at_its_end_means_ask_again(
    changes: dict[str, Any], *, is_temporary: bool
) -> None:
    assert refuse(answer(MEMBERS | changes)).retryable is is_temporary
