"""The health of a fleet's tokens, from a store in memory."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.fleet.binding_status import BindingStatus
from rotator.fleet.settings import FleetBinding, RefusedBinding, Selection
from rotator.fleet.status import fleet_status
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from tests.support.clock import NOW, ManualClock
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import Found
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemoryStore

CLOCK = ManualClock()
CREDENTIALS = {"client_id": "my-client", "client_secret": "canary"}


class Batches(MemoryStore):
    """Reads all at once."""

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
        yield {each: self.read(each)[0] for each in secret_ids}
        while to_describe:
            yield {each: self.describe(each) for each in [to_describe.popleft()]}


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
    found = fleet_status(
        store,
        Selection(tuple(bindings)),
        endpoint=MemoryEndpoint(CLOCK),
        policy_of=policy_of,
        clock=CLOCK,
    )
    return {each.binding.token_secret: each for each in found}


def status_of(store: Batches) -> BindingStatus:
    """Of the one binding, `c` and `t`."""
    selection = Selection((FleetBinding(Binding("c", "t")),))
    [found] = fleet_status(
        store,
        selection,
        endpoint=MemoryEndpoint(CLOCK),
        policy_of=lambda _: RenewalPolicy(),
        clock=CLOCK,
    )
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
    assert found["t/empty"].token_health == health
    if health is None:
        assert found["t/empty"].health == "unknown"
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


@pytest.mark.parametrize("retryable", [True, False])
def test_token_whose_previous_version_cannot_be_read_is_unknown(*, retryable: bool) -> None:
    class NoPrevious(Batches):
        def read_previous(self, secret_id: str) -> None:
            raise StoreError(
                "refused", operation="GetSecretValue", secret_id=secret_id, retryable=retryable
            )

    store = NoPrevious()
    store.add("c", CREDENTIALS)
    store.add("t", token_document("token", issued_at=NOW - 25 * HOUR))
    found = status_of(store)

    assert (found.health, found.token_health) == ("unknown", None)
    assert isinstance(found.error, StoreError)
    assert found.error.retryable == retryable


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


def broken(*, age: timedelta | None, needs_consent: bool, entries: list[str]) -> BindingStatus:
    """A binding whose credentials have no client secret any more."""
    store = Batches()
    store.add("c", {"client_id": "my-client", "token_secrets": entries})
    store.add("t", None if age is None else token_document("token", issued_at=NOW - age))
    [found] = fleet_status(
        store,
        Selection((FleetBinding(Binding("c", "t"), needs_consent=needs_consent),)),
        endpoint=MemoryEndpoint(CLOCK),
        policy_of=lambda _: RenewalPolicy(),
        clock=CLOCK,
    )
    return found


@pytest.mark.parametrize(
    ("age", "health"),
    [(HOUR, "healthy"), (23.7 * HOUR, "overdue"), (25 * HOUR, "unusable"), (None, "unusable")],
)
def test_binding_that_a_run_refuses_has_the_health_of_its_token_for_monitors(
    age: timedelta | None, health: str
) -> None:
    by_line = broken(age=age, needs_consent=False, entries=[])
    by_name = broken(age=age, needs_consent=True, entries=["t"])
    by_tag = broken(age=age, needs_consent=True, entries=["t/*"])

    assert [each.health for each in (by_line, by_name, by_tag)] == ["unknown"] * 3
    assert [each.token_health for each in (by_line, by_name, by_tag)] == [health, health, None]
    ends_at = None if age is None else NOW - age + 24 * HOUR
    for each in (by_line, by_name, by_tag):
        assert each.status is not None
        assert each.status.expires_at == ends_at


@pytest.mark.parametrize("by_tag", [True, False])
def test_entry_that_was_refused_before_the_run_shows_the_end_of_its_token(*, by_tag: bool) -> None:
    store = Batches()
    store.add("t", token_document("token", issued_at=NOW - 25 * HOUR))
    refused = RefusedBinding(Binding("c d", "t"), ConfigError("no name"), is_confirmed=not by_tag)
    [found] = fleet_status(
        store,
        Selection((), (refused,)),
        endpoint=MemoryEndpoint(CLOCK),
        policy_of=lambda _: RenewalPolicy(),
        clock=CLOCK,
    )

    assert found.status is not None
    assert found.status.expires_at == NOW - HOUR
    assert (found.health, found.token_health) == ("unknown", None if by_tag else "unusable")


@pytest.mark.parametrize(
    ("age", "counts"), [(None, False), (HOUR, True), (47 * HOUR, True), (49 * HOUR, False)]
)
def test_token_that_only_a_tag_declares_counts_until_a_day_after_its_end(
    age: timedelta | None, *, counts: bool
) -> None:
    assert broken(age=age, needs_consent=True, entries=["t/*"]).counts == counts
    assert broken(age=age, needs_consent=False, entries=[]).counts


def test_valid_token_costs_no_second_read() -> None:
    store = Batches()
    store.add("c", CREDENTIALS)
    store.add("t", token_document("token", issued_at=NOW - HOUR))
    status_of(store)

    assert "read_previous" not in store.calls
