"""What all steps of rotating a client secret share: parameters, reads and writes."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError, VersionConflict
from rotator.model.client_admin import parse_admin_settings
from rotator.model.client_credentials import ROTATION_FIELD
from rotator.model.commands import set_command
from rotator.model.instants import format_duration, format_instant
from rotator.model.secret import Secret
from rotator.model.secret_rotation import DEFAULT_OVERLAP, SecretRotation, digest_of
from rotator.model.stored import parse_credentials, parse_fields, unusable_credentials
from rotator.rotation.credentials import credentials_text, replace_client_secrets
from rotator.rotation.publish import CONSISTENCY_WAITS_S, compare_and_set
from rotator.rotation.secret_edits import find_lost_edit, restore_edit, restore_replaced_edit
from rotator.rotation.secret_result import SecretRotationResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.clock import Clock
    from rotator.model.client_admin import AdminSettings
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import StoredSecret
    from rotator.model.secret_rotation import ProviderSecret
    from rotator.rotation.ports import ClientAdmin, Endpoint, HistoryStore
    from rotator.rotation.secret_gate import Condition
    from rotator.rotation.secret_result import SecretOutcome

__all__ = [
    "LISTING_LAG",
    "SETTLING",
    "STORE_PATIENCE_S",
    "SecretRun",
    "Situation",
    "add_new",
    "drop_replaced",
    "explain_age",
    "find_edit",
    "is_old_enough",
    "publish",
    "read_situation",
    "refuse_if_edited",
    "refuse_if_overtaken",
    "settle_lost_edit",
]

STORE_PATIENCE_S = 60.0
"""How long storing the only copy of a new value is retried while Secrets Manager fails."""

LISTING_LAG = timedelta(minutes=10)
"""How long a provider may take to list a client secret that it has added."""

SETTLING = timedelta(hours=1)
"""How long it counts as temporary that a new client secret is refused, or that one added by an
interrupted run is not listed."""

EXPIRY_LEAD = timedelta(days=14)
"""How long before its expiry a client secret is replaced, in addition to the overlap."""

LAST_INSTANT = datetime.max.replace(tzinfo=UTC)

EDITED = "somebody has stored other client secrets meanwhile"


@dataclass(frozen=True, slots=True)
class SecretRun:
    """One run on the client secret of one credentials secret.

    `open_admin` returns the provider's interface for the credentials that were read. `max_age` is
    the age at which a client secret is replaced, None for any age. `token_secrets` are those that
    the credentials do not name. `remaining_s` returns how many seconds the run may wait.
    `clock_ahead` is by how much this host's clock is ahead of the provider's.
    """

    credentials_secret: str
    store: HistoryStore
    endpoint: Endpoint
    open_admin: Callable[[Situation], ClientAdmin]
    clock: Clock = SYSTEM_CLOCK
    overlap: timedelta = DEFAULT_OVERLAP
    max_age: timedelta | None = None
    token_secrets: tuple[str, ...] = ()
    dry_run: bool = False
    remaining_s: Callable[[], float] | None = None
    clock_ahead: timedelta = timedelta(0)
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    new_value: Callable[[], Secret] = field(default=lambda: Secret(secrets.token_urlsafe(48)))

    def conclude(
        self,
        outcome: SecretOutcome,
        summary: str,
        *,
        rotation: SecretRotation | None = None,
        gate: tuple[Condition, ...] = (),
    ) -> SecretRotationResult:
        """The result of this run."""
        return SecretRotationResult(self.credentials_secret, outcome, summary, rotation, gate)

    def now(self) -> datetime:
        """The wall clock, or the provider's if that is behind; in whole seconds, as stored."""
        return (self.clock.now() - self.clock_ahead).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Situation:
    """The credentials secret as it was read, and the state of its rotation."""

    version: StoredSecret
    credentials: ClientCredentials
    settings: AdminSettings
    rotation: SecretRotation | None

    @property
    def new_value(self) -> Secret | None:
        """The stored value that the rotation has added, None if somebody has removed it."""
        digest = self.rotation.new_digest if self.rotation else None
        values = self.credentials.client_secrets
        return next((value for value in values if digest_of(value) == digest), None)

    @property
    def is_shared(self) -> bool:
        """Whether the token is stored in the same secret."""
        return "access_token" in parse_fields(self.version)


