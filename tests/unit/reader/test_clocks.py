"""When a token ends where the clocks of its issuer, of AWS and of this machine differ."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from rotator.errors import TokenUnavailable
from rotator.reader import TokenReader
from tests.support.clock import ManualClock
from tests.support.reader_rig import EXPIRY, HOUR, START, UNREACHABLE, FakeSource, version


def test_token_issued_in_the_future_is_not_served_past_its_true_end(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    """The clock of who issued it is two hours ahead; so is its end, by the same two hours."""
    source.stages["AWSCURRENT"] = version("ahead", issued_at=START + 2 * HOUR)
    assert reader.token() == "ahead"
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.advance_to(EXPIRY - 1)
    assert reader.token() == "ahead"
    clock.advance_to(EXPIRY)
    with pytest.raises(TokenUnavailable):
        reader.token()


def test_token_issued_in_the_future_is_not_served_again_after_its_true_end(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    """Read again, nothing shows on it any more: what the first read has shown counts."""
    source.stages["AWSCURRENT"] = version("ahead", issued_at=START + 2 * HOUR)
    while clock.epoch() < EXPIRY:
        assert reader.token() == "ahead"
        clock.advance(60)
    calls = len(source.calls)
    for _ in range(5):
        with pytest.raises(TokenUnavailable, match="less 7200 s, as its issuer's clock is ahead"):
            reader.token()
    assert len(source.calls) - calls <= 4, "it pauses as after any failure"
    source.stages["AWSCURRENT"] = version("second", issued_at=EXPIRY)
    clock.advance(10)
    assert reader.token() == "second"


def test_token_that_a_slow_clock_took_for_a_future_one_serves_to_its_stated_end(
    reader: TokenReader, clock: ManualClock
) -> None:
    """A machine that starts with a clock of long ago, and sets it right a minute later."""
    clock.set_wall(START - 300 * 24 * HOUR)
    assert reader.token() == "first"
    clock.advance(60)
    clock.set_wall(START + 60)
    assert reader.token() == "first"
    clock.advance_to(EXPIRY - 1)
    assert reader.token() == "first"


def test_token_issued_in_the_future_yields_to_the_one_that_replaced_it(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    clock.advance_to(START + 700)  # read after it claims to be issued: nothing shows on it
    source.stages["AWSCURRENT"] = version("ahead", issued_at=START + 600)
    reader.token()
    source.stages["AWSCURRENT"] = version("right", issued_at=START + 300)
    served = ""
    while clock.epoch() < EXPIRY:
        served = reader.token()
        clock.advance(60)
    assert served == "right"


@pytest.mark.parametrize(
    ("ahead_s", "ends_s"),
    [(60, -60.5), (-60, 0), (3, 0), (-3, 0), (299, -299.5), (3600, 0), (-3600, 0)],
)
def test_expiry_follows_the_clock_of_aws_where_that_is_ahead_within_bounds(
    reader: TokenReader, source: FakeSource, clock: ManualClock, ahead_s: float, ends_s: float
) -> None:
    at = datetime.fromtimestamp(START + ahead_s, UTC)
    metadata = {"HTTPHeaders": {"date": format_datetime(at, usegmt=True)}}
    source.stages["AWSCURRENT"] = version() | {"ResponseMetadata": metadata}
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.advance_to(EXPIRY + ends_s - 0.1)
    assert reader.token() == "first"
    clock.advance_to(EXPIRY + ends_s)
    with pytest.raises(TokenUnavailable):
        reader.token()
