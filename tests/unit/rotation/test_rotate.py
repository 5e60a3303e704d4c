"""The one use case, over a store and an endpoint in memory."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from rotator.errors import (
    ConfigError,
    CredentialsError,
    MintError,
    ProbeError,
    RotatorError,
    SecretNotFound,
    VersionConflict,
)
from rotator.model.access_token import AccessToken, Minted
from rotator.model.binding import Binding
from rotator.model.instants import format_instant
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, SecretInfo, StoredSecret
from rotator.rotation.publish import CONSISTENCY_WAITS_S, MAX_ORDINALS, successor_id
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.support.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.client_credentials import ClientCredentials

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(seconds=86_399)
BINDING = Binding(credentials_secret="app/credentials", token_secret="app/token")
SHARED = Binding(credentials_secret="app/both", token_secret="app/both")
CREDENTIALS = {"client_id": "my-client", "client_secret": "canary-secret"}


@dataclass
class MemorySecret:
    """Versions as texts by their ids, in order, and the id that AWSCURRENT is on."""

    versions: dict[str, str] = field(default_factory=dict)
    current: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def publish(self, text: str, version_id: str) -> None:
        self.versions[version_id] = text
        self.current = version_id


class MemoryStore:
    """Secrets Manager's documented rules; `lag` makes that many answers come from the past."""

    def __init__(self, **secrets: Any) -> None:
        self.secrets: dict[str, MemorySecret] = {}
        for name, value in secrets.items():
            secret = self.secrets["app/" + name] = MemorySecret()
            if value is not None:
                secret.publish(value if isinstance(value, str) else json.dumps(value), "first")
        self.calls: list[str] = []
        self.before_put: list[Callable[[], None]] = []
        self.lag = 0
        self._past: dict[str, MemorySecret] = {}

    def fields(self, name: str = "app/token") -> dict[str, Any]:
        secret = self.secrets[name]
        assert secret.current is not None
        found: dict[str, Any] = json.loads(secret.versions[secret.current])
        return found

    def remember(self, name: str = "app/token", *, lag: int) -> None:
        """Answer the next `lag` reads of a secret with what it is now."""
        secret = self.secrets[name]
        self._past[name] = MemorySecret(dict(secret.versions), secret.current)
        self.lag = lag

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        self.calls.append("read")
        return [self._version(name, None) or self._stored(name) for name in secret_ids]

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        self.calls.append("read_version")
        return self._version(secret_id, version_id)

    def describe(self, secret_id: str) -> SecretInfo:
        self.calls.append("describe")
        secret = self.secrets[secret_id]
        return SecretInfo(f"arn:{secret_id}", secret.tags, secret.current is not None)

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        self.calls.append("put")
        if self.before_put:
            self.before_put.pop(0)()
        target = self.secrets[secret.secret_id]
        taken = target.versions.get(version_id)
        if taken is None:
            target.publish(text.reveal(), version_id)
        elif taken != text.reveal():
            raise VersionConflict("taken", operation="PutSecretValue", secret_id="s")

    def _version(self, name: str, version_id: str | None) -> StoredSecret | None:
        secret = self.secrets[name]
        if self.lag and name in self._past:
            self.lag -= 1
            secret = self._past[name]
        version_id = version_id or secret.current
        if version_id not in secret.versions:
            return None
        return self._stored(
            name,
            version_id=version_id,
            text=Secret(secret.versions[version_id]),
            stages=("AWSCURRENT",) if version_id == secret.current else (),
        )

    @staticmethod
    def _stored(name: str, **fields: Any) -> StoredSecret:
        return StoredSecret(secret_id=name, arn=f"arn:{name}", **fields)


@dataclass
class MemoryEndpoint:
    """Mints numbered tokens, or raises `failure`."""

    lifetime: timedelta = DAY
    expected: timedelta | None = None
    failure: RotatorError | None = None
    minted: list[str] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def expected_lifetime(self, _: ClientCredentials) -> timedelta | None:
        return self.expected

    def mint(self, credentials: ClientCredentials) -> Minted:
        self.minted.append(credentials.client_id)
        if self.failure is not None:
            raise self.failure
        minted = token(NOW, lifetime=self.lifetime, text=f"new-{len(self.minted)}")
        return Minted(replace(minted, **self.changes), self.warnings)


