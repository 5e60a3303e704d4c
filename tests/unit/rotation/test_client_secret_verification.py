"""Which client secret is the stored one, and which is dead: a list alone proves neither."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import ClientAdminError, ConfigError, MintError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from tests.support.secret_providers import (
    FIRST_VALUE,
    FakeAdobe,
    FakeAuth0,
    FakeEntraId,
    FakeOkta,
    KeptSecret,
    SecretFake,
)
from tests.support.secret_world import (
    CREDENTIALS,
    SecretWorld,
    each_kind,
    each_overlapping,
    rotate_to_the_end,
)

Make = type[SecretFake]
THEIRS = "theirs-canary-made-by-hand"


def refuse_all(world: SecretWorld, code: str) -> None:
    """The token endpoint answers every client secret of the client with this error."""
    mint = world.endpoint.mint

    def refuse(credentials: ClientCredentials) -> Minted:
        if credentials.client_id != world.fake.client_id:
            return mint(credentials)
        raise MintError("token endpoint: refused", status=400, oauth_error=code)

    world.endpoint.mint = refuse  # type: ignore[method-assign]


# --- Beginning -----------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("dry_run", [False, True])
def test_client_secret_made_by_hand_is_not_taken_for_the_stored_one_that_is_dead(
    make: Make, *, dry_run: bool
) -> None:
    world = SecretWorld.managed(make)
    world.fake.secrets.clear()
    theirs = world.fake.make(THEIRS)

    error = world.refused(MintError, '"No stored client secret is accepted"', dry_run=dry_run)

    assert not error.retryable
    assert make is FakeAuth0 or theirs.id in str(error)
    assert "nothing was changed" in str(error)
    assert (world.state, world.stored) == ({}, [FIRST_VALUE])
    assert [request.method for request in world.requests] in ([], ["GET"])
    assert world.fake.accepts(THEIRS)


@pytest.mark.parametrize("code", ["unauthorized_client", "invalid_scope", None])
@each_kind
def test_refusal_that_is_not_about_the_secret_begins_nothing(make: Make, code: str | None) -> None:
    world = SecretWorld.managed(make)
    refuse_all(world, code or "server_error")

    world.refused(MintError, "the stored client secret could not be tried")

    assert (world.state, world.stored) == ({}, [FIRST_VALUE])


@each_overlapping
def test_stored_client_secret_that_is_bound_to_its_id_is_not_tried_before_it_is_due(
    make: Make,
) -> None:
    world = SecretWorld.managed(make)
    assert world.rotate(max_age=timedelta(days=900)).outcome == "not_due"
    minted = world.endpoint.minted

    assert world.rotate(max_age=timedelta(days=900)).outcome == "not_due"

    assert world.endpoint.minted == minted


def test_age_that_was_stored_is_not_that_of_another_client_secret_stored_by_hand() -> None:
    world = SecretWorld.managed(FakeAdobe)
    world.rotate(max_age=timedelta(days=900))
    theirs = world.fake.make(THEIRS)
    world.store_by_hand(THEIRS)

    world.refused(ConfigError, "not known which of them is the stored one")

    assert theirs.id in world.fake.secrets


def test_only_list_that_shows_the_value_proves_it_where_nothing_may_be_minted() -> None:
    with pytest.raises(ConfigError, match="single_active") as caught:
        SecretWorld.managed(FakeAdobe, single_active=True).rotate()
    assert "adobe-secret-1" in str(caught.value)

    for make in (FakeEntraId, FakeOkta):
        assert SecretWorld.managed(make, single_active=True).rotate().outcome == "started"

    for other in (FakeEntraId, FakeOkta, FakeAuth0):
        dead = SecretWorld.managed(other, single_active=True)
        dead.fake.secrets.clear()
        dead.fake.make(THEIRS)
        with pytest.raises(ConfigError, match="single_active"):
            dead.rotate()


@each_kind
def test_client_secret_beside_a_key_that_mints_is_not_rotated(make: Make) -> None:
    world = SecretWorld.managed(make)
    mint = world.endpoint.mint
    world.endpoint.mint = (  # type: ignore[method-assign]
        lambda credentials: mint(credentials)._replace(client_secret_position=None)
    )

    world.refused(ConfigError, "minted with a key or a certificate")

    assert world.state == {}


def test_list_of_another_application_is_refused() -> None:
    world = SecretWorld.managed(FakeOkta)
    kept = world.fake.secrets["okta-secret-1"]
    world.fake.unlisted.add(kept.id)
    theirs = world.fake.make(THEIRS)

    error = world.refused(ConfigError, "does not list the stored client secret")

    assert theirs.id in str(error)
    assert world.state == {}


class HashingOkta(FakeOkta):
    """It lists hashes of a kind that is not known."""

    def _document(self, kept: KeptSecret) -> dict[str, Any]:
        return super()._document(kept) | {"client_secret": None}


def test_hashes_of_an_unknown_kind_come_with_a_way_to_tell_them_apart() -> None:
    world = SecretWorld.managed(HashingOkta)
    world.fake.make(THEIRS)

    error = world.refused(ConfigError, "not known which of them is the stored one")

    assert "set one of them to Inactive, and run the job with --force" in str(error)
    assert "set it to Inactive first), then run this again" in str(error)


@each_overlapping
def test_lost_client_secret_is_kept_while_the_stored_one_is_refused(make: Make) -> None:
    world = SecretWorld.managed(make).crash_at_add(is_added=True)
    world.fake.secrets[make.secret_id(1)].value = THEIRS  # the stored one is dead
    world.clock.advance(3600)

    world.refused(MintError, "nothing was changed")

    assert len(world.fake.secrets) == 2


def test_hint_that_two_stored_values_share_tells_nothing() -> None:
    world = SecretWorld.managed(FakeEntraId)
    kept = world.fake.secrets[FakeEntraId.secret_id(1)]
    theirs = world.fake.make(FIRST_VALUE[:3] + THEIRS)
    world.store_by_hand(FIRST_VALUE, theirs.value)
    world.fake.unlisted.add(kept.id)

    world.refused(ConfigError, theirs.id)

    assert world.state == {}


# --- Both are stored -----------------------------------------------------------------------------


@each_overlapping
@pytest.mark.parametrize("with_digest", [True, False], ids=["this release", "an older release"])
def test_client_secret_that_was_wrongly_recorded_as_the_old_one_is_not_deleted(
    make: Make, *, with_digest: bool
) -> None:
    world = SecretWorld.managed(make).open_gate()
    old = world.fake.secrets[make.secret_id(1)]
    old.value = THEIRS  # what is stored as the old value was never of it
    if not with_digest:
        fields = world.store.fields(CREDENTIALS)
        del fields["client_secret_rotation"]["old_digest"]
        world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "of-an-older-release")

    error = world.refused(ConfigError, f"{old.id} may be somebody else's")

    assert "Nothing was deleted" in str(error)
    assert world.fake.accepts(THEIRS)


@pytest.mark.parametrize(("make", "is_retired"), [(FakeEntraId, False), (FakeOkta, True)])
def test_stale_list_and_a_refused_grant_do_not_drop_the_new_one(
    make: Make, *, is_retired: bool
) -> None:
    world = SecretWorld.managed(make).open_gate()
    if is_retired:
        assert world.rotate().outcome == "retired"
    stored = world.stored
    world.fake.unlisted.add(world.state["new"]["id"])
    mint = world.endpoint.mint
    refuse_all(world, "unauthorized_client")

    world.refused(MintError, "could not be tried")

    assert world.stored == stored
    world.endpoint.mint = mint  # type: ignore[method-assign]
    error = world.refused(ClientAdminError, "does not list")
    assert error.retryable
    assert world.stored == stored
    assert world.has_working_secret()


@each_overlapping
def test_stale_list_does_not_drop_the_old_value_that_is_accepted(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.fake.unlisted.add(world.state["old"]["id"])

    error = world.refused(ClientAdminError, "does not list")

    assert error.retryable
    assert FIRST_VALUE in world.stored
    world.fake.unlisted.clear()
    assert world.rotate().outcome == "waiting"


@each_overlapping
def test_two_client_secrets_that_are_both_gone_are_no_success(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.fake.secrets.clear()
    theirs = world.fake.make(THEIRS)
    stored = world.stored
    world.clock.advance(3600)

    error = world.refused(MintError, '"No stored client secret is accepted"')

    assert theirs.id in str(error)
    assert world.stored == stored


@each_overlapping
def test_rotation_of_which_nothing_is_left_ends_where_another_one_is_stored(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.fake.secrets.clear()
    theirs = world.fake.make(THEIRS)
    world.store_by_hand(*world.stored, THEIRS)

    ended = world.rotate()

    assert ended.outcome == "abandoned"
    assert "another client secret was stored meanwhile" in ended.summary
    assert theirs.id in world.fake.secrets
    assert THEIRS in world.stored


def test_old_one_that_rotator_switched_off_is_switched_on_when_the_new_one_is_gone() -> None:
    world = SecretWorld.managed(FakeOkta).open_gate()
    assert world.rotate().outcome == "retired"
    del world.fake.secrets["okta-secret-2"]
    assert world.rotate(dry_run=True).outcome == "would_change"
    assert not world.fake.secrets["okta-secret-1"].is_active

    result = world.rotate()

    assert result.outcome == "reverted"
    assert "okta-secret-1, which is switched on again," in result.summary
    assert world.stored == [FIRST_VALUE]
    assert world.has_working_secret()


def test_old_one_that_somebody_switched_off_is_named_when_the_new_one_is_gone() -> None:
    world = SecretWorld.managed(FakeOkta).open_gate()
    world.fake.secrets["okta-secret-1"].is_active = False
    del world.fake.secrets["okta-secret-2"]
    stored = world.stored

    world.refused(ClientAdminError, "somebody has switched okta-secret-1 off")

    assert world.stored == stored


@pytest.mark.parametrize("single_active", [None, True])
@pytest.mark.parametrize("is_retired", [False, True])
def test_old_one_is_kept_while_somebody_has_the_new_one_switched_off(
    *, single_active: bool | None, is_retired: bool
) -> None:
    world = SecretWorld.managed(FakeOkta, single_active=single_active)
    world.rotate()
    for _ in range(9):
        world.pass_time(hours=6)
        world.rotate(overlap=timedelta(0 if is_retired else 3000))
    assert (world.state["step"] == "retired") is is_retired
    world.fake.secrets["okta-secret-2"].is_active = False
    before = [kept.is_active for kept in world.fake.secrets.values()]

    error = world.refused(ClientAdminError, "okta-secret-2 was switched off by somebody")

    assert [kept.is_active for kept in world.fake.secrets.values()] == before
    assert len(world.stored) == 2
    assert "Switch it on (Admin Console: the application's tab General), then" in str(error)
    assert ("nothing mints until one is on" in str(error)) is is_retired
    assert ("Or go back to okta-secret-1: store its value alone" in str(error)) is not is_retired


def test_old_value_is_kept_where_it_may_not_be_tried() -> None:
    world = SecretWorld.managed(FakeEntraId, single_active=True)
    world.rotate()
    world.pass_time(hours=24)
    stored = world.stored
    world.fake.unlisted.add(FakeEntraId.secret_id(1))

    result = world.rotate()

    assert (result.outcome, world.stored) == ("finished", stored)
    assert "its value is kept behind the new one" in result.summary


def test_new_value_is_kept_where_it_may_not_be_tried() -> None:
    world = SecretWorld.managed(FakeOkta, single_active=True)
    world.rotate()
    new, old = world.stored
    del world.fake.secrets["okta-secret-2"]
    world.clock.advance(24 * 3600)

    assert world.rotate().outcome == "reverted"

    assert world.stored == [old, new]


@each_overlapping
def test_value_that_somebody_has_added_behind_is_not_dropped_with_the_old_one(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.store_by_hand(*world.stored, THEIRS)

    assert rotate_to_the_end(world) == "finished"

    assert world.stored[1:] == [THEIRS]


@each_overlapping
@pytest.mark.parametrize("works", [True, False])
def test_end_tells_what_else_is_stored_and_whether_it_is_dead(
    make: Make,
    works: bool,  # noqa: FBT001
) -> None:
    world = SecretWorld.managed(make).open_gate()
    world.store_by_hand(*world.stored, THEIRS)
    del world.fake.secrets[make.secret_id(1)]
    if works:
        world.fake.make(THEIRS)

    summary = world.rotate().summary

    dead = "" if works else ", of which 1 is refused"
    assert f"; 1 other is stored too{dead}: remove those" in summary
    assert "canary" not in summary
