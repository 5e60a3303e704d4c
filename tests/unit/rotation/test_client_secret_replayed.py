"""Responses to an add that repeat a client secret which was there before, as a cache does it.

What is stored has to work after each run, and the client secret that was there has to be left.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import ClientAdminError, ConfigError
from rotator.model.secret import Secret
from rotator.model.secret_rotation import ProviderSecret
from rotator.rotation.secret_listing import StoredSecret
from rotator.rotation.secret_removal import delete, switch_off
from tests.support.secret_providers import FIRST_VALUE, SecretFake
from tests.support.secret_world import CREDENTIALS, SecretWorld, each_overlapping, rotate_to_the_end

ID_FIELDS = {"adobe": "uuid", "entra-id": "keyId", "okta": "id"}
VALUE_FIELDS = {"adobe": "client_secret", "entra-id": "secretText", "okta": "client_secret"}
Answer = Callable[[SecretWorld, dict[str, Any]], dict[str, Any]]


def repeat_all(world: SecretWorld, _: dict[str, Any]) -> dict[str, Any]:
    """The whole document of the first one, of which no new one was made."""
    world.fake.secrets.popitem()
    return world.fake.added(first_of(world))


def repeat_id(world: SecretWorld, made: dict[str, Any]) -> dict[str, Any]:
    return made | {ID_FIELDS[world.fake.KIND]: f"{world.fake.KIND}-secret-1"}


def repeat_value(world: SecretWorld, made: dict[str, Any]) -> dict[str, Any]:
    return made | {VALUE_FIELDS[world.fake.KIND]: FIRST_VALUE}


REPEATED = pytest.mark.parametrize("answer", [repeat_all, repeat_id, repeat_value])


def first_of(world: SecretWorld) -> Any:  # noqa: ANN401 - of the fake
    return world.fake.secrets[f"{world.fake.KIND}-secret-1"]


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

    error = world.refused(ClientAdminError, f"repeats {make.KIND}-secret-1")

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
@pytest.mark.parametrize("same", ["id", "value"])
def test_state_whose_old_and_new_one_are_the_same_ends_and_deletes_nothing(
    make: type[SecretFake], same: str
) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    fields = world.store.fields(CREDENTIALS)
    state = fields["client_secret_rotation"]
    if same == "id":
        state["new"] = state["old"]
    else:
        state["old_digest"] = state["new_digest"]
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "of an older release")
    for _ in range(20):
        world.pass_time(hours=6)

    ended = world.rotate(overlap=timedelta(hours=1))

    assert (ended.outcome, len(world.fake.secrets)) == ("abandoned", 2)
    assert "nothing was deleted" in ended.summary
    assert f"{make.KIND}-secret-1" in ended.summary
    assert world.has_working_secret()


@pytest.mark.parametrize("act", [delete, switch_off])
@pytest.mark.parametrize(
    ("secret_id", "value"), [("kept", None), ("other", FIRST_VALUE)], ids=["same id", "same value"]
)
def test_client_secret_that_is_kept_is_never_ended(
    act: Callable[..., None], secret_id: str, value: str | None
) -> None:
    kept = StoredSecret(ProviderSecret(id="kept"), Secret(FIRST_VALUE))
    digest = None if value is None else hashlib.sha256(value.encode()).hexdigest()

    with pytest.raises(ConfigError, match="is the one that is kept; nothing was deleted"):
        act(None, secret_id, kept=kept, digest=digest)  # asked, None would raise AttributeError
