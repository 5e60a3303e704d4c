"""Responses to an add that were lost on their way, or repeat a client secret that was there before.

One whose value was lost is deleted if it is surely ours; the provider may list it late, and may
have no room for another one meanwhile. One that is repeated, as a cache does it, is not stored.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import ClientAdminError, ConfigError, StoreError
from rotator.model.secret import Secret
from rotator.model.secret_rotation import ProviderSecret
from rotator.rotation.secret_listing import StoredClientSecret
from rotator.rotation.secret_removal import delete, switch_off
from tests.support.secret_providers import FIRST_VALUE, FakeEntraId, SecretFake
from tests.support.secret_world import (
    CREDENTIALS,
    SecretWorld,
    each_limited,
    each_overlapping,
    rotate_to_the_end,
)


@each_overlapping
def test_client_secret_whose_value_was_lost_is_deleted(make: type[SecretFake]) -> None:
    world = SecretWorld(make).crash_at_add(is_added=True)
    lost = make.secret_id(2)

    error = world.refused(StoreError, "has not recorded its result")
    assert error.retryable
    world.clock.advance(301)
    assert world.rotate().outcome == "started"

    assert lost not in world.fake.secrets
    assert len(world.fake.secrets) == 2


@each_limited
def test_lost_client_secret_that_is_listed_late_is_deleted_by_a_later_run(
    make: type[SecretFake],
) -> None:
    world = SecretWorld(make).crash_at_add(is_added=True)
    world.fake.listing_lag = timedelta(minutes=20)
    world.clock.advance(301)
    with pytest.raises(ClientAdminError, match="the next run looks again") as early:
        world.rotate()
    world.clock.advance(300)
    with pytest.raises(ClientAdminError, match=r"HTTP 400.*the next run looks again") as refused:
        world.rotate()
    assert (early.value.retryable, refused.value.retryable) == (True, True)
    world.clock.advance(600)

    assert world.rotate().outcome == "started"

    assert make.secret_id(2) not in world.fake.secrets
    assert len(world.stored) == 2


def test_lost_client_secret_that_is_not_listed_within_the_hour_is_left_to_people() -> None:
    world = SecretWorld().crash_at_add(is_added=True)
    world.fake.listing_lag = timedelta(hours=2)
    world.clock.advance(3601)

    error = world.refused(ClientAdminError, r"it lists adobe-secret-1 .* takes 2")
    assert not error.retryable

    world.clock.advance(3600)
    world.refused(ConfigError, "has no room")
    assert "adobe-secret-2" in world.fake.secrets


@each_limited
def test_add_that_finds_no_room_names_what_is_there_and_where_to_delete(
    make: type[SecretFake],
) -> None:
    world = SecretWorld(make)
    foreign: list[str] = []

    def take_the_room(method: str) -> None:
        if method == "POST":
            foreign.append(world.fake.make("canary-foreign").id)

    world.fake.before = take_the_room
    error = world.refused(ConfigError, "has no room")

    said = str(error)
    assert f"{foreign[0]} (made 2026-01-31T09:00:00Z" in said
    assert f"the stored one should be {make.secret_id(1)}" in said
    assert "Console: " in said
    assert world.knows_nothing


def test_used_client_secret_is_no_lost_one() -> None:
    world = SecretWorld().crash_at_add(is_added=True)
    world.fake.secrets["adobe-secret-2"].used_at = world.clock.now()
    world.clock.advance(301)

    world.refused(ConfigError, "adobe-secret-2")
    assert "adobe-secret-2" in world.fake.secrets


def test_client_secret_made_at_another_time_is_no_lost_one() -> None:
    world = SecretWorld().crash_at_add(is_added=True)
    world.fake.secrets["adobe-secret-2"].created_at += timedelta(minutes=6)
    world.clock.advance(3600)

    world.refused(ConfigError, "may be somebody else")
    assert "adobe-secret-2" in world.fake.secrets


def test_client_secret_of_another_name_is_left_alone() -> None:
    world = SecretWorld(FakeEntraId).crash_at_add(is_added=True)
    world.fake.secrets[FakeEntraId.secret_id(2)].label = "somebody's"
    world.clock.advance(601)

    assert world.rotate().outcome == "started"
    assert FakeEntraId.secret_id(2) in world.fake.secrets


@each_limited
def test_too_many_requests_after_the_add_does_not_count_as_a_refusal(
    make: type[SecretFake],
) -> None:
    """What stands before the provider can answer so, once it has passed the request on."""
    world = SecretWorld.managed(make)
    world.fake.answer_add = lambda *_: (429, {})
    error = world.refused(ClientAdminError, "HTTP 429")
    assert error.retryable
    assert world.state["step"] == "adding"
    world.fake.answer_add = lambda *found: found
    world.clock.advance(600)

    assert world.rotate().outcome == "started"

    assert make.secret_id(2) not in world.fake.secrets
    assert len(world.fake.secrets) == 2


ID_FIELDS = {"adobe": "uuid", "entra-id": "keyId", "okta": "id"}
VALUE_FIELDS = {"adobe": "client_secret", "entra-id": "secretText", "okta": "client_secret"}
Answer = Callable[[SecretWorld, dict[str, Any]], dict[str, Any]]


def repeat_all(world: SecretWorld, _: dict[str, Any]) -> dict[str, Any]:
    """The whole document of the first one, of which no new one was made."""
    world.fake.secrets.popitem()
    return world.fake.added(first_of(world))


def repeat_id(world: SecretWorld, made: dict[str, Any]) -> dict[str, Any]:
    return made | {ID_FIELDS[world.fake.KIND]: world.fake.secret_id(1)}


def repeat_value(world: SecretWorld, made: dict[str, Any]) -> dict[str, Any]:
    return made | {VALUE_FIELDS[world.fake.KIND]: FIRST_VALUE}


REPEATED = pytest.mark.parametrize("answer", [repeat_all, repeat_id, repeat_value])


def first_of(world: SecretWorld) -> Any:  # noqa: ANN401 - of the fake
    return world.fake.secrets[world.fake.secret_id(1)]


def answer_add(world: SecretWorld, answer: Answer) -> None:
    """Answer the next add so, and the later ones as documented."""

    def once(status: int, document: Any) -> tuple[int, object]:  # noqa: ANN401 - JSON
        world.fake.answer_add = lambda *found: found
        return status, answer(world, document)

    world.fake.answer_add = once


@each_overlapping
@REPEATED
def test_repeated_client_secret_is_not_stored_as_the_new_one(
    make: type[SecretFake], answer: Answer
) -> None:
    world = SecretWorld.managed(make)
    answer_add(world, answer)

    error = world.refused(ClientAdminError, f"repeats {make.secret_id(1)}")

    assert error.retryable
    assert "run this again" in str(error)
    assert (world.stored, world.state["step"]) == ([FIRST_VALUE], "adding")
    assert "new" not in world.state


@each_overlapping
@REPEATED
def test_rotation_ends_after_a_repeated_response_and_leaves_what_works(
    make: type[SecretFake], answer: Answer
) -> None:
    world = SecretWorld.managed(make)
    answer_add(world, answer)
    world.refused(ClientAdminError)
    world.clock.advance(3600)

    assert rotate_to_the_end(world) == "finished"

    assert world.has_working_secret()
    assert [each.value for each in world.fake.secrets.values()] == world.stored


@each_overlapping
@pytest.mark.parametrize("same", ["id", "value", "swapped ids"])
def test_state_whose_old_and_new_one_are_the_same_or_swapped_ends_and_deletes_nothing(
    make: type[SecretFake], same: str
) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    fields = world.store.fields(CREDENTIALS)
    state = fields["client_secret_rotation"]
    if same == "id":
        state["new"] = state["old"]
    elif same == "swapped ids":
        state["new"], state["old"] = state["old"], state["new"]
    else:
        state["old_digest"] = state["new_digest"]
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "of an older release")
    for _ in range(20):
        world.pass_time(hours=6)

    ended = world.rotate(overlap=timedelta(hours=1))

    assert (ended.outcome, len(world.fake.secrets)) == ("abandoned", 2)
    assert "nothing was deleted" in ended.summary
    assert make.secret_id(1) in ended.summary
    assert "{" not in ended.summary
    assert world.has_working_secret()


@pytest.mark.parametrize("act", [delete, switch_off])
@pytest.mark.parametrize(
    ("secret_id", "value"), [("kept", None), ("other", FIRST_VALUE)], ids=["same id", "same value"]
)
def test_client_secret_that_is_kept_is_never_ended(
    act: Callable[..., None], secret_id: str, value: str | None
) -> None:
    kept = StoredClientSecret(ProviderSecret(id="kept"), Secret(FIRST_VALUE))
    digest = None if value is None else hashlib.sha256(value.encode()).hexdigest()

    with pytest.raises(ConfigError, match="is the one that is kept; nothing was deleted"):
        act(None, secret_id, kept=kept, digest=digest)  # asked, None would raise AttributeError
