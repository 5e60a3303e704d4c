"""Lists that leave out one of the two client secrets, or show somebody else's in its place.

A list that lags ends nothing, drops nothing, and doesn't hold a rotation up forever.
"""

import json
from datetime import timedelta

import pytest

from rotator.errors import ClientAdminError, ConfigError, MintError
from tests.support.secret_providers import (
    FIRST_VALUE,
    FakeAdobe,
    FakeEntraId,
    KeptSecret,
    SecretFake,
)
from tests.support.secret_world import (
    CREDENTIALS,
    SecretWorld,
    each_overlapping,
    rotate_to_the_end,
)

Make = type[SecretFake]
THEIRS = "canary-of-another-use"  # begins as the stored one does, which is all that Entra ID shows


class RoomyAdobe(FakeAdobe):
    """As if a list that lags had hidden that there is no room."""

    CAPACITY = 3


AMBIGUOUS = pytest.mark.parametrize("make", [RoomyAdobe, FakeEntraId], ids=lambda fake: fake.KIND)


def begun_with_theirs(make: Make) -> tuple[SecretWorld, KeptSecret]:
    """A rotation that began while the list showed only somebody else's client secret."""
    world = SecretWorld(make)
    theirs = world.fake.make(THEIRS, works_at=world.clock.now() - timedelta(days=10))
    world.fake.unlisted.add(make.secret_id(1))
    assert world.rotate().outcome == "started"
    assert world.state["old"]["id"] == theirs.id
    return world, theirs


@AMBIGUOUS
def test_client_secret_that_took_the_place_of_the_stored_one_in_the_list_is_not_deleted(
    make: Make,
) -> None:
    world, theirs = begun_with_theirs(make)
    world.fake.unlisted.clear()
    for _ in range(20):
        world.pass_time(hours=6)
        world.rotate(overlap=timedelta(days=3000))

    world.refused(ConfigError, "nothing was deleted", dry_run=True)
    error = world.refused(ConfigError, "can't be told which of them is the old one")

    assert all(each in str(error) for each in (theirs.id, make.secret_id(1)))
    assert "nothing was deleted" in str(error)
    assert len(world.fake.secrets) == 3


@AMBIGUOUS
def test_list_is_read_again_directly_before_the_delete(make: Make) -> None:
    world, theirs = begun_with_theirs(make)
    for _ in range(20):
        world.pass_time(hours=6)
        world.rotate(overlap=timedelta(days=3000))
    lists: list[str] = []

    def show(method: str) -> None:
        lists.append(method)
        if lists.count("GET") == 2:
            world.fake.unlisted.clear()

    world.fake.before = show

    world.refused(ConfigError, "can't be told which of them is the old one")

    assert theirs.id in world.fake.secrets


def test_one_without_a_hint_is_not_deleted_for_one_whose_hint_fits() -> None:
    world, theirs = begun_with_theirs(FakeEntraId)
    world.fake.unlisted.clear()
    document = FakeEntraId._document  # noqa: SLF001 - of the fake

    def hide_hint(kept: KeptSecret) -> dict[str, object]:
        found: dict[str, object] = document(world.fake, kept)  # type: ignore[arg-type]
        return found | ({"hint": None} if kept is theirs else {})

    world.fake._document = hide_hint  # type: ignore[attr-defined]  # noqa: SLF001
    for _ in range(20):
        world.pass_time(hours=6)
        world.rotate(overlap=timedelta(days=3000))

    world.refused(ConfigError, f"{FakeEntraId.secret_id(1)}.*{theirs.id}.*nothing was deleted")

    assert theirs.id in world.fake.secrets


@each_overlapping
def test_new_one_that_is_neither_listed_nor_accepted_for_hours_is_not_dropped(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.fake.lag = world.fake.listing_lag = timedelta(hours=3)
    world.refused(MintError, "does not accept the new client secret")
    stored = world.stored
    world.clock.advance(1200)

    error = world.refused(ClientAdminError, "and the token endpoint refuses it")

    assert error.retryable
    assert "both are kept until 2026-02-01T09:00:00Z" in str(
        error
    )  # 24 hours after both were stored
    assert f"`rotator credentials remove {CREDENTIALS} --number 1`" in str(error)
    assert world.stored == stored
    assert world.state["step"] == "overlap"
    world.pass_time(hours=4)
    assert world.rotate().outcome == "waiting"
    assert rotate_to_the_end(world) == "finished"


@each_overlapping
def test_new_one_that_was_deleted_and_taken_out_ends_the_rotation_at_once(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    del world.fake.secrets[make.secret_id(2)]
    world.refused(ClientAdminError, "If somebody has deleted it, take its value out")
    world.store_by_hand(FIRST_VALUE)

    ended = world.rotate()

    assert ended.outcome == "abandoned"
    assert f"nothing of it is left at {make.KIND}" in ended.summary
    assert world.rotate().outcome == "started"


@each_overlapping
def test_new_one_that_is_gone_and_the_only_one_stored_leads_back_to_the_version_before(
    make: Make,
) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.store.add(world.token_secret)
    world.job()
    world.rotate()
    world.store_by_hand(world.stored[0])
    del world.fake.secrets[make.secret_id(2)]
    world.clock.advance(3600)

    world.refused(MintError, "To recover, .*aws secretsmanager update-secret-version-stage")


@each_overlapping
def test_new_one_that_has_minted_counts_as_gone_after_an_hour(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.store.add(world.token_secret)
    world.job()
    world.rotate()
    assert world.state["minted_since"]
    del world.fake.secrets[world.state["new"]["id"]]
    world.clock.advance(3599)
    world.refused(ClientAdminError, "both are kept until")
    world.clock.advance(1)

    assert world.rotate().outcome == "reverted"
    assert world.stored == [FIRST_VALUE]


@each_overlapping
@pytest.mark.parametrize("which", ["old", "new"])
@pytest.mark.parametrize("unknown", ["ffffffff-0000-4000-8000-000000000009", "../../x"])
def test_state_with_an_id_that_never_comes_back_says_so_in_the_end(
    make: Make, which: str, unknown: str
) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    fields = world.store.fields(CREDENTIALS)
    fields["client_secret_rotation"][which]["id"] = unknown
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "by-hand")
    first = world.refused(ClientAdminError, f"does not list {unknown}")
    world.pass_time(hours=24 * 7)

    last = world.refused(ClientAdminError, f"does not list {unknown}")

    assert (first.retryable, last.retryable) == (True, False)
    assert f"`rotator credentials set {CREDENTIALS}`" in str(last)
    kept = world.state["new" if which == "old" else "old"]["id"]
    assert all(each in str(last) for each in (unknown, kept))
    assert len(world.stored) == len(world.fake.secrets) == 2


@each_overlapping
def test_only_the_one_that_is_accepted_is_called_accepted(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    del world.fake.secrets[make.secret_id(2)]
    world.fake.unlisted.add(make.secret_id(1))

    error = world.refused(ClientAdminError, "does not list")

    assert f"accepts the value of {make.secret_id(1)};" in str(error)