def token(
    issued_at: datetime, *, lifetime: timedelta = DAY, text: str = "old", **changes: Any
) -> AccessToken:
    fields: dict[str, Any] = {
        "access_token": Secret(f"canary-{text}"),
        "token_type": "bearer",
        "issued_at": issued_at,
        "expires_at": issued_at + lifetime,
        "client_id": "my-client",
        "token_url": "https://ims.example/token",
        "scope": "granted",
    }
    return AccessToken(**(fields | changes))


def stored(age: timedelta, **changes: Any) -> dict[str, object]:
    return token(NOW - age, **changes).to_fields()


def run(
    store: MemoryStore,
    endpoint: MemoryEndpoint | None = None,
    *,
    binding: Binding = BINDING,
    policy: RenewalPolicy | None = None,
    clock: ManualClock | None = None,
    **options: Any,
) -> RotationResult:
    return rotate_token(
        binding,
        store=store,
        endpoint=endpoint or MemoryEndpoint(),
        policy=policy or RenewalPolicy(),
        clock=clock or ManualClock(NOW),
        **options,
    )


def refused(
    error: type[RotatorError], store: MemoryStore, endpoint: MemoryEndpoint, **options: Any
) -> str:
    """The text of the error of a run that must leave the store as it was."""
    before = {name: dict(secret.versions) for name, secret in store.secrets.items()}
    with pytest.raises(error) as caught:
        run(store, endpoint, **options)
    assert {name: secret.versions for name, secret in store.secrets.items()} == before
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    return str(caught.value)


# Deciding


def test_fresh_token_costs_one_read_and_no_mint() -> None:
    store, endpoint = MemoryStore(credentials=CREDENTIALS, token=stored(HOUR)), MemoryEndpoint()
    result = run(store, endpoint)
    assert (result.outcome, result.reason, result.version_id) == ("not_due", "fresh", "first")
    assert result.expires_at == NOW - HOUR + DAY
    assert store.calls == ["read"]
    assert endpoint.minted == []


def test_due_token_is_replaced_with_one_mint_and_one_write() -> None:
    store, endpoint = (
        MemoryStore(credentials=CREDENTIALS, token=stored(23 * HOUR)),
        MemoryEndpoint(),
    )
    result = run(store, endpoint)
    assert (result.outcome, result.reason) == ("rotated", "cadence_reached")
    assert store.calls == ["read", "put"]
    assert endpoint.minted == ["my-client"]
    assert result.version_id == store.secrets["app/token"].current
    assert (result.issued_at, result.expires_at) == (NOW, NOW + DAY)
    assert result.next_rotation_at == NOW + 23 * HOUR
    written = AccessToken.from_fields(store.fields())
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
        (stored(HOUR, client_id="other"), "client_changed"),
        (stored(25 * HOUR), "expired"),
        (stored(-HOUR), "issued_in_future"),
    ],
)
def test_value_that_serves_nobody_is_replaced(value: object, reason: str) -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=value)
    result = run(store)
    assert (result.outcome, result.reason) == ("rotated", reason)
    assert store.fields()["access_token"] == "canary-new-1"


def test_forced_run_replaces_a_fresh_token() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(HOUR))
    result = run(store, force=True)
    assert (result.outcome, result.reason) == ("rotated", "forced")


@pytest.mark.parametrize("value", [None, {"schema": 1}, stored(24 * HOUR)])
def test_dry_run_decides_and_changes_nothing(value: object) -> None:
    store, endpoint = MemoryStore(credentials=CREDENTIALS, token=value), MemoryEndpoint()
    assert run(store, endpoint, dry_run=True).outcome == "would_rotate"
    assert store.calls == ["read"]
    assert endpoint.minted == []


def test_dry_run_of_a_fresh_token_says_not_due() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(HOUR))
    assert run(store, dry_run=True).outcome == "not_due"


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
    store, endpoint = MemoryStore(credentials=value, token=None), MemoryEndpoint()
    text = refused(CredentialsError, store, endpoint)
    assert text.startswith("credentials secret app/credentials: ")
    assert problem in text
    assert endpoint.minted == []


def test_endpoint_that_cannot_use_the_credentials_has_their_secret_named() -> None:
    class Endpoint(MemoryEndpoint):
        def expected_lifetime(self, _: ClientCredentials) -> timedelta | None:
            raise CredentialsError("token_url: must use https")

    store = MemoryStore(credentials=CREDENTIALS, token=None)
    named = "credentials secret app/credentials: "
    assert refused(CredentialsError, store, Endpoint()) == (
        f"{named}token_url: must use https; correct it with `rotator credentials set`"
    )
    failing = MemoryEndpoint(failure=CredentialsError("private_key: cannot sign"))
    assert refused(CredentialsError, store, failing) == (
        f"{named}private_key: cannot sign; correct it with `rotator credentials set`"
    )


