"""AWSCURRENT of the credentials is moved back, to before a rotation or into one."""

import json

import pytest

from rotator.errors import ConfigError, MintError
from tests.support.secret_providers import FIRST_VALUE, FakeEntraId, FakeOkta, SecretFake
from tests.support.secret_world import CREDENTIALS, SecretWorld, each_overlapping, rotate_to_the_end

Make = type[SecretFake]
THEIRS = "theirs-canary-made-by-hand"


@each_overlapping
def test_new_client_secret_is_not_taken_for_the_old_one_after_a_rollback(make: Make) -> None:
    world = SecretWorld.managed(make)
    assert rotate_to_the_end(world) == "finished"
    [new] = world.fake.secrets.values()
    world.move_back("first")

    error = world.refused(MintError, '"No stored client secret is accepted"')

    assert new.id in str(error)
    assert list(world.fake.secrets) == [new.id]
    assert world.state == {}


@each_overlapping
def test_rollback_in_the_overlap_costs_neither_client_secret(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.move_back("first")
    ids = list(world.fake.secrets)

    if make is FakeEntraId:  # which has room, and hints
        assert world.rotate().outcome == "started"
        assert world.state["old"]["id"] == ids[0]
        assert rotate_to_the_end(world) == "finished"
        assert ids[1] in world.fake.secrets
        return
    error = world.refused(ConfigError)
    assert all(each in str(error) for each in ids)
    assert list(world.fake.secrets) == ids


def test_old_one_that_is_stored_again_while_it_is_off_is_to_be_switched_on() -> None:
    world = SecretWorld.managed(FakeOkta).open_gate()
    assert world.rotate().outcome == "retired"
    old, new = world.fake.secrets
    del world.fake.secrets[new]
    world.store_by_hand(FIRST_VALUE)

    world.refused(MintError, f"To recover, switch {old} on .*, then run this again")

    world.fake.secrets[old].is_active = True
    assert world.rotate().outcome == "abandoned"


def adding_version(world: SecretWorld) -> str:
    """The version from before the new client secret was stored."""
    versions = world.store.secrets[CREDENTIALS].versions
    [found] = [
        version_id
        for version_id, text in versions.items()
        if json.loads(text).get("client_secret_rotation", {}).get("step") == "adding"
    ]
    return found


@each_overlapping
def test_rollback_to_the_intent_is_told_as_one(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.move_back(adding_version(world))
    world.clock.advance(3600)

    assert world.rotate(dry_run=True).outcome == "would_change"
    ended = world.rotate()

    assert ended.outcome == "abandoned"
    new = make.secret_id(2)
    assert f"AWSCURRENT was moved back to a version from before {new} was stored" in ended.summary
    assert f"{new} is still at {make.KIND}: delete it there if nobody uses it" in ended.summary
    assert len(world.fake.secrets) == 2
    assert world.stored == [FIRST_VALUE]
    if make is FakeEntraId:
        assert world.rotate().outcome == "started"
    else:
        with pytest.raises(ConfigError, match=f"the stored one should be {make.secret_id(1)};"):
            world.rotate()


@each_overlapping
@pytest.mark.parametrize("is_alone", [True, False])
def test_rollback_to_the_intent_after_the_end_says_how_to_go_forward_again(
    make: Make, *, is_alone: bool
) -> None:
    world = SecretWorld.managed(make)
    assert rotate_to_the_end(world) == "finished"
    if not is_alone:
        world.fake.make(THEIRS)
    kept = list(world.fake.secrets)
    last = world.store.secrets[CREDENTIALS].current or ""
    world.move_back(adding_version(world))
    before = dict(world.store.secrets[CREDENTIALS].versions)

    error = world.refused(MintError, "move AWSCURRENT to the newest version again")

    assert f"holds {make.secret_id(2)}" in str(error)
    assert list(world.fake.secrets) == kept
    assert world.store.secrets[CREDENTIALS].versions == before
    world.move_back(last)
    assert world.job() in {"rotated", "not_due"}
