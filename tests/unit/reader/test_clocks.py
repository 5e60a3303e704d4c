"""When a token ends where the clocks of its issuer, of AWS and of this machine differ."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from rotator.errors import TokenUnavailable
from tests.support.reader_rig import EXPIRY, HOUR, START, UNREACHABLE, ReaderRig, version


def test_token_issued_in_the_future_is_not_served_past_its_true_end(rig: ReaderRig) -> None:
    """The clock of who issued it is two hours ahead; so is its end, by the same two hours."""
    rig.serve(version("ahead", issued_at=START + 2 * HOUR))
    assert rig.reader.token() == "ahead"
    rig.serve(UNREACHABLE)
    rig.assert_serves_until(EXPIRY, "ahead")


def test_token_issued_in_the_future_is_not_served_again_after_its_true_end(rig: ReaderRig) -> None:
    """Read again, nothing shows on it any more: what the first read has shown counts."""
    rig.serve(version("ahead", issued_at=START + 2 * HOUR))
    while rig.clock.epoch() < EXPIRY:
        assert rig.reader.token() == "ahead"
        rig.clock.advance(60)
    calls = len(rig.source.calls)
    for _ in range(5):
        with pytest.raises(TokenUnavailable, match="less 7200 s, as its issuer's clock is ahead"):
            rig.reader.token()
    assert len(rig.source.calls) - calls <= 4, "it pauses as after any failure"
    rig.serve(version("second", issued_at=EXPIRY))
    rig.clock.advance(10)
    assert rig.reader.token() == "second"


def test_token_that_a_slow_clock_took_for_a_future_one_serves_to_its_stated_end(
    rig: ReaderRig,
) -> None:
    """A machine that starts with a clock of long ago, and sets it right a minute later."""
    rig.clock.set_wall(START - 300 * 24 * HOUR)
    assert rig.reader.token() == "first"
    rig.clock.advance(60)
    rig.clock.set_wall(START + 60)
    assert rig.reader.token() == "first"
    rig.clock.advance_to(EXPIRY - 1)
    assert rig.reader.token() == "first"


def test_token_issued_in_the_future_yields_to_the_one_that_replaced_it(rig: ReaderRig) -> None:
    rig.clock.advance_to(START + 700)  # read after it claims to be issued: nothing shows on it
    rig.serve(version("ahead", issued_at=START + 600))
    rig.reader.token()
    rig.serve(version("right", issued_at=START + 300))
    served = ""
    while rig.clock.epoch() < EXPIRY:
        served = rig.reader.token()
        rig.clock.advance(60)
    assert served == "right"


@pytest.mark.parametrize(
    ("ahead_s", "ends_s"),
    [(60, -60.5), (-60, 0), (3, 0), (-3, 0), (299, -299.5), (3600, 0), (-3600, 0)],
)
def test_expiry_follows_the_clock_of_aws_where_that_is_ahead_within_bounds(
    rig: ReaderRig, ahead_s: float, ends_s: float
) -> None:
    at = datetime.fromtimestamp(START + ahead_s, UTC)
    metadata = {"HTTPHeaders": {"date": format_datetime(at, usegmt=True)}}
    rig.serve(version() | {"ResponseMetadata": metadata})
    rig.reader.token()
    rig.serve(UNREACHABLE)
    rig.assert_serves_until(EXPIRY + ends_s)