@pytest.mark.parametrize(
    "value",
    [
        {"client_id": "other", "client_secret": "canary"},
        {"client_id": "other", "private_key": "canary"},
        stored(HOUR) | {"client_secret": "canary"},
    ],
)
def test_credentials_of_others_are_never_overwritten_by_a_token(value: object) -> None:
    store, endpoint = MemoryStore(credentials=CREDENTIALS, token=value), MemoryEndpoint()
    text = refused(ConfigError, store, endpoint, force=True)
    assert text.startswith("token secret app/token: holds client credentials, which a token would")
    assert endpoint.minted == []


def test_credentials_secret_without_a_value_is_told_with_the_way_out() -> None:
    store, endpoint = MemoryStore(credentials=None, token=None), MemoryEndpoint()
    text = refused(SecretNotFound, store, endpoint)
    assert text.startswith("credentials secret app/credentials: has no value yet; store the client")
    assert endpoint.minted == []


def test_cadence_that_cannot_work_is_refused_before_anything_is_minted() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    endpoint = MemoryEndpoint(expected=DAY)
    refused(ConfigError, store, endpoint, policy=RenewalPolicy(cadence=25 * HOUR))
    assert endpoint.minted == []


# Validating


def test_failed_mint_leaves_the_stored_token_as_it_was() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    failure = MintError("token endpoint: invalid_client", status=400)
    assert refused(MintError, store, MemoryEndpoint(failure=failure)) == str(failure)


def test_another_token_of_the_same_second_is_a_rotation() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(timedelta(0)))
    assert run(store, force=True).outcome == "rotated"


def test_token_of_the_new_client_may_expire_before_that_of_the_old() -> None:
    value = stored(HOUR, client_id="other")
    store = MemoryStore(credentials=CREDENTIALS, token=value)
    assert run(store, MemoryEndpoint(lifetime=HOUR)).outcome == "rotated"


@pytest.mark.parametrize("force", [False, True])
def test_token_issued_in_the_future_is_replaced_by_one_that_expires_earlier(*, force: bool) -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(-1000 * HOUR))
    result = run(store, force=force)
    assert (result.outcome, result.reason) == ("rotated", "issued_in_future")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"access_token": Secret("canary\n")}, "access_token must be printable ASCII"),
        ({"scope": ""}, "scope must be a non-empty string"),
        ({"issued_at": NOW - 2 * HOUR, "expires_at": NOW}, "it has expired already"),
        ({"expires_at": NOW + HOUR, "issued_at": NOW + HOUR}, "expires_at is not later"),
    ],
)
def test_token_that_the_next_run_would_refuse_is_never_published(
    changes: dict[str, Any], problem: str
) -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    text = refused(MintError, store, MemoryEndpoint(changes=changes))
    assert text.startswith(f"token endpoint: the new token cannot be published: {problem}")


def test_cadence_is_judged_by_the_minted_token_before_it_is_published() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    policy = RenewalPolicy(cadence=23 * HOUR)
    refused(ConfigError, store, MemoryEndpoint(lifetime=HOUR), policy=policy)


def test_token_that_the_probe_refuses_is_not_published() -> None:
    seen: list[Secret] = []

    def probe(minted: AccessToken) -> None:
        seen.append(minted.access_token)
        raise ProbeError("probe: 403", status=403)

    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    refused(ProbeError, store, MemoryEndpoint(), probe=probe)
    assert seen == [Secret("canary-new-1")]


def test_token_that_the_probe_takes_is_published() -> None:
    seen: list[AccessToken] = []
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    assert run(store, probe=seen.append).outcome == "rotated"
    assert [minted.access_token for minted in seen] == [Secret("canary-new-1")]


# Publishing


def rival(store: MemoryStore, text: str | None = None, *, name: str = "app/token") -> str:
    """Publish as another rotator would that saw the same version; returns its version id."""
    secret = store.secrets[name]
    version_id = successor_id(
        StoredSecret(secret_id=name, arn=f"arn:{name}", version_id=secret.current)
    )
    value = text if text is not None else json.dumps(stored(timedelta(0), text="rival"))
    secret.publish(value, version_id)
    return version_id


