"""Client secrets that expire: before the old one can be deleted, or before they are too old."""

from datetime import timedelta
from typing import Any

import pytest

from rotator.cli.exit_codes import EXIT_CONFIGURATION, EXIT_REFUSED, exit_code
from rotator.errors import ConfigError, MintError
from tests.support.clock import NOW
from tests.support.secret_providers import FakeAdobe, FakeEntraId, SecretFake
from tests.support.secret_world import SecretWorld

FIRST = FakeEntraId.secret_id(1)


def world_of(lifetime_days: int, make: type[SecretFake] = FakeEntraId) -> SecretWorld:
    settings = SecretWorld.managed(make).store.fields("app/credentials")["client_admin"]
    return SecretWorld(make, client_admin=settings | {"lifetime_days": lifetime_days})


@pytest.mark.parametrize(
    ("lifetime_days", "overlap", "named"),
    [
        (2, timedelta(hours=72), "takes the overlap of 3d; .* more than 3, or a shorter overlap"),
        (3, timedelta(hours=72), "takes the overlap of 3d; .* more than 3, or a shorter overlap"),
        # The token of 24 hours that the old one has minted, and then one of the new one.
        (2, timedelta(hours=1), "takes two lives of a token, 2d; .* more than 2$"),
        (1, timedelta(hours=48), "takes two lives of a token, 2d; .* more than 2$"),
    ],
)
def test_life_that_ends_before_the_old_one_can_be_deleted_is_refused_at_the_start(
    lifetime_days: int, overlap: timedelta, named: str
) -> None:
    world = world_of(lifetime_days)

    for options in ({"dry_run": True}, {}):
        error = world.refused(ConfigError, named, overlap=overlap, **options)
        assert exit_code(error) == EXIT_CONFIGURATION
        assert f"lifetime_days in client_admin is {lifetime_days}" in str(error)

    assert [*world.fake.secrets] == [FIRST]
    assert world.knows_nothing


@pytest.mark.parametrize(
    ("make", "lifetime_days", "overlap"),
    [
        (FakeEntraId, 4, timedelta(hours=72)),
        (FakeEntraId, 3, timedelta(hours=1)),
        (FakeAdobe, 1, timedelta(hours=72)),  # whose client secrets never expire
    ],
)
def test_life_that_suffices_is_accepted(
    make: type[SecretFake], lifetime_days: int, overlap: timedelta
) -> None:
    assert world_of(lifetime_days, make).rotate(overlap=overlap).outcome == "started"


def test_new_client_secret_that_has_expired_is_said_to_have_done_so() -> None:
    world = world_of(4)
    world.rotate()
    world.pass_time(hours=5 * 24)

    error = world.refused(MintError, "which has expired at 2026-02-04T09:00:00Z .* is kept; delete")

    assert exit_code(error) == EXIT_REFUSED


def test_both_that_have_expired_are_said_to_have_done_so() -> None:
    world = world_of(4)
    world.fake.secrets[FIRST].ends_at = NOW + timedelta(days=4, hours=12)
    world.rotate()
    world.clock.advance(timedelta(days=5).total_seconds())

    error = world.refused(MintError, "which has expired at 2026-02-04T09:00:00Z")

    assert "the old one has expired too, at 2026-02-04T21:00:00Z; make one at" in str(error)


# 14 days and the overlap of 3 before its end, or half of lifetime_days if that is shorter.
@pytest.mark.parametrize(
    ("options", "lifetime_days", "day"),
    [
        ({"max_age": timedelta(days=300)}, 180, 23),
        ({"max_age": timedelta(days=300), "overlap": timedelta(days=10)}, 180, 16),
        ({"max_age": timedelta(days=300)}, 20, 30),
        ({"max_age": timedelta(days=210)}, 180, 10),
    ],
)
def test_client_secret_that_is_not_due_names_the_day_on_which_it_is(
    options: dict[str, Any], lifetime_days: int, day: int
) -> None:
    world = world_of(lifetime_days)
    world.fake.secrets[FIRST].ends_at = NOW + timedelta(days=40)  # it was made 200 days ago
    due_at = NOW + timedelta(days=day)

    result = world.rotate(**options)

    assert result.outcome == "not_due"
    assert f" is 200d old, and is replaced from {due_at:%Y-%m-%dT%H:%M:%SZ} on" in result.summary
    assert result.summary.endswith("; it expires at 2026-03-12T09:00:00Z")
    world.clock.advance_to(due_at - timedelta(seconds=1))
    assert world.rotate(**options).outcome == "not_due"
    world.clock.advance_to(due_at)
    assert world.rotate(**options).outcome == "started"


def test_age_that_is_never_reached_is_no_error() -> None:
    world = SecretWorld(FakeAdobe)

    assert world.rotate(max_age=timedelta(days=999_999_999)).outcome == "not_due"
