"""A client secret whose value was lost on its way: if it is surely ours it is deleted.

The provider may list it late, and may have no room for another one meanwhile.
"""

from datetime import timedelta

import pytest

from rotator.errors import ClientAdminError, ConfigError, StoreError
from tests.support.secret_providers import FakeEntraId, SecretFake
from tests.support.secret_world import SecretWorld, each_limited, each_overlapping


@each_overlapping
def test_client_secret_whose_value_was_lost_is_deleted(make: type[SecretFake]) -> None:
    world = SecretWorld(make).crash_at_add(is_added=True)
    lost = f"{make.KIND}-secret-2"

    error = world.refused(StoreError, "has not told how it ended")
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

    assert f"{make.KIND}-secret-2" not in world.fake.secrets
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
    assert f"the stored one should be {make.KIND}-secret-1" in said
    assert "Console: " in said
    assert world.state == {}


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
    world.fake.secrets["entra-id-secret-2"].label = "somebody's"
    world.clock.advance(601)

    assert world.rotate().outcome == "started"
    assert "entra-id-secret-2" in world.fake.secrets


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

    assert f"{make.KIND}-secret-2" not in world.fake.secrets
    assert len(world.fake.secrets) == 2