def test_loser_of_a_race_finishes_with_the_token_of_the_winner() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    store.before_put.append(lambda: void(rival(store)))
    clock = ManualClock(NOW)
    result = run(store, clock=clock)
    assert result.outcome == "superseded"
    assert result.version_id == store.secrets["app/token"].current
    assert result.expires_at == NOW + DAY
    assert store.fields()["access_token"] == "canary-rival"
    assert len(store.secrets["app/token"].versions) == 2
    assert clock.slept_s == []


def void(_: object) -> None:
    """A lambda has to return something."""


def test_loser_of_a_race_that_was_forced_keeps_the_token_of_the_winner() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(HOUR))
    store.before_put.append(lambda: void(rival(store)))
    assert run(store, force=True).outcome == "superseded"


@pytest.mark.parametrize("lag", range(1, 2 * len(CONSISTENCY_WAITS_S) + 2))
def test_reads_that_lag_behind_the_winner_are_repeated(lag: int) -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))

    def win() -> None:
        store.remember(lag=lag)
        rival(store)

    store.before_put.append(win)
    clock = ManualClock(NOW)
    result = run(store, clock=clock)
    assert result.outcome == "superseded"
    assert len(store.secrets["app/token"].versions) == 2
    assert clock.slept_s == list(CONSISTENCY_WAITS_S[: len(clock.slept_s)])


def test_first_value_of_a_secret_is_raced_for_as_well() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    store.before_put.append(lambda: void(rival(store)))
    assert run(store).outcome == "superseded"
    assert len(store.secrets["app/token"].versions) == 1


def test_labels_moved_by_hand_lead_to_the_next_ordinal() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    secret = store.secrets["app/token"]
    for ordinal in range(3):
        taken = successor_id(
            StoredSecret(secret_id="s", arn="arn:app/token", version_id="first"), ordinal
        )
        secret.versions[taken] = "an aborted version"
    clock = ManualClock(NOW)
    result = run(store, clock=clock)
    assert result.outcome == "rotated"
    assert result.version_id == secret.current
    assert len(secret.versions) == 5
    assert clock.slept_s == 3 * list(CONSISTENCY_WAITS_S)


def test_winner_with_a_useless_token_is_replaced() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    store.before_put.append(lambda: void(rival(store, "by hand")))
    result = run(store)
    assert result.outcome == "rotated"
    assert result.version_id == store.secrets["app/token"].current
    assert store.fields()["access_token"] == "canary-new-1"


def test_secret_that_keeps_changing_ends_the_run() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    store.before_put.extend([lambda: void(rival(store, "by hand"))] * MAX_ORDINALS)
    with pytest.raises(VersionConflict, match="keep changing under this run") as caught:
        run(store)
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


# One secret that holds both


def test_shared_secret_keeps_the_keys_of_the_team() -> None:
    before = CREDENTIALS | {"owner": "team", "scope": "asked for", "notes": [1, None]}
    store = MemoryStore(both=before)
    assert run(store, binding=SHARED).outcome == "rotated"
    after = store.fields("app/both")
    assert {name: after[name] for name in before} == before
    assert after["access_token"] == "canary-new-1"
    assert store.calls == ["read", "read", "put"]


def test_shared_secret_is_not_due_after_its_rotation_and_keeps_its_provider() -> None:
    store = MemoryStore(both=CREDENTIALS)
    run(store, binding=SHARED)
    # A token_url beside the credentials would mean another provider from then on, and a scope
    # would be asked for.
    assert store.fields("app/both").keys() & {"token_url", "scope", "provider"} == set()
    assert run(store, binding=SHARED).outcome == "not_due"


def test_two_runs_at_once_on_a_shared_secret_publish_once() -> None:
    store = MemoryStore(both=CREDENTIALS)

    def another_run(_: AccessToken) -> None:
        run(store, MemoryEndpoint(changes={"access_token": Secret("other")}), binding=SHARED)

    result = run(store, binding=SHARED, probe=another_run)
    assert result.outcome == "superseded"
    assert store.fields("app/both")["access_token"] == "other"


def test_edit_of_a_shared_secret_during_the_run_is_kept() -> None:
    store = MemoryStore(both=CREDENTIALS)
    endpoint = MemoryEndpoint()

    def edit(_: AccessToken) -> None:
        store.secrets["app/both"].publish(json.dumps(CREDENTIALS | {"note": "late"}), "edited")

    assert run(store, endpoint, binding=SHARED, probe=edit).outcome == "rotated"
    assert store.fields("app/both")["note"] == "late"


