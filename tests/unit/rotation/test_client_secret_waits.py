"""What a rotation waits for between two runs: each open condition says how it can be met."""

from datetime import timedelta

from rotator.model.binding import BINDING_TAG
from rotator.rotation.secret_result import SecretRotationResult
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, FakeEntraId, FakeOkta, SecretFake
from tests.support.secret_world import CREDENTIALS, TOKEN, SecretWorld, each_overlapping

Make = type[SecretFake]
THEIRS = "theirs-canary-added-by-hand"


def open_reasons(result: SecretRotationResult) -> list[str]:
    return [each.reason for each in result.gate if not each.is_met]


def retired_world() -> SecretWorld:
    world = SecretWorld(FakeOkta)
    outcome = world.rotate().outcome
    for _ in range(20):
        if outcome == "retired":
            return world
        world.pass_time(hours=6)
        outcome = world.rotate().outcome
    raise AssertionError(outcome)


def switch_old(world: SecretWorld, *, is_active: bool) -> None:
    assert isinstance(world.fake, FakeOkta)
    world.fake.switch(world.fake.secrets["okta-secret-1"], is_active=is_active)


def test_day_of_a_client_secret_that_is_switched_off_counts_from_the_last_time() -> None:
    world = retired_world()
    world.pass_time(hours=23)
    switch_old(world, is_active=True)  # somebody needed it
    world.pass_time(hours=6)
    result = world.rotate()
    assert result.outcome == "waiting"
    assert any("switch it off at the provider" in reason for reason in open_reasons(result))

    switch_old(world, is_active=False)
    world.pass_time(hours=23)
    [reason] = open_reasons(world.rotate())
    assert "in which it can be switched on again" in reason
    assert "okta-secret-1" in world.fake.secrets

    world.pass_time(hours=1)
    assert world.rotate().outcome == "finished"


@each_overlapping
def test_going_back_with_the_new_one_behind_ends_the_rotation(make: Make) -> None:
    world = SecretWorld(make)
    world.rotate()
    new, old = world.stored
    world.store_by_hand(old, new)

    ended = world.rotate()

    assert ended.outcome == "abandoned"
    assert "is no longer the first of the credentials" in ended.summary
    assert f"{make.secret_id(2)} is still at {make.KIND}" in ended.summary
    assert make.secret_id(1) not in ended.summary
    assert (world.stored, len(world.fake.secrets)) == ([old, new], 2)


@each_overlapping
def test_another_one_that_is_stored_first_ends_the_rotation(make: Make) -> None:
    world = SecretWorld(make)
    world.rotate()
    stored = [THEIRS, *world.stored]
    world.store_by_hand(*stored)

    ended = world.rotate()

    assert ended.outcome == "abandoned"
    assert "another client secret was stored meanwhile" in ended.summary
    assert all(each in ended.summary for each in world.fake.secrets)
    assert world.stored == stored


def test_going_back_to_one_that_is_switched_off_says_so() -> None:
    world = retired_world()
    world.store_by_hand(FIRST_VALUE, *world.stored[:1])

    assert "okta-secret-1 is switched off there: switch it on" in world.rotate().summary


def other_credentials(world: SecretWorld) -> None:
    """The token is minted by the job of another credentials secret of the same client."""
    fields = world.store.fields(CREDENTIALS)
    for name in ("client_secret_rotation", "client_admin"):
        fields.pop(name, None)
    world.store.add("app/other", fields)
    token = world.store.fields(TOKEN) | {"credentials_version_id": "of-the-other"}
    world.store.add(TOKEN, token)


def test_other_credentials_that_the_tag_names_are_named_with_a_way_out() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    other_credentials(world)
    world.store.secrets[TOKEN].tags[BINDING_TAG] = "app/other"

    [reason] = [each for each in open_reasons(world.rotate()) if TOKEN in each]

    assert f"its tag {BINDING_TAG} names the credentials secret app/other" in reason
    assert "same client id my-client" in reason
    assert f"change the tag to {CREDENTIALS}" in reason


def test_unknown_origin_of_a_token_names_the_client_id_and_what_to_do() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    other_credentials(world)

    [reason] = [each for each in open_reasons(world.rotate()) if TOKEN in each]

    assert f"a version of the credentials that {CREDENTIALS} does not have" in reason
    assert f"`rotator run --credentials-secret {CREDENTIALS} --token-secret " in reason
    assert "another credentials secret of the client id my-client" in reason


def test_token_secret_that_is_named_by_name_and_arn_counts_once() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.pass_time(hours=24)

    result = world.rotate(token_secrets=(f"arn:{TOKEN}",), overlap=timedelta(days=9))

    assert [each.name for each in result.gate].count("minted_with_new") == 1
    assert list(world.state["minted_since"]) == [TOKEN]


def test_long_token_of_the_old_one_keeps_it_after_lives_were_shortened() -> None:
    world = SecretWorld(FakeEntraId)  # its job has minted a token of 24 hours
    world.endpoint.lifetime = timedelta(hours=1)
    world.rotate(overlap=timedelta(minutes=1))
    world.clock.advance(600)
    world.store.add(TOKEN)  # so that the next one is minted at once
    assert world.job() == "rotated"
    outcomes = []
    for _ in range(25):
        outcomes.append(world.rotate(overlap=timedelta(minutes=1)).outcome)
        world.pass_time(hours=1)

    assert outcomes.index("finished") == 24