def read_situation(run: SecretRun) -> Situation:
    """Read the credentials secret; raises ConfigError, CredentialsError, SecretNotFound."""
    [version] = run.store.read(run.credentials_secret)
    return _parse_situation(version)


def _parse_situation(version: StoredSecret) -> Situation:
    subject = f"credentials secret {version.secret_id}"
    credentials = parse_credentials(version)
    problem: object
    try:
        fields = parse_fields(version)
        settings, rotation = parse_admin_settings(fields), SecretRotation.from_fields(fields)
    except ValueError as error:
        problem = error
    else:
        if settings is None:
            raise ConfigError(
                f"{subject}: says nothing of where its client secret can be rotated; store the"
                f" field client_admin in it with {set_command(version.secret_id)}"
                " (docs/client-secrets.md)"
            )
        if not credentials.client_secrets:
            raise ConfigError(f"{subject}: has no client secret; a private key is not rotated")
        return Situation(version, credentials, settings, rotation)
    raise unusable_credentials(version.secret_id, problem)


def publish(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation | None,
    *,
    client_secrets: Callable[[Sequence[str]], Sequence[str]] | None = None,
    patience_s: float = 0.0,
) -> Situation:
    """Store the state, and the client secrets as changed by the function `client_secrets`.

    A concurrent edit is kept. Raises VersionConflict if another run has taken a step of the same
    rotation, somebody has stored other client secrets and `client_secrets` doesn't add one, or an
    edit had to be restored; StoreError as the store does.
    """
    before = parse_fields(seen.version).get(ROTATION_FIELD)
    state = rotation or SecretRotation(id=run.new_id(), step="done", started_at=run.now())

    def compose(version: StoredSecret) -> Secret:
        fields = _edit_fields(run, seen, version, client_secrets)
        stated = replace(state, replaced_version_id=version.version_id)
        fields[ROTATION_FIELD] = stated.to_fields()
        return credentials_text(fields, version)

    def was_changed(version: StoredSecret) -> bool:
        return bool(parse_fields(version).get(ROTATION_FIELD) != before)

    # The id of an edit by hand is not derived, so only a read shows it; there may have been calls
    # since the last one. A read that lags behind that one shows another state, and is ignored.
    [current] = run.store.read(run.credentials_secret)
    published = compare_and_set(
        seen.version if was_changed(current) else current,
        compose,
        store=run.store,
        yields_to=was_changed,
        clock=run.clock,
        patience_s=patience_s,
    )
    if not published.won:
        raise _conflict(run, "another run is rotating this client secret")
    if restore_replaced_edit(
        published, store=run.store, clock=run.clock, keeps_first=client_secrets is not None
    ):
        raise _conflict(run, f"{EDITED}, which are put back")
    return _parse_situation(published.current)


def _edit_fields(
    run: SecretRun,
    seen: Situation,
    version: StoredSecret,
    client_secrets: Callable[[Sequence[str]], Sequence[str]] | None,
) -> dict[str, Any]:
    """The fields of the version with its client secrets as changed by `client_secrets`."""
    values = parse_credentials(version).client_secrets
    if client_secrets is not None:
        texts = client_secrets([each.reveal() for each in values])
        return replace_client_secrets(dict(parse_fields(version)), texts)
    if values != seen.credentials.client_secrets:
        # Theirs may not work, and this write would take AWSPREVIOUS off those that do.
        raise _conflict(run, EDITED)
    return dict(parse_fields(version))


