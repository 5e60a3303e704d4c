"""The health of a fleet's tokens, from a store in memory."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import pytest

from rotator.errors import StoreError
from rotator.fleet.settings import FleetBinding, Selection
from rotator.fleet.status import BindingStatus, fleet_status
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import Found
from tests.support.memory_store import MemoryStore

CREDENTIALS = {"client_id": "my-client", "client_secret": "canary"}


class Batches(MemoryStore):
    """Reads all at once."""

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
        assert not to_describe
        yield {each: self.read(each)[0] for each in secret_ids}


def statuses(
    token_secrets: list[str],
    policy_of: Callable[[FleetBinding], RenewalPolicy] = lambda _: RenewalPolicy(),
    *,
    needs_consent: bool = False,
) -> dict[str, BindingStatus]:
    store = Batches()
    consent = {"token_url": "https://a.example/t", "token_secrets": token_secrets}
    store.add("c", CREDENTIALS | consent)
    store.add("t/empty")
    store.add("t/full", token_document("token", issued_at=NOW - HOUR))
    store.add("t/edited", token_document("token", issued_at=NOW - HOUR, schema="1"))
    bindings = [
        FleetBinding(Binding("c", name), needs_consent=needs_consent)
        for name in ("t/full", "t/empty", "t/edited")
    ]
    found = fleet_status(store, Selection(tuple(bindings)), policy_of=policy_of, now=NOW)
    return {each.binding.token_secret: each for each in found}


def status_of(store: Batches) -> BindingStatus:
    """Of the one binding, `c` and `t`."""
    selection = Selection((FleetBinding(Binding("c", "t")),))
    [found] = fleet_status(store, selection, policy_of=lambda _: RenewalPolicy(), now=NOW)
    return found


@pytest.mark.parametrize(
    ("entries", "health"), [(["t/*"], "unusable"), (["t/full"], None)], ids=["all", "one"]
)
def test_secret_that_somebody_tagged_is_no_unusable_token(
    entries: list[str], health: str | None
) -> None:
    found = statuses(entries, needs_consent=True)

    assert found["t/full"].status is not None
    assert found["t/full"].status.health == "healthy"
    assert (found["t/empty"].status and found["t/empty"].status.health) == health
    if health is None:
        assert "does not name it in token_secrets" in str(found["t/empty"].error)


def test_mistake_of_our_own_hides_no_other_token() -> None:
    def policy_of(each: FleetBinding) -> RenewalPolicy:
        if each.binding.token_secret == "t/empty":
            raise ZeroDivisionError("canary")
        return RenewalPolicy()

    found = statuses(["t/*"], policy_of)

    assert found["t/full"].status is not None
    assert str(found["t/empty"].error).startswith("unexpected ZeroDivisionError in policy_of")


def test_edited_token_that_readers_take_is_not_unusable() -> None:
    edited = statuses(["t/*"])["t/edited"].status

    assert edited is not None
    assert (edited.health, edited.reason) == ("overdue", "token_malformed")
    assert edited.expires_at == NOW + 23 * HOUR


@pytest.mark.parametrize(
    ("current", "reason"),
    [
        ("no token", "token_malformed"),
        (token_document("short", issued_at=NOW - HOUR, lifetime=HOUR / 2), "expired"),
    ],
)
def test_token_to_which_readers_fall_back_is_not_unusable(current: object, reason: str) -> None:
    store = Batches()
    store.add("c", CREDENTIALS)
    secret = store.add("t", token_document("before", issued_at=NOW - 2 * HOUR))
    secret.publish(current if isinstance(current, str) else json.dumps(current), "second")
    found = status_of(store)

    assert found.status is not None
    assert (found.status.health, found.status.reason) == ("overdue", reason)
    assert found.status.expires_at == NOW + 22 * HOUR
    assert found.status.remaining == 22 * HOUR
    assert (found.status.version_id, found.status.previous_version_id) == ("second", "first")


def test_unreadable_credentials_do_not_hide_the_life_of_a_token() -> None:
    class DeniedCredentials(Batches):
        def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
            denied = StoreError("denied", operation="GetSecretValue", secret_id="c")
            readable = [each for each in secret_ids if each != "c"]
            for found in super().read_many(readable, to_describe):
                yield {**found, "c": denied}

    store = DeniedCredentials()
    store.add("t", token_document("token", issued_at=NOW - HOUR))
    found = status_of(store)

    assert str(found.error) == "denied"
    assert found.error is not None
    details = found.error.details
    assert details["version_id"] == "first"
    assert datetime.fromisoformat(str(details["expires_at"])) == NOW + 23 * HOUR


def test_valid_token_costs_no_second_read() -> None:
    store = Batches()
    store.add("c", CREDENTIALS)
    store.add("t", token_document("token", issued_at=NOW - HOUR))
    status_of(store)

    assert "read_previous" not in store.calls
