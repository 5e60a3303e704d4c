"""Clocks that are wrong: a client secret ends by the earlier one of this host's and its provider's.

The provider's is the `Date` of its responses (RFC 9110 section 6.6.1).
"""

from datetime import timedelta

import pytest

from rotator.errors import StoreError
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, SecretFake
from tests.support.secret_world import SecretWorld, each_overlapping, rotate_to_the_end

AHEAD = timedelta(days=4)


@each_overlapping
def test_clock_that_is_days_ahead_does_not_end_the_overlap(make: type[SecretFake]) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.pass_time(hours=30)  # the job mints with the new one meanwhile
    world.rotate()
    world.fake.secrets[make.secret_id(1)].used_at = None
    world.host_ahead = AHEAD
    world.pass_time(hours=AHEAD.total_seconds() / 3600)  # which only this host sees

    result = world.rotate()

    assert result.outcome == "waiting"
    assert f"this host's clock is 4d ahead of that of {make.KIND}" in result.summary
    assert world.fake.accepts(FIRST_VALUE)
    world.pass_time(hours=72)
    assert world.rotate().outcome in {"finished", "retired"}


def test_clock_that_is_seconds_ahead_is_not_spoken_of() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.host_ahead = timedelta(seconds=30)

    assert "clock" not in world.rotate().summary


def test_provider_without_a_clock_leaves_it_to_this_host() -> None:
    world = SecretWorld(FakeAdobe)
    world.host_ahead = None

    assert rotate_to_the_end(world) == "finished"


def test_lost_run_is_not_taken_over_early_by_a_clock_that_is_ahead() -> None:
    world = SecretWorld(FakeAdobe)
    problems: list[str] = []

    def look(method: str) -> None:
        if method == "POST":
            world.fake.before = lambda _: None
            world.host_ahead = AHEAD
            world.clock.set_wall(world.clock.now() + AHEAD)
            with pytest.raises(StoreError, match="has not recorded its result") as caught:
                world.rotate()
            problems.append(str(caught.value))
            world.outside.is_watching = True
            world.clock.set_wall(world.clock.now() - AHEAD)

    world.fake.before = look

    assert world.rotate().outcome == "started"
    assert len(problems) == 1
    assert len(world.stored) == 2


def test_overlap_that_a_clock_behind_has_begun_counts_from_when_the_new_one_was_made() -> None:
    world = SecretWorld(FakeAdobe)
    now = world.clock.now()
    world.fake.answer_add = lambda status, document: (
        status,
        {**document, "created_at": str(int((now + AHEAD).timestamp() * 1000))},  # type: ignore[dict-item]
    )
    world.rotate()
    world.pass_time(hours=30)
    world.rotate()
    world.pass_time(hours=50)
    world.fake.secrets[FakeAdobe.secret_id(1)].used_at = None

    assert [each.name for each in world.rotate().gate if not each.is_met] == ["overlap"]
