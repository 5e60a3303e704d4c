"""People who edit the credentials, or the provider, while a client secret is being rotated.

After each case one of the stored client secrets has to work at the provider, and whatever somebody
else has made is still there.
"""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from rotator.errors import ConfigError, StoreError, VersionConflict
from tests.support.secret_providers import (
    FIRST_VALUE,
    FakeAdobe,
    FakeAuth0,
    FakeEntraId,
    FakeOkta,
    SecretFake,
)
from tests.support.secret_world import CREDENTIALS, Crashed, SecretWorld

THEIRS = "theirs-canary-of-somebody-else"


def store_by_hand(world: SecretWorld, *values: str) -> None:
    fields = world.store.fields(CREDENTIALS) | {"client_secret": list(values)}
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), f"by-hand-{values}")


def once(method: str, act: Callable[[], None]) -> Callable[[str], None]:
    """What acts at the first request of that method."""
    left = [act]

    def hook(seen: str) -> None:
        if seen == method and left:
            left.pop()()

    return hook


def open_world(make: type[SecretFake]) -> SecretWorld:
    """A rotation whose next run may end the old client secret."""
    world = SecretWorld(make)
    world.rotate()
    for _ in range(20):
        world.pass_time(hours=6)
        world.rotate(overlap=timedelta(days=3000))
    return world


@pytest.mark.parametrize(
    ("make", "method"), [(FakeAdobe, "DELETE"), (FakeEntraId, "POST")], ids=["adobe", "entra-id"]
)
def test_old_value_stored_while_it_is_deleted_does_not_displace_the_new_one(
    make: type[SecretFake], method: str
) -> None:
    world = open_world(make)
    world.fake.before = once(method, lambda: store_by_hand(world, FIRST_VALUE))

    assert world.rotate().outcome == "finished"

    assert world.has_working_secret()
    assert world.job() in {"rotated", "not_due"}


def test_old_value_stored_while_it_is_switched_off_does_not_displace_the_new_one() -> None:
    world = open_world(FakeOkta)
    world.fake.before = once("POST", lambda: store_by_hand(world, FIRST_VALUE))

    assert world.rotate().outcome == "retired"

    assert world.has_working_secret()


@pytest.mark.parametrize("make", [FakeAdobe, FakeEntraId, FakeOkta], ids=lambda fake: fake.KIND)
def test_nothing_is_deleted_once_somebody_has_gone_back_to_the_old_value(
    make: type[SecretFake],
) -> None:
    world = open_world(make)
    mint = world.endpoint.mint

    def go_back(*args: object) -> object:
        store_by_hand(world, FIRST_VALUE)
        return mint(*args)  # type: ignore[arg-type]

    world.endpoint.mint = go_back  # type: ignore[assignment, method-assign]
    with pytest.raises(VersionConflict, match="somebody has stored other client secrets") as caught:
        world.rotate()

    assert caught.value.retryable
    assert world.fake.accepts(FIRST_VALUE)
    assert len(world.fake.secrets) == 2
    assert world.rotate().outcome == "abandoned"
    assert world.has_working_secret()


def test_old_value_stored_while_auth0_sets_the_new_one_does_not_displace_it() -> None:
    world = SecretWorld(FakeAuth0)
    world.fake.before = once("PATCH", lambda: store_by_hand(world, FIRST_VALUE))

    assert world.rotate().outcome == "started"

    assert world.has_working_secret()


@pytest.mark.parametrize("make", [FakeAdobe, FakeOkta], ids=lambda fake: fake.KIND)
def test_new_one_that_somebody_has_taken_out_is_named_with_where_to_delete_it(
    make: type[SecretFake],
) -> None:
    world = SecretWorld(make)
    world.rotate()
    store_by_hand(world, FIRST_VALUE)

    ended = world.rotate()

    assert ended.outcome == "abandoned"
    assert f"; {make.KIND}-secret-2 is still at {make.KIND}: delete it there" in ended.summary
    assert "Console: " in ended.summary
    assert f"{make.KIND}-secret-1" not in ended.summary
    with pytest.raises(ConfigError, match=f"the stored one should be {make.KIND}-secret-1;"):
        world.rotate()
    del world.fake.secrets[f"{make.KIND}-secret-2"]
    assert world.rotate().outcome == "started"


