"""The one use case, over a store and an endpoint in memory."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import (
    ConfigError,
    CredentialsError,
    MintError,
    ProbeError,
    SecretNotFound,
    VersionConflict,
)
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.rotation.publish import CONSISTENCY_WAITS_S, MAX_ATTEMPTS, successor_id
from tests.support.clock import NOW
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.rotation_rig import CREDENTIALS, DAY, HOUR, TokenJob, stored

# Deciding


def test_fresh_token_costs_one_read_and_no_mint() -> None:
    job = TokenJob(stored(HOUR))
    result = job.run()
    assert (result.outcome, result.reason, result.version_id) == ("not_due", "fresh", "first")
    assert result.expires_at == NOW - HOUR + DAY
    assert job.store.calls == ["read"]
    assert job.endpoint.minted_for == []


def test_due_token_is_replaced_with_one_mint_and_one_write() -> None:
    job = TokenJob(stored(23 * HOUR))
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "cadence_reached")
    assert job.store.calls == ["read", "put"]
    assert [each.client_id for each in job.endpoint.minted_for] == ["my-client"]
    assert result.version_id == job.secret.current
    assert (result.issued_at, result.expires_at) == (NOW, NOW + DAY)
    assert result.next_rotation_at == NOW + 23 * HOUR
    written = AccessToken.from_fields(job.fields)
    assert written.access_token == Secret("canary-new-1")
    assert written.next_rotation_at == result.next_rotation_at


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "token_missing"),
        ({}, "token_missing"),
        ("", "token_malformed"),
        ({"schema": 1}, "token_missing"),
        ({"access_token": "canary"}, "token_malformed"),
        (stored(HOUR) | {"expires_at_epoch": 0}, "token_malformed"),
        (stored(HOUR) | {"access_token": "  "}, "token_malformed"),
        (stored(HOUR) | {"access_token": "can ary"}, "token_malformed"),
        (stored(HOUR) | {"token_type": "mac"}, "token_malformed"),
        (stored(HOUR, client_id="other"), "client_changed"),
        (stored(25 * HOUR), "expired"),
        (stored(-HOUR), "issued_in_future"),
    ],
)
def test_value_that_serves_nobody_is_replaced(value: object, reason: str) -> None:
    job = TokenJob(value)
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", reason)
    assert job.token == "canary-new-1"


def test_forced_run_replaces_a_fresh_token() -> None:
    job = TokenJob(stored(HOUR))
    result = job.run(force=True)
    assert (result.outcome, result.reason) == ("rotated", "forced")


@pytest.mark.parametrize("value", [None, {"schema": 1}, stored(24 * HOUR)])
def test_dry_run_decides_and_changes_nothing(value: object) -> None:
    job = TokenJob(value)
    assert job.run(dry_run=True).outcome == "would_rotate"
    assert job.store.writes == []
    assert job.endpoint.minted_for == []


def test_dry_run_of_a_fresh_token_says_not_due() -> None:
    job = TokenJob(stored(HOUR))
    assert job.run(dry_run=True).outcome == "not_due"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is not JSON"),
        ("canary", "is not JSON"),
        ('{"client_id": "canary", "client_id": "canary"}', "occurs twice"),
        ("[]", "is JSON, but not an object"),
        ({}, "client_id is missing"),
        (CREDENTIALS | {"client_secret": ""}, "client_secret must be"),
        (CREDENTIALS | {"token_uri": "canary"}, "did you mean token_url?"),
    ],
)
def test_unusable_credentials_are_named_and_nothing_is_minted(value: object, problem: str) -> None:
    job = TokenJob(None, value)
    text = job.refused(CredentialsError)
    assert text.startswith("credentials secret app/credentials: ")
    assert problem in text
    assert job.endpoint.minted_for == []


def test_endpoint_that_cannot_use_the_credentials_has_their_secret_named() -> None:
    class Endpoint(MemoryEndpoint):
        def expected_lifetime(self, _: ClientCredentials) -> timedelta | None:
            raise CredentialsError("token_url: must use https")

    named = "credentials secret app/credentials: "
    advice = (
        "; correct it with `rotator credentials set app/credentials`, which takes a JSON object on"
        " standard input (null removes a key)"
    )
    job = TokenJob(failure=CredentialsError("private_key: cannot sign"))
    assert job.refused(CredentialsError) == f"{named}private_key: cannot sign{advice}"
    told = job.refused(CredentialsError, endpoint=Endpoint())
    assert told == f"{named}token_url: must use https{advice}"


@pytest.mark.parametrize(
    "value",
    [
        {"client_id": "other", "client_secret": "canary"},
        {"client_id": "other", "private_key": "canary"},
        stored(HOUR) | {"client_secret": "canary"},
    ],
)
def test_credentials_of_others_are_never_overwritten_by_a_token(value: object) -> None:
    job = TokenJob(value)
    text = job.refused(ConfigError, force=True)
    assert text.startswith("token secret app/token: holds client credentials, which a token would")
    assert job.endpoint.minted_for == []


def test_credentials_secret_without_a_value_is_told_with_the_way_out() -> None:
    job = TokenJob(None, None)
    text = job.refused(SecretNotFound)
    assert text.startswith("credentials secret app/credentials: has no value yet; store the client")
    assert job.endpoint.minted_for == []


def test_cadence_that_cannot_work_is_refused_before_anything_is_minted() -> None:
    job = TokenJob(expected=DAY)
    job.refused(ConfigError, policy=RenewalPolicy(cadence=25 * HOUR))
    assert job.endpoint.minted_for == []


# Validating


def test_failed_mint_leaves_the_stored_token_as_it_was() -> None:
    failure = MintError("token endpoint: invalid_client", status=400)
    job = TokenJob(stored(24 * HOUR), failure=failure)
    assert job.refused(MintError) == str(failure)


def test_another_token_of_the_same_second_is_a_rotation() -> None:
    job = TokenJob(stored(timedelta(0)))
    assert job.run(force=True).outcome == "rotated"


def test_token_of_the_new_client_may_expire_before_that_of_the_old() -> None:
    job = TokenJob(stored(HOUR, client_id="other"), lifetime=HOUR)
    assert job.run().outcome == "rotated"


@pytest.mark.parametrize("force", [False, True])
def test_token_issued_in_the_future_is_replaced_by_one_that_expires_earlier(*, force: bool) -> None:
    job = TokenJob(stored(-1000 * HOUR))
    result = job.run(force=force)
    assert (result.outcome, result.reason) == ("rotated", "issued_in_future")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"access_token": Secret("canary\n")}, "access_token must be printable ASCII"),
        ({"scope": ""}, "scope must be a non-empty string"),
        ({"issued_at": NOW - 2 * HOUR, "expires_at": NOW}, "it has already expired"),
        ({"expires_at": NOW + HOUR, "issued_at": NOW + HOUR}, "expires_at is not later"),
    ],
)
def test_token_that_the_next_run_would_refuse_is_never_published(
    changes: dict[str, Any], problem: str
) -> None:
    text = TokenJob(changes=changes).refused(MintError)
    assert text.startswith(f"token endpoint: the new token cannot be published: {problem}")


def test_cadence_that_the_minted_token_does_not_fit_is_warned_of_and_not_refused() -> None:
    result = TokenJob(lifetime=HOUR).run(policy=RenewalPolicy(cadence=23 * HOUR))
    assert result.outcome == "rotated"
    [warning] = result.warnings
    assert warning.problem.startswith("cadence 23h: too long for tokens with a lifetime of 1h")
    assert result.next_rotation_at == NOW + timedelta(minutes=28)


def test_token_that_the_probe_refuses_is_not_published() -> None:
    seen: list[Secret] = []

    def probe(minted: AccessToken) -> None:
        seen.append(minted.access_token)
        raise ProbeError("probe: 403", status=403)

    job = TokenJob(stored(24 * HOUR))
    job.refused(ProbeError, probe=probe)
    assert seen == [Secret("canary-new-1")]


def test_token_that_the_probe_takes_is_published() -> None:
    seen: list[AccessToken] = []
    job = TokenJob(None)
    assert job.run(probe=seen.append).outcome == "rotated"
    assert [minted.access_token for minted in seen] == [Secret("canary-new-1")]


# Publishing


def test_loser_of_a_race_finishes_with_the_token_of_the_winner() -> None:
    job = TokenJob(stored(24 * HOUR))
    job.store.before_put.append(job.rival)
    result = job.run()
    assert result.outcome == "superseded"
    assert result.version_id == job.secret.current
    assert result.expires_at == NOW + DAY
    assert job.token == "canary-rival"
    assert job.versions == 2
    assert job.clock.slept_s == []


def test_loser_of_a_race_that_was_forced_keeps_the_token_of_the_winner() -> None:
    job = TokenJob(stored(HOUR))
    job.store.before_put.append(job.rival)
    assert job.run(force=True).outcome == "superseded"


@pytest.mark.parametrize("lag", range(1, 2 * len(CONSISTENCY_WAITS_S) + 2))
def test_reads_that_lag_behind_the_winner_are_repeated(lag: int) -> None:
    job = TokenJob(stored(24 * HOUR))

    def win() -> None:
        job.store.lag_behind(reads=lag)
        job.rival()

    job.store.before_put.append(win)
    result = job.run()
    assert result.outcome == "superseded"
    assert job.versions == 2
    assert job.clock.slept_s == list(CONSISTENCY_WAITS_S[: len(job.clock.slept_s)])


def test_first_value_of_a_secret_is_raced_for_as_well() -> None:
    job = TokenJob(None)
    job.store.before_put.append(job.rival)
    assert job.run().outcome == "superseded"
    assert job.versions == 1


@pytest.mark.parametrize("moved", [1, 3, 20])
def test_labels_moved_by_hand_lead_to_the_next_free_id_with_one_wait(moved: int) -> None:
    job = TokenJob(stored(24 * HOUR))
    secret = job.secret
    for ordinal in range(moved):
        taken = successor_id(
            StoredSecret(secret_id="s", arn="arn:app/token", version_id="first"), ordinal
        )
        secret.versions[taken] = "an aborted version"
    result = job.run()
    assert result.outcome == "rotated"
    assert result.version_id == secret.current
    assert len(secret.versions) == moved + 2
    assert job.clock.slept_s == list(CONSISTENCY_WAITS_S)


def test_rival_that_took_the_next_id_meanwhile_is_not_passed_over() -> None:
    """Its write may not have reached each replica: its own version tells sooner."""
    job = TokenJob(stored(24 * HOUR))
    secret = job.secret
    seen = StoredSecret(secret_id="s", arn="arn:app/token", version_id="first")
    secret.versions[successor_id(seen)] = "an aborted version"

    def publish_at_the_last_moment(seconds: float) -> None:
        job.clock.advance(seconds)
        if seconds == CONSISTENCY_WAITS_S[-1]:
            job.store.lag_behind(reads=2)
            secret.publish(json.dumps(stored(0 * HOUR)), successor_id(seen, 1))

    job.clock.sleep = publish_at_the_last_moment  # type: ignore[method-assign]

    assert job.run().outcome == "superseded"
    assert len(secret.versions) == 3


def test_winner_with_a_useless_token_is_replaced() -> None:
    job = TokenJob(stored(24 * HOUR))
    job.store.before_put.append(lambda: job.rival("by hand"))
    result = job.run()
    assert result.outcome == "rotated"
    assert result.version_id == job.secret.current
    assert job.token == "canary-new-1"


def test_secret_that_keeps_changing_ends_the_run() -> None:
    job = TokenJob(stored(24 * HOUR))
    job.store.before_put.extend([lambda: job.rival("by hand")] * MAX_ATTEMPTS)
    with pytest.raises(VersionConflict, match="keep changing during this run") as caught:
        job.run()
    assert caught.value.retryable
    assert caught.value.__context__ is None


def test_successor_is_the_same_for_all_that_saw_the_same_version() -> None:
    seen = StoredSecret(secret_id="app/token", arn="arn:t", version_id="v1", text=Secret("a"))
    same = StoredSecret(secret_id="arn:t", arn="arn:t", version_id="v1", text=Secret("a"))
    others = [
        StoredSecret(secret_id="app/token", arn="arn:t", version_id="v2"),
        StoredSecret(secret_id="app/token", arn="arn:other", version_id="v1"),
        StoredSecret(secret_id="app/token", arn="arn:t"),
    ]
    ids = [successor_id(seen), successor_id(seen, 1), *map(successor_id, others)]
    assert successor_id(same) == successor_id(seen)
    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(one)) == one and len(one) == 36 for one in ids)
    # Every release must derive the same, or two of them would not see each other.
    assert successor_id(seen) == "f9aac85b-4c7d-53e8-8c24-be91006d2107"
