"""Credentials that change while a run is at work, and reads of them that lag behind."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rotator.errors import StoreError
from rotator.model.access_token import Minted
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import StoredSecret
from rotator.rotation.publish import CONSISTENCY_WAITS_S
from tests.support.clock import NOW
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.rotation_rig import BINDING, CREDENTIALS, HOUR, SHARED, TokenJob, stored

SCOPE = {"scope": "new"}
CLIENT = {"client_id": "new-client", "client_secret": "canary-other"}
HANDED_OVER = "rotator.token_secret_handed_over"
CHANGES = pytest.mark.parametrize("change", [SCOPE, CLIENT], ids=["scope", "client"])


class ProviderOfClients(MemoryEndpoint):
    """Its tokens are of the client that asks."""

    def mint(self, credentials: ClientCredentials) -> Minted:
        granted = super().mint(credentials)
        return granted._replace(token=replace(granted.token, client_id=credentials.client_id))


class ChangingJob(TokenJob):
    """One binding whose token is due, and whose credentials are changed by hand."""

    def __init__(self, *, binding: Binding = BINDING, **credentials: Any) -> None:
        super().__init__(None, CREDENTIALS | credentials, binding=binding)
        self.endpoint = ProviderOfClients(self.clock)
        self.run()
        self.clock.advance_to(NOW + 23 * HOUR)
        self.store.calls.clear()

    def outcome(self, **options: Any) -> str:
        """The outcome and the reason of one run."""
        result = self.run(**options)
        return f"{result.outcome} {result.reason}"

    def during_mint(self, *steps: Callable[[], object]) -> None:
        """Do this while the next run waits for the provider."""
        self.endpoint.before_mint.append(lambda: [step() for step in steps])

    def change(self, change: dict[str, Any]) -> None:
        """As `rotator credentials set` does."""
        name = self.binding.credentials_secret
        secret = self.store.secrets[name]
        secret.publish(json.dumps(self.store.fields(name) | change), f"edit {len(secret.versions)}")

    def rival_with(self, minted_with: str, credentials: dict[str, Any] | None = None) -> None:
        """Publish a fresh token as a run would that has read these credentials."""
        theirs = ClientCredentials.from_fields(CREDENTIALS | (credentials or {"scope": "theirs"}))
        token = stored(
            NOW - self.clock.now(),
            client_id=theirs.client_id,
            credentials_fingerprint=theirs.fingerprint,
            credentials_version_id=minted_with,
        )
        self.rival(json.dumps(token))


@pytest.mark.parametrize("force", [False, True])
@CHANGES
def test_run_that_minted_with_former_credentials_gives_way_to_newer_ones(
    change: dict[str, Any], *, force: bool
) -> None:
    job = ChangingJob()
    job.during_mint(lambda: job.change(change), job.outcome)
    assert job.outcome(force=force).startswith("superseded")
    assert job.endpoint.minted_for[-1].client_id == (change.get("client_id") or "my-client")
    assert job.versions == 2
    assert job.outcome() == "not_due fresh"


def test_run_on_one_secret_for_both_gives_way_to_newer_credentials() -> None:
    job = ChangingJob(binding=SHARED)
    job.during_mint(lambda: job.change(SCOPE), job.outcome)
    assert job.outcome() == "superseded cadence_reached"
    assert job.outcome() == "not_due fresh"


def test_run_on_one_secret_for_both_gives_way_to_a_rival_with_the_same_former_credentials() -> None:
    job = ChangingJob(binding=SHARED)
    job.during_mint(job.outcome, lambda: job.change(SCOPE))
    assert job.outcome() == "superseded cadence_reached"
    assert job.outcome() == "rotated credentials_changed"


def test_rival_that_had_the_former_credentials_is_replaced_without_waiting() -> None:
    job = ChangingJob()
    job.change(SCOPE)
    job.during_mint(lambda: job.rival_with("first"))
    assert job.outcome().startswith("rotated")
    assert job.clock.slept_s == []


@pytest.mark.parametrize("lag", range(1, 2 * len(CONSISTENCY_WAITS_S) + 2))
def test_reads_that_lag_behind_the_newer_credentials_are_repeated(lag: int) -> None:
    job = ChangingJob()
    job.during_mint(
        lambda: job.store.lag_behind("app/credentials", reads=lag),
        lambda: job.change(SCOPE),
        lambda: job.rival_with("edit 1"),
    )
    assert job.outcome() == "superseded cadence_reached"
    assert job.clock.slept_s == list(CONSISTENCY_WAITS_S[: len(job.clock.slept_s)])


def test_loser_of_a_race_mints_last_with_the_newer_credentials_where_one_token_is_active() -> None:
    job = ChangingJob(single_active=True)
    job.during_mint(lambda: job.change(SCOPE), job.outcome)
    assert job.outcome().startswith("rotated")
    assert [each.scope for each in job.endpoint.minted_for] == [None, None, "new", "new"]
    assert job.outcome() == "not_due fresh"


# A read of the credentials that lags behind


@CHANGES
def test_fresh_token_is_not_replaced_because_a_read_of_the_credentials_lags(
    change: dict[str, Any],
) -> None:
    job = ChangingJob()
    job.store.lag_behind("app/credentials", reads=3)
    job.change(change)
    job.rival_with("edit 1", change)
    assert job.outcome() == "not_due fresh"
    assert job.endpoint.mints == 1


def test_changed_credentials_cost_two_reads_more_and_no_waiting() -> None:
    job = ChangingJob()
    job.rival_with("first")
    job.change(SCOPE)
    assert job.outcome() == "rotated credentials_changed"
    assert job.store.calls == ["read", "describe", "read", "read_version", "put"]
    assert job.clock.slept_s == []


def test_token_of_credentials_that_are_gone_is_replaced_after_a_while() -> None:
    job = ChangingJob()
    job.rival_with("of another credentials secret")
    assert job.outcome() == "rotated credentials_changed"
    assert job.clock.slept_s == list(CONSISTENCY_WAITS_S)


def test_role_that_may_read_no_former_version_rotates_for_changed_credentials() -> None:
    job = ChangingJob()
    job.rival_with("first")
    job.change(SCOPE)

    def denied(*_: str) -> StoredSecret | None:
        raise StoreError("denied", operation="GetSecretValue", secret_id="c")

    job.store.read_version = denied  # type: ignore[assignment,method-assign]
    assert job.outcome() == "rotated credentials_changed"


def test_token_secret_that_other_credentials_take_over_is_warned_of() -> None:
    job = ChangingJob()
    job.clock.advance_to(NOW + HOUR)
    job.rival_with("version of theirs", {"client_id": "their-client"})

    result = job.run()

    [warning] = [each for each in result.warnings if each.event == HANDED_OVER]
    assert (result.outcome, result.reason) == ("rotated", "client_changed")
    assert "token secret app/token: was kept fresh by another credentials secret" in warning.problem
    assert "with the client their-client" in warning.problem
    assert "valid until 2026-02-01T" in warning.problem
    assert "rotator:credentials-secret" in warning.problem


@CHANGES
def test_client_that_is_changed_in_its_own_secret_is_no_takeover(change: dict[str, Any]) -> None:
    job = ChangingJob()
    job.clock.advance_to(NOW + HOUR)
    job.change(change)

    result = job.run()

    assert result.outcome == "rotated"
    assert HANDED_OVER not in {each.event for each in result.warnings}


def test_token_that_has_ended_is_taken_over_without_a_warning() -> None:
    job = ChangingJob()
    job.rival_with("version of theirs", {"client_id": "their-client"})
    job.clock.advance_to(NOW + 49 * HOUR)

    assert HANDED_OVER not in {each.event for each in job.run().warnings}