def test_client_secret_of_which_nothing_is_left_says_so() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.fake.secrets.clear()
    world.fake.make(THEIRS)
    store_by_hand(world, THEIRS)

    ended = world.rotate()

    assert (ended.outcome, world.state) == ("abandoned", {})
    assert ended.summary.endswith("nothing of it is left at adobe")


def test_read_that_lags_behind_what_was_just_stored_is_no_edit() -> None:
    world = SecretWorld(FakeAuth0)
    world.store.before_put = [lambda: world.store.lag_behind(CREDENTIALS, reads=1)]

    assert world.rotate().outcome == "started"


def test_value_that_somebody_has_set_at_auth0_and_stored_first_is_believed() -> None:
    world = SecretWorld(FakeAuth0)
    world.rotate()
    for kept in world.fake.secrets.values():
        kept.ends_at = world.clock.now()
    world.fake.make(THEIRS)
    store_by_hand(world, THEIRS, *world.stored)
    world.clock.advance(3600)

    assert world.rotate().outcome == "abandoned"

    assert world.stored[0] == THEIRS
    assert world.has_working_secret()
    assert world.rotate().outcome == "started"


def lost_before_add(make: type[SecretFake]) -> SecretWorld:
    """The process died after its intent was stored, before it asked the provider."""
    world = SecretWorld(make)

    def die() -> None:
        raise Crashed

    world.fake.before = once("POST", die)
    with pytest.raises(Crashed):
        world.rotate()
    world.fake.before = lambda _: None
    return world


@pytest.mark.parametrize("make", [FakeAdobe, FakeOkta], ids=lambda fake: fake.KIND)
@pytest.mark.parametrize("stored", [(THEIRS,), (THEIRS, FIRST_VALUE), (FIRST_VALUE, THEIRS)])
def test_client_secret_that_somebody_has_made_and_stored_is_not_deleted(
    make: type[SecretFake], stored: tuple[str, ...]
) -> None:
    world = lost_before_add(make)
    theirs = world.fake.make(THEIRS)  # within the moment in which ours could have been made
    store_by_hand(world, *stored)
    world.clock.advance(600)

    with pytest.raises(ConfigError) as caught:
        world.rotate()

    assert theirs.id in world.fake.secrets
    assert {theirs.id, f"{make.KIND}-secret-1"} <= set(str(caught.value).replace(",", "").split())
    assert "Find out which of them the credentials hold" in str(caught.value)


@pytest.mark.parametrize("make", [FakeAdobe, FakeOkta], ids=lambda fake: fake.KIND)
def test_client_secret_made_minutes_after_the_lost_run_is_not_deleted(
    make: type[SecretFake],
) -> None:
    world = lost_before_add(make)
    world.clock.advance(121)
    theirs = world.fake.make(THEIRS)
    world.clock.advance(600)

    with pytest.raises(ConfigError, match=theirs.id):
        world.rotate()

    assert theirs.id in world.fake.secrets


def test_rotation_begins_anew_where_one_client_secret_is_left() -> None:
    world = lost_before_add(FakeAdobe)
    theirs = world.fake.make(THEIRS)
    store_by_hand(world, THEIRS)
    del world.fake.secrets["adobe-secret-1"]
    world.clock.advance(600)

    assert world.rotate().outcome == "started"

    assert theirs.id in world.fake.secrets
    assert world.stored[1] == THEIRS


def test_stored_value_tells_which_client_secret_is_the_old_one_where_hints_are_listed() -> None:
    world = lost_before_add(FakeEntraId)
    theirs = world.fake.make(THEIRS)
    store_by_hand(world, THEIRS)
    world.clock.advance(600)

    assert world.rotate().outcome == "started"

    assert world.state["old"]["id"] == theirs.id


def test_run_that_was_overtaken_does_not_advise_to_delete() -> None:
    """It has read the credentials before the other run's intent, and the list after its add."""
    world = SecretWorld(FakeAdobe)
    world.fake.before = once("GET", lambda: _let_another_run_start(world))

    with pytest.raises((VersionConflict, StoreError), match="another run") as caught:
        world.rotate()

    assert caught.value.retryable
    assert world.has_working_secret()


def _let_another_run_start(world: SecretWorld) -> None:
    world.fake.before = lambda _: None
    assert world.rotate().outcome == "started"
    world.outside.is_watching = True