def settle_lost_edit(run: SecretRun, seen: Situation) -> SecretRotationResult | None:
    """Restore an edit that a run replaced before it was killed; returns None if there is none.

    Raises VersionConflict after restoring it; a dry run returns its result instead.
    """
    replaced_id = seen.rotation.replaced_version_id if seen.rotation else None
    edit = find_lost_edit(seen.version, replaced_id, store=run.store, clock=run.clock)
    if edit is None:
        return None
    if run.dry_run:
        summary = (
            f"would put back version {edit.version_id}: it was stored directly before a run"
            " replaced it, which then died"
        )
        return run.conclude("would_change", summary, rotation=seen.rotation)
    restore_edit(seen.version, edit, store=run.store, clock=run.clock)
    raise _conflict(run, f"{EDITED}, which are put back")


def refuse_if_edited(run: SecretRun, seen: Situation) -> None:
    """Raise VersionConflict if the stored client secrets have changed since they were read.

    Call it directly before a client secret is deleted or switched off: somebody may have stored
    that one again.
    """
    if find_edit(run, seen) is not None:
        raise _conflict(run, EDITED)


def find_edit(run: SecretRun, seen: Situation) -> Situation | None:
    """The situation now if other client secrets are stored than were read, None otherwise."""
    values = seen.credentials.client_secrets
    if read_situation(run).credentials.client_secrets == values:
        return None
    # A read may lag behind this rotation's own write, and a later one behind an edit: the values
    # after a pause count.
    run.clock.sleep(sum(CONSISTENCY_WAITS_S))
    current = read_situation(run)
    return None if current.credentials.client_secrets == values else current


def refuse_if_overtaken(run: SecretRun, seen: Situation) -> None:
    """Raise VersionConflict if another run has taken a step since the state was read."""
    [current] = run.store.read(run.credentials_secret)
    if _parse_situation(current).rotation != seen.rotation:
        raise _conflict(run, "another run is rotating this client secret")


def _conflict(run: SecretRun, problem: str) -> VersionConflict:
    return VersionConflict(
        f"credentials secret {run.credentials_secret}: {problem}; run this again to see where it"
        " stands",
        operation="PutSecretValue",
        secret_id=run.credentials_secret,
        retryable=True,
    )


def add_new(value: Secret) -> Callable[[Sequence[str]], Sequence[str]]:
    """An edit that keeps the stored values, with the new one first if somebody has removed it."""

    def keep(texts: Sequence[str]) -> Sequence[str]:
        return texts if value.reveal() in texts else [value.reveal(), *texts]

    return keep


def drop_replaced(value: Secret) -> Callable[[Sequence[str]], Sequence[str]]:
    """An edit that drops the values that the new one replaces: those after it.

    If somebody has removed the new one it is added again: the others may have just become invalid.
    """

    def keep(texts: Sequence[str]) -> Sequence[str]:
        text = value.reveal()
        return texts[: texts.index(text) + 1] if text in texts else [text, *texts]

    return keep


def is_old_enough(run: SecretRun, listed: ProviderSecret, lifetime: timedelta) -> bool:
    """Whether a client secret is due: its age is unknown or too high, or it expires soon."""
    due_at = _due_at(run, listed, lifetime)
    return due_at is None or run.now() >= due_at


def _due_at(run: SecretRun, listed: ProviderSecret, lifetime: timedelta) -> datetime | None:
    """When a client secret is due, None for at once."""
    if run.max_age is None or listed.created_at is None:
        return None
    # Without an offset that datetime can't express: an age of a million days is never reached.
    too_old_at = listed.created_at + min(run.max_age, LAST_INSTANT - listed.created_at)
    if listed.expires_at is None:
        return too_old_at
    return min(too_old_at, listed.expires_at - min(EXPIRY_LEAD + run.overlap, lifetime / 2))


def explain_age(run: SecretRun, listed: ProviderSecret, lifetime: timedelta) -> str:
    """The summary for a client secret that is not due."""
    age = format_duration(run.now() - listed.created_at) if listed.created_at else "an unknown time"
    due_at = _due_at(run, listed, lifetime)
    day = f"from {format_instant(due_at)} on" if due_at else "at once"
    ends = f"; it expires at {format_instant(listed.expires_at)}" if listed.expires_at else ""
    return f"client secret {listed.id} is {age} old, and is replaced {day}{ends}"