@pytest.mark.parametrize(
    ("edited", "problem"),
    [
        (json.dumps(CREDENTIALS | {"client_id": "other"}), "got another client_id"),
        ("canary", "is not JSON"),
    ],
)
def test_token_of_a_client_that_left_the_shared_secret_is_not_published(
    edited: str, problem: str
) -> None:
    store = MemoryStore(both=CREDENTIALS)

    def edit(_: AccessToken) -> None:
        store.secrets["app/both"].publish(edited, "edited")

    with pytest.raises(CredentialsError, match=problem) as caught:
        run(store, binding=SHARED, probe=edit)
    assert caught.value.__context__ is None
    assert store.secrets["app/both"].current == "edited"


# Telling


@pytest.mark.parametrize(
    ("age", "options", "event"),
    [
        (HOUR, {}, "rotator.rotation_skipped"),
        (24 * HOUR, {"dry_run": True}, "rotator.rotation_skipped"),
        (24 * HOUR, {}, "rotator.token_rotated"),
    ],
)
def test_each_outcome_is_one_event_without_a_secret(
    age: timedelta, options: dict[str, Any], event: str
) -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(age))
    with capture_logs() as events:
        result = run(store, **options)
    [entry] = events
    assert result.expires_at is not None
    assert entry == {
        "event": event,
        "log_level": "info",
        "binding": "app/token",
        "outcome": result.outcome,
        "reason": result.reason,
        "version_id": result.version_id,
        "expires_at": format_instant(result.expires_at),
        "duration_s": 0.0,
    }
    assert "canary" not in f"{events}{result}"


def test_superseded_run_is_one_event() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    store.before_put.append(lambda: void(rival(store)))
    with capture_logs() as events:
        run(store)
    assert [entry["event"] for entry in events] == ["rotator.rotation_superseded"]


def test_failure_is_left_to_the_caller_to_log() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    with capture_logs() as events, pytest.raises(MintError):
        run(store, MemoryEndpoint(failure=MintError("token endpoint: 500")))
    assert events == []


def test_failure_carries_what_is_known_of_the_token_that_stays() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(24 * HOUR))
    failure = MintError("token endpoint: 500")
    refused(MintError, store, MemoryEndpoint(failure=failure))
    assert failure.details == {
        "reason": "expired",
        "version_id": "first",
        "expires_at": "2026-01-31T08:59:59Z",
        "duration_s": 0.0,
    }


@pytest.mark.parametrize("credentials", [{}, {"client_id": "my-client"}])
def test_failure_over_the_credentials_tells_of_the_stored_token_too(
    credentials: dict[str, str],
) -> None:
    store = MemoryStore(credentials=credentials, token=stored(HOUR))
    with pytest.raises(CredentialsError) as caught:
        run(store)
    assert caught.value.details["version_id"] == store.secrets["app/token"].current
    assert caught.value.details["expires_at"] == format_instant(NOW - HOUR + DAY)


def test_token_that_does_not_outlive_a_tick_is_published_with_a_warning() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    with capture_logs() as events:
        run(store, MemoryEndpoint(lifetime=timedelta(minutes=5)))
    assert [entry["event"] for entry in events] == [
        "rotator.margin_short",
        "rotator.token_rotated",
    ]
    assert "interval 15m: too long for tokens that live 5m" in events[0]["problem"]


def test_warnings_are_data_of_the_result_and_each_is_logged_once() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=None)
    endpoint = MemoryEndpoint(warnings=("scope is narrower",))
    with capture_logs() as events:
        result = run(store, endpoint, probe=lambda _: "API")
    expected = [
        ("rotator.mint_questioned", "scope is narrower"),
        (
            "rotator.token_unproved",
            "API; the new token is published without verification",
        ),
    ]
    assert [tuple(warning) for warning in result.warnings] == expected
    warned = [event for event in events if event["log_level"] == "warning"]
    assert [(event["event"], event["problem"]) for event in warned] == expected


def test_warning_before_a_failure_is_logged_too() -> None:
    store = MemoryStore(credentials=CREDENTIALS, token=stored(23 * HOUR))
    endpoint = MemoryEndpoint(warnings=("scope is narrower",))
    with capture_logs() as events:
        refused(ProbeError, store, endpoint, probe=_refuse)
    assert [event["event"] for event in events] == ["rotator.mint_questioned"]


def _refuse(_: AccessToken) -> str | None:
    raise ProbeError("API: does not take the new token", status=401)
