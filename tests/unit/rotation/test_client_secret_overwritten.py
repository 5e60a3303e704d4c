"""Somebody's plain PutSecretValue between a read of rotator's and the write that follows it.

Secrets Manager takes no condition on the version that a put replaces: the edit would be gone from
AWSCURRENT, and with it the only client secret that works.
"""

import pytest

from rotator.errors import VersionConflict
from tests.support.secret_providers import (
    FIRST_VALUE,
    FakeAdobe,
    FakeAuth0,
    FakeEntraId,
    SecretFake,
)
from tests.support.secret_world import CREDENTIALS, SecretWorld, each_overlapping, rotate_to_the_end

THEIRS = "theirs-canary-of-somebody-else"
PUT_BACK = "somebody has stored other client secrets meanwhile, which are put back"


def store_before_put(world: SecretWorld, number: int, *values: str) -> None:
    """Somebody stores these directly before the put of this number."""
    nothing = [lambda: None] * (number - 1)
    world.store.before_put = [*nothing, lambda: world.store_by_hand(*values)]


def set_before_put(world: SecretWorld, number: int) -> None:
    """Somebody sets theirs at the provider as the only one, and stores it, before that put."""

    def act() -> None:
        world.fake.secrets.clear()
        world.fake.make(THEIRS)
        world.store_by_hand(THEIRS)

    world.store.before_put = [*[lambda: None] * (number - 1), act]


@each_overlapping
@pytest.mark.parametrize("number", [1, 2], ids=["intent", "both"])
def test_value_stored_directly_before_a_put_is_put_back(
    make: type[SecretFake], number: int
) -> None:
    world = SecretWorld.managed(make)
    store_before_put(world, number, THEIRS)

    error = world.refused(VersionConflict, PUT_BACK)

    assert error.retryable
    assert world.stored[0] == THEIRS
    assert f"{make.KIND}-secret-1" in world.fake.secrets


@pytest.mark.parametrize("number", [1, 2], ids=["intent", "set"])
def test_value_set_at_auth0_by_hand_during_a_put_is_tried_first(number: int) -> None:
    world = SecretWorld(FakeAuth0)

    set_before_put(world, number)

    world.refused(VersionConflict, PUT_BACK)

    assert world.stored[0] == THEIRS
    assert world.has_working_secret()


def test_value_set_at_auth0_by_hand_at_the_last_put_is_not_lost() -> None:
    world = SecretWorld(FakeAuth0)
    world.rotate()
    world.clock.advance(3600)

    set_before_put(world, 1)
    world.refused(VersionConflict, PUT_BACK)

    assert world.has_working_secret()
    assert world.rotate().outcome == "abandoned"
    assert world.has_working_secret()


def test_value_that_takes_the_place_of_a_reverted_one_is_not_lost() -> None:
    world = SecretWorld(FakeEntraId)
    world.rotate()
    del world.fake.secrets["entra-id-secret-2"]
    world.clock.advance(1200)

    set_before_put(world, 1)
    world.refused(VersionConflict, PUT_BACK)

    assert world.has_working_secret()


def test_stale_value_stored_after_the_old_one_was_deleted_does_not_hide_the_new_one() -> None:
    """Put back as it was, it would take the only one that works with it."""
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.pass_time(hours=100)
    world.rotate()
    world.pass_time(hours=100)
    new = world.stored[0]
    store_before_put(world, 1, FIRST_VALUE)

    world.refused(VersionConflict, PUT_BACK)

    assert world.stored == [FIRST_VALUE, new]
    assert world.has_working_secret()


def test_read_of_the_previous_version_that_lags_behind_is_no_edit() -> None:
    world = SecretWorld(FakeAdobe)
    secret = world.store.secrets[CREDENTIALS]
    read, older = world.store.read_previous, secret.current
    secret.publish(secret.text or "", "described anew")
    left = [older, older]

    def lag(secret_id: str) -> object:
        found = read(secret_id)
        version_id = left.pop() if left else None
        return found._replace(version_id=version_id) if found and version_id else found

    world.store.read_previous = lag  # type: ignore[assignment, method-assign]

    assert rotate_to_the_end(world) == "finished"
