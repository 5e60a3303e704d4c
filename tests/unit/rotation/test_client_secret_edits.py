"""People who edit the credentials, or the provider, while a client secret is being rotated.

After each case one of the stored client secrets has to work at the provider, and whatever somebody
else has made is still there. So it has after a plain PutSecretValue between a read of rotator's and
the write that follows it: Secrets Manager takes no condition on the version that a put replaces.
"""

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
from tests.support.secret_world import (
    CREDENTIALS,
    SecretWorld,
    each_limited,
    each_overlapping,
    once,
    rotate_to_the_end,
)

THEIRS = "theirs-canary-of-somebody-else"


@pytest.mark.parametrize(
    ("make", "method", "outcome"),
    [
        (FakeAdobe, "DELETE", "finished"),
        (FakeEntraId, "POST", "finished"),
        (FakeOkta, "POST", "retired"),
    ],
    ids=["adobe", "entra-id", "okta, which switches it off"],
)
def test_old_value_stored_while_it_is_deleted_does_not_displace_the_new_one(
    make: type[SecretFake], method: str, outcome: str
) -> None:
    world = SecretWorld(make).open_gate()
    world.fake.before = once(method, lambda: world.store_by_hand(FIRST_VALUE))

    assert world.rotate().outcome == outcome

    assert world.has_working_secret()
    assert world.job() in {"rotated", "not_due"}


@each_overlapping
def test_nothing_is_deleted_once_somebody_has_gone_back_to_the_old_value(
    make: type[SecretFake],
) -> None:
    world = SecretWorld(make).open_gate()
    mint = world.endpoint.mint

    def go_back(*args: object) -> object:
        world.store_by_hand(FIRST_VALUE)
        return mint(*args)  # type: ignore[arg-type]

    world.endpoint.mint = go_back  # type: ignore[assignment, method-assign]
    error = world.refused(VersionConflict, "somebody has stored other client secrets")

    assert error.retryable
    assert world.fake.accepts(FIRST_VALUE)
    assert len(world.fake.secrets) == 2
    assert world.rotate().outcome == "abandoned"
    assert world.has_working_secret()


@each_overlapping
@pytest.mark.parametrize("left", [(), (THEIRS,)], ids=["taken out", "changed"])
def test_old_one_whose_value_somebody_took_out_is_not_ended(
    make: type[SecretFake], left: tuple[str, ...]
) -> None:
    """They may have another use for it, of which no token secret tells."""
    world = SecretWorld.managed(make).open_gate()
    new, old = world.stored
    world.store_by_hand(new, *left)

    result = world.rotate()

    [reason] = [each.reason for each in result.gate if not each.is_met]
    assert result.outcome == "waiting"
    assert f"the value of the old client secret {make.secret_id(1)} is not stored any" in reason
    assert world.fake.accepts(FIRST_VALUE)
    world.store_by_hand(new, old)
    assert world.rotate().outcome in {"finished", "retired"}


@each_overlapping
def test_old_one_that_somebody_took_out_and_deleted_ends_the_rotation(
    make: type[SecretFake],
) -> None:
    world = SecretWorld.managed(make).open_gate()
    new = world.stored[0]
    world.store_by_hand(new)
    del world.fake.secrets[make.secret_id(1)]

    assert world.rotate().outcome == "finished"
    assert world.stored == [new]


def test_old_value_stored_while_auth0_sets_the_new_one_does_not_displace_it() -> None:
    world = SecretWorld(FakeAuth0)
    world.fake.before = once("PATCH", lambda: world.store_by_hand(FIRST_VALUE))

    assert world.rotate().outcome == "started"

    assert world.has_working_secret()


@each_limited
def test_new_one_that_somebody_has_taken_out_is_named_with_where_to_delete_it(
    make: type[SecretFake],
) -> None:
    world = SecretWorld(make)
    world.rotate()
    world.store_by_hand(FIRST_VALUE)

    ended = world.rotate()

    assert ended.outcome == "abandoned"
    assert f"; {make.secret_id(2)} is still at {make.KIND}: delete it there" in ended.summary
    assert "Console: " in ended.summary
    assert make.secret_id(1) not in ended.summary
    world.refused(ConfigError, f"the stored one should be {make.secret_id(1)};")
    del world.fake.secrets[make.secret_id(2)]
    assert world.rotate().outcome == "started"


def test_client_secret_of_which_nothing_is_left_says_so() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.fake.secrets.clear()
    world.fake.make(THEIRS)
    world.store_by_hand(THEIRS)

    ended = world.rotate()

    assert (ended.outcome, world.knows_nothing) == ("abandoned", True)
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
    world.store_by_hand(THEIRS, *world.stored)
    world.clock.advance(3600)

    assert world.rotate().outcome == "abandoned"

    assert world.stored[0] == THEIRS
    assert world.has_working_secret()
    assert world.rotate().outcome == "started"


@each_limited
@pytest.mark.parametrize("stored", [(THEIRS,), (THEIRS, FIRST_VALUE), (FIRST_VALUE, THEIRS)])
def test_client_secret_that_somebody_has_made_and_stored_is_not_deleted(
    make: type[SecretFake], stored: tuple[str, ...]
) -> None:
    world = SecretWorld(make).crash_at_add(is_added=False)
    theirs = world.fake.make(THEIRS)  # within the moment in which ours could have been made
    world.store_by_hand(*stored)
    world.clock.advance(600)

    error = world.refused(ConfigError)

    assert theirs.id in world.fake.secrets
    assert {theirs.id, make.secret_id(1)} <= set(str(error).replace(",", "").split())
    assert "Find out which of them the credentials hold" in str(error)


@each_limited
def test_client_secret_made_minutes_after_the_lost_run_is_not_deleted(
    make: type[SecretFake],
) -> None:
    world = SecretWorld(make).crash_at_add(is_added=False)
    world.clock.advance(121)
    theirs = world.fake.make(THEIRS)
    world.clock.advance(600)

    world.refused(ConfigError, theirs.id)

    assert theirs.id in world.fake.secrets


def test_rotation_begins_anew_where_one_client_secret_is_left() -> None:
    world = SecretWorld(FakeAdobe).crash_at_add(is_added=False)
    theirs = world.fake.make(THEIRS)
    world.store_by_hand(THEIRS)
    del world.fake.secrets["adobe-secret-1"]
    world.clock.advance(600)

    assert world.rotate().outcome == "started"

    assert theirs.id in world.fake.secrets
    assert world.stored[1] == THEIRS


def test_stored_value_tells_which_client_secret_is_the_old_one_where_hints_are_listed() -> None:
    world = SecretWorld(FakeEntraId).crash_at_add(is_added=False)
    theirs = world.fake.make(THEIRS)
    world.store_by_hand(THEIRS)
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
    assert make.secret_id(1) in world.fake.secrets


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
    del world.fake.secrets[FakeEntraId.secret_id(2)]
    world.clock.advance(24 * 3600)

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
    store_before_put(world, 2, FIRST_VALUE)  # after that of the trial

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
