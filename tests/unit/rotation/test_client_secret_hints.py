"""Entra ID lists the first three characters of a client secret, which several can share."""

from typing import Any

import pytest

from rotator.errors import ConfigError
from tests.support.secret_providers import FIRST_VALUE, FakeEntraId, KeptSecret
from tests.support.secret_world import SecretWorld, rotate_to_the_end

FIRST, SECOND = FakeEntraId.secret_id(1), FakeEntraId.secret_id(2)


class AlikeEntraId(FakeEntraId):
    """Every client secret begins with the same three characters."""

    def make(self, value: str = "", *args: Any, **more: Any) -> KeptSecret:
        return super().make(
            FIRST_VALUE[:3] + value if value != FIRST_VALUE else value, *args, **more
        )


@pytest.fixture
def world() -> SecretWorld:
    return SecretWorld(AlikeEntraId)


def test_lost_one_that_begins_as_the_stored_one_is_deleted_by_its_name(world: SecretWorld) -> None:
    world.crash_at_add(is_added=True)
    world.clock.advance(301)

    assert world.rotate().outcome == "started"

    assert [*world.fake.secrets] == [FIRST, FakeEntraId.secret_id(3)]
    assert rotate_to_the_end(world) == "finished"


@pytest.mark.parametrize("keeps_new", [True, False])
def test_rotation_begins_again_after_going_back_to_the_old_one(
    world: SecretWorld, *, keeps_new: bool
) -> None:
    world.rotate()
    new, old = world.stored
    world.store_by_hand(old, *([new] if keeps_new else []))
    assert world.rotate().outcome == "abandoned"

    result = world.rotate()

    assert result.outcome == "started"
    assert result.rotation is not None
    assert result.rotation.old is not None
    assert result.rotation.old.id == FIRST


def test_those_that_cannot_be_told_apart_are_named_with_the_way_out(world: SecretWorld) -> None:
    """Nothing is recorded of either: somebody has made and stored both."""
    made = world.fake.make("theirs-canary")
    world.store_by_hand(FIRST_VALUE, made.value)

    error = world.refused(
        ConfigError, f"{FIRST} .*{SECOND} .* several of the stored client secrets"
    )

    assert "rotator credentials remove app/credentials --number 2" in str(error)
    world.store_by_hand("canary-fist", FIRST_VALUE)
    error = world.refused(ConfigError, "several of the stored client secrets")
    assert "rotator credentials remove app/credentials --number 1" in str(error)
    world.store_by_hand(FIRST_VALUE)
    world.refused(ConfigError, "it is not known which of them is the stored one")
    del world.fake.secrets[SECOND]
    assert world.rotate().outcome == "started"


def test_lost_one_that_may_be_stored_is_not_deleted(world: SecretWorld) -> None:
    world.crash_at_add(is_added=True)
    lost = world.fake.secrets[SECOND]
    world.store_by_hand(FIRST_VALUE, lost.value)
    world.clock.advance(301)

    world.refused(ConfigError, f"of which {SECOND} came since and may be somebody else's")

    assert SECOND in world.fake.secrets
