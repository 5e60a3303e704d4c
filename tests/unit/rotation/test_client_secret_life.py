"""Client secrets that expire: before the old one can be deleted, or before they are too old."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.cli.exit_codes import EXIT_CONFIGURATION, exit_code
from rotator.errors import ConfigError, MintError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from tests.support.clock import NOW
from tests.support.secret_providers import (
    FIRST_VALUE,
    FakeAdobe,
    FakeEntraId,
    KeptSecret,
    SecretFake,
)
from tests.support.secret_world import CREDENTIALS, TOKEN, SecretWorld, rotate_to_the_end

FIRST = FakeEntraId.secret_id(1)


def world_of(lifetime_days: int, make: type[SecretFake] = FakeEntraId) -> SecretWorld:
    settings = SecretWorld.managed(make).store.fields("app/credentials")["client_admin"]
    return SecretWorld(make, client_admin=settings | {"lifetime_days": lifetime_days})


@pytest.mark.parametrize(
    ("lifetime_days", "overlap", "named"),
    [
        # Then a day until the next run, and a token of 24 hours until the next one has minted.
        (2, timedelta(hours=72), "takes the overlap of 3d, .* 2d more; .* more than 5, or a short"),
        (5, timedelta(hours=72), "takes the overlap of 3d, .* 2d more; .* more than 5, or a short"),
        # The token of 24 hours that the old one has minted, and then one of the new one.
        (4, timedelta(hours=1), "takes two lives of a token, 2d, .* 2d more; .* more than 4$"),
        (1, timedelta(hours=48), "takes two lives of a token, 2d, .* 2d more; .* more than 4$"),
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
        (FakeEntraId, 6, timedelta(hours=72)),
        (FakeEntraId, 5, timedelta(hours=1)),
        (FakeAdobe, 1, timedelta(hours=72)),  # whose client secrets never expire
    ],
)
def test_life_that_suffices_is_accepted(
    make: type[SecretFake], lifetime_days: int, overlap: timedelta
) -> None:
    assert world_of(lifetime_days, make).rotate(overlap=overlap).outcome == "started"


def test_provider_that_grants_less_than_was_asked_is_said_to_at_once() -> None:
    world = world_that_grants(timedelta(hours=30))

    summary = world.rotate().summary

    assert "entra-id lets the new one live until 2026-02-01T15:00:00Z only" in summary
    assert "although 2026-07-30T09:00:00Z was asked for" in summary  # 180 days


def world_that_grants(life: timedelta) -> SecretWorld:
    """A tenant whose policy cuts the lives of client secrets without a word."""
    world = SecretWorld.managed(FakeEntraId)
    add = world.fake.make

    def make(value: str = "", works_at: datetime | None = None, **more: Any) -> KeptSecret:
        return add(value, works_at, **more | {"ends_at": world.clock.now() + life})

    world.fake.make = make  # type: ignore[method-assign]
    return world


@pytest.mark.parametrize("life", [timedelta(hours=30), timedelta(days=3)])
def test_old_one_that_lives_longer_stays_where_the_new_one_ends_within_two_days(
    life: timedelta,
) -> None:
    """A day until the next run, and a token's 24 hours until its client secret has minted."""
    world = world_that_grants(life)
    options: dict[str, Any] = {"overlap": timedelta(hours=1)}
    world.rotate(**options)
    reasons = []
    while world.clock.now() < NOW + life - timedelta(hours=1):
        world.pass_time(hours=6)
        result = world.rotate(**options)
        assert result.outcome == "waiting"
        reasons = [each.reason for each in result.gate if not each.is_met]
    dry = world.rotate(dry_run=True, **options)

    assert [each.name for each in dry.gate if not each.is_met][-1] == "new_lives_on"
    assert "a next rotation needs 2d; the old one lives longer and stays" in reasons[-1]
    assert FIRST in world.fake.secrets
    world.pass_time(hours=30)  # until the job mints with the old one again
    assert world.has_working_secret()
    assert world.job() in {"rotated", "not_due"}
    new = FakeEntraId.secret_id(2)
    world.refused(MintError, f"which has expired at .* is kept; delete {new} at the provider")
    world.fake.make = type(world.fake).make.__get__(world.fake)  # type: ignore[method-assign]
    del world.fake.secrets[new]
    assert world.rotate(**options).outcome == "reverted"
    assert rotate_to_the_end(world, **options) == "finished"


