"""What somebody stored directly before a put of a run that dies before it looks at AWSPREVIOUS.

The next run sees by the state which version that was meant to be, and puts the edit back.
"""

import pytest

from rotator.errors import VersionConflict
from rotator.model.secret import StoredSecret
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, FakeEntraId, SecretFake
from tests.support.secret_world import (
    CREDENTIALS,
    Crashed,
    SecretWorld,
    each_kind,
    each_overlapping,
    rotate_to_the_end,
)

THEIRS = "theirs-canary-of-somebody-else"
PUT_BACK = "somebody has stored other client secrets meanwhile, which are put back"


def store_before_put(world: SecretWorld, number: int, *values: str) -> None:
    """Somebody stores these directly before the put of this number."""
    nothing = [lambda: None] * (number - 1)
    world.store.before_put = [*nothing, lambda: world.store_by_hand(*values)]


def crash_before_look(world: SecretWorld, number: int) -> None:
    """Let the next run die before its look of this number."""
    read, left = world.store.read_previous, [number]

    def look(secret_id: str) -> StoredSecret | None:
        left[0] -= 1
        if left[0] == 0:
            raise Crashed
        return read(secret_id)

    world.store.read_previous = look  # type: ignore[method-assign]
    with pytest.raises(Crashed):
        world.rotate()
    world.store.read_previous = read  # type: ignore[method-assign]


@each_kind
@pytest.mark.parametrize("number", [1, 2], ids=["first put", "second put"])
def test_value_that_a_run_replaced_before_it_died_is_put_back_by_the_next_one(
    make: type[SecretFake], number: int
) -> None:
    world = SecretWorld.managed(make)
    store_before_put(world, number, THEIRS)
    crash_before_look(world, number)
    assert THEIRS not in world.stored

    assert "would put back version by-hand-" in world.rotate(dry_run=True).summary
    error = world.refused(VersionConflict, PUT_BACK)

    assert error.retryable
    assert world.stored[0] == THEIRS
    assert number == 1 or world.has_working_secret()


def test_stale_value_put_back_by_the_next_run_does_not_hide_the_only_one_that_works() -> None:
    world = SecretWorld(FakeEntraId).open_gate()
    new = world.stored[0]
    store_before_put(world, 1, FIRST_VALUE)
    crash_before_look(world, 2)  # the first look is for what an earlier run has replaced
    assert world.stored == [new]

    world.refused(VersionConflict, PUT_BACK)

    assert world.stored == [FIRST_VALUE, new]


def test_value_replaced_by_a_run_that_found_nothing_to_go_on_with_is_put_back() -> None:
    world = SecretWorld(FakeAdobe)
    world.fake.before = lambda method: setattr(world.fake, "is_allowed", method == "GET")
    store_before_put(world, 2, THEIRS)  # the put that takes the intent back
    crash_before_look(world, 2)

    world.refused(VersionConflict, PUT_BACK)

    assert world.stored[0] == THEIRS


@each_overlapping
def test_labels_that_people_move_are_no_lost_edit(make: type[SecretFake]) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    secret = world.store.secrets[CREDENTIALS]
    last = secret.current or ""
    for version_id in [*secret.versions]:
        world.move_back(version_id)
        world.move_back(last)
        count = len(secret.versions)

        assert world.rotate().outcome == "waiting"
        assert len(secret.versions) == count
    assert rotate_to_the_end(world) == "finished"