def test_old_one_is_deleted_where_it_ends_no_later_than_the_new_one() -> None:
    world = world_that_grants(timedelta(days=4))
    world.fake.secrets[FIRST].ends_at = NOW + timedelta(days=4)
    options: dict[str, Any] = {"overlap": timedelta(hours=80)}
    world.rotate(**options)
    world.pass_time(hours=49)
    world.rotate(**options)
    world.pass_time(hours=32)

    assert world.rotate(**options).outcome == "finished"


def hold_back(world: SecretWorld) -> None:
    """A token secret that is rotated once a quarter keeps the gate closed."""
    fields = world.store.fields(CREDENTIALS)
    world.store.add("app/batch", world.store.fields(TOKEN))
    fields["token_secrets"] = [TOKEN, "app/batch"]
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "with-a-batch")


@pytest.mark.parametrize("old_ends_at", [None, NOW + timedelta(days=5)])
def test_rotation_that_is_held_back_until_the_new_one_ends_begins_anew(
    old_ends_at: datetime | None,
) -> None:
    world = world_of(6)
    hold_back(world)
    world.fake.secrets[FIRST].ends_at = old_ends_at
    world.rotate()
    first_new = FakeEntraId.secret_id(2)
    world.pass_time(hours=4 * 24 - 1)
    assert world.rotate().outcome == "waiting"
    world.pass_time(hours=2)

    before = dict(world.store.secrets[CREDENTIALS].versions)
    assert "would begin anew" in world.rotate(dry_run=True).summary
    assert world.store.secrets[CREDENTIALS].versions == before
    result = world.rotate()

    kept = FIRST if old_ends_at is None else first_new
    assert result.outcome == "started"
    assert f"before {FIRST} can be deleted: {kept} is replaced anew" in result.summary
    assert world.state["old"]["id"] == kept
    assert [*world.fake.secrets] == [FIRST, first_new, FakeEntraId.secret_id(3)]
    assert len(world.stored) == 3
    for _ in range(20):
        assert world.job() in {"rotated", "not_due"}
        world.clock.advance(6 * 3600)


def world_that_begins_anew() -> SecretWorld:
    """The new client secret expires before the gate is open."""
    world = world_of(6)
    hold_back(world)
    world.rotate()
    world.pass_time(hours=4 * 24 + 1)
    return world


def test_rotation_begins_anew_though_the_old_value_was_taken_out_of_the_credentials() -> None:
    world = world_that_begins_anew()
    world.store_by_hand(world.stored[0])

    result = world.rotate()

    assert result.outcome == "started"
    assert f"{FakeEntraId.secret_id(2)} is replaced anew" in result.summary
    assert len(world.fake.secrets) == 3
    assert world.has_working_secret()


def test_old_one_that_cannot_be_tried_is_not_given_up() -> None:
    world = world_that_begins_anew()
    before = world.store.fields(CREDENTIALS)
    answer = world.endpoint.mint

    def refuse_old(credentials: ClientCredentials) -> Minted:
        if [each.reveal() for each in credentials.client_secrets] == [FIRST_VALUE]:
            raise MintError("token endpoint: unavailable", status=503, retryable=True)
        return answer(credentials)

    world.endpoint.mint = refuse_old  # type: ignore[method-assign]
    world.refused(MintError, "the old client secret could not be tried .* nothing was changed")

    assert world.store.fields(CREDENTIALS) == before
    world.endpoint.mint = answer  # type: ignore[method-assign]
    assert f"{FIRST} is replaced anew" in world.rotate().summary


def test_new_client_secret_that_has_expired_is_replaced_anew() -> None:
    world = world_of(6)
    world.rotate()
    world.pass_time(hours=7 * 24)

    result = world.rotate()

    assert result.outcome == "started"
    assert "expires at 2026-02-06T09:00:00Z, before" in result.summary
    assert world.state["old"]["id"] == FIRST


def test_both_that_have_expired_are_said_to_have_done_so() -> None:
    world = world_that_grants(timedelta(days=4))
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
