"""The gate before an old client secret is deleted: every condition, with its reason.

The evidence is in the token secrets: each token document names the version of the credentials and
the position of the client secret with which it was minted, so that its value can be looked up.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import CredentialsError, StoreError
from rotator.model.access_token import AccessToken
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.client_id import mask_client_id
from rotator.model.commands import run_command, set_command
from rotator.model.instants import format_duration, format_instant
from rotator.model.providers import resolve
from rotator.model.secret_rotation import digest_of
from rotator.model.stored import parse_credentials, parse_token
from rotator.rotation.secret_verification import find_old_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.model.secret import StoredSecret
    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = [
    "Condition",
    "Evidence",
    "assess_gate",
    "documented_lifetime",
    "find_end_of_tokens",
    "has_minted",
    "observe_tokens",
]

RETIRED_FOR = timedelta(hours=24)
"""How long an old client secret stays switched off before it is deleted."""

TRIAL = timedelta(seconds=30)
"""How long after the recorded time of a trial the provider can see it: a write and a mint later.
What it sees later is a use by somebody."""

DEFAULT_TOKEN_LIFETIME = timedelta(hours=24)
"""The assumed lifetime without a stored token or a documented lifetime: the longest known one."""


class Condition(NamedTuple):
    """One condition of the gate: its name, whether it is met, and a sentence that says why."""

    name: str
    is_met: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the token secrets show: a condition for each, and since when the new one mints.

    `old_tokens_end_at` is when the last known token that the new one has not minted expires.
    """

    conditions: tuple[Condition, ...]
    minted_since: Mapping[str, datetime]
    lifetime: timedelta
    old_tokens_end_at: datetime | None = None


def observe_tokens(run: SecretRun, seen: Situation) -> Evidence:
    """Read every exactly named token secret; raises only a StoreError that is retryable."""
    names, conditions = _token_secrets(run, seen)
    since: dict[str, datetime] = {}
    lifetimes = []
    rotation = seen.rotation
    ends = [rotation.old_tokens_end_at] if rotation and rotation.old_tokens_end_at else []
    seen_arns: set[str] = set()
    for name in names:
        version, token, problem = _read_token(run, seen, name)
        if version is not None and version.arn in seen_arns:
            continue  # named twice: by name and by ARN, say
        if version is not None:
            seen_arns.add(version.arn)
        if token is not None:
            lifetimes.append(token.expires_at - token.issued_at)
        if token is not None and problem is not None:
            ends.append(token.expires_at)
        if token is None or problem is not None:
            conditions.append(Condition("minted_with_new", is_met=False, reason=problem or ""))
            continue
        assert rotation is not None  # noqa: S101 - the gate is of a rotation
        since[name] = rotation.minted_since.get(name, token.issued_at)
        # A provider that shortens lives has minted longer ones before.
        free_at = max([since[name] + (token.expires_at - token.issued_at), *ends])
        conditions += _conditions_of_token(run, name, since[name], free_at)
    lifetime = max(lifetimes, default=documented_lifetime(seen))
    return Evidence(tuple(conditions), since, lifetime, max(ends, default=None))


def documented_lifetime(situation: Situation) -> timedelta:
    """How long a token lives, as the provider documents it."""
    lifetime_s = resolve(situation.credentials).lifetime_s
    return timedelta(seconds=lifetime_s) if lifetime_s else DEFAULT_TOKEN_LIFETIME


def find_end_of_tokens(run: SecretRun, seen: Situation) -> datetime | None:
    """When the last stored token expires, None if there is none; raises as `observe_tokens`."""
    names, _ = _token_secrets(run, seen)
    tokens = [_read_token(run, seen, name)[1] for name in names]
    return max((each.expires_at for each in tokens if each is not None), default=None)


def has_minted(run: SecretRun, seen: Situation) -> bool:
    """Whether a stored token was minted with this version; raises as `observe_tokens`."""
    names, _ = _token_secrets(run, seen)
    tokens = [_read_token(run, seen, name)[1] for name in names]
    version_id = seen.version.version_id
    return any(each is not None and each.credentials_version_id == version_id for each in tokens)


def assess_gate(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    old: ProviderSecret,
    evidence: Evidence,
) -> tuple[Condition, ...]:
    """Every condition of the gate, met or not."""
    conditions = [*evidence.conditions, _condition_of_value(seen, rotation, old)]
    if old.last_used_at is not None:
        conditions.append(_condition_of_use(run, rotation, old.last_used_at, evidence))
    if rotation.stored_at is not None:
        made_at = rotation.new.created_at if rotation.new else None
        # The clock of the host that stored it may have been behind its time of creation.
        over_at = max(rotation.stored_at, made_at or rotation.stored_at) + run.overlap
        conditions.append(
            Condition(
                "overlap",
                run.now() >= over_at,
                f"the overlap of {format_duration(run.overlap)} {_ends(run, over_at)} at"
                f" {format_instant(over_at)}",
            )
        )
    if rotation.retired_at is not None:
        conditions += _conditions_of_retired(run, rotation.retired_at, old)
    return tuple(conditions)


def _condition_of_use(
    run: SecretRun, rotation: SecretRotation, used_at: datetime, evidence: Evidence
) -> Condition:
    """Whether the provider has seen no use of the old one for a token lifetime, but our trial."""
    used = f"the provider last saw the old client secret used at {format_instant(used_at)}"
    tried_at = rotation.old_tried_at
    # That it was unused before was a condition of the trial.
    if tried_at is not None and tried_at <= used_at <= tried_at + TRIAL:
        return Condition("not_used", is_met=True, reason=f"{used}, when a run tried it")
    free_at = used_at + evidence.lifetime
    if run.now() >= free_at:
        return Condition("not_used", is_met=True, reason=used)
    wait = f"; it has to stay unused until {format_instant(free_at)}"
    minted_since = max(evidence.minted_since.values(), default=None)
    if minted_since is not None and used_at > minted_since:
        wait += (
            f". The job mints with the new one since {format_instant(minted_since)}: find out"
            " who else uses the old one, unless it was a run of this command that tried it"
        )
    return Condition("not_used", is_met=False, reason=used + wait)


def _condition_of_value(
    seen: Situation, rotation: SecretRotation, old: ProviderSecret
) -> Condition:
    """Whether the old value is still stored: whoever removed it may use it elsewhere."""
    if find_old_values(seen, rotation):
        reason = f"the value of the old client secret {old.id} is stored behind the new one"
        return Condition("stored", is_met=True, reason=reason)
    reason = (
        f"the value of the old client secret {old.id} is not stored any more: somebody has taken it"
        f" out or changed it, and may use it elsewhere. If nobody does, delete {old.id} at the"
        f" provider ({seen.settings.kind.where_to_delete}), or store its value again behind the new"
        " one"
    )
    return Condition("stored", is_met=False, reason=reason)


def _conditions_of_retired(
    run: SecretRun, retired_at: datetime, old: ProviderSecret
) -> list[Condition]:
    # If somebody has switched it on and off again, it was in use in between: the last time counts.
    off_since = max(retired_at, old.updated_at or retired_at)
    over_at = off_since + RETIRED_FOR
    state = "is switched off at the provider"
    if old.is_active:
        state = (
            "was switched on again by somebody; when nobody uses it any more, switch it off at the"
            " provider: a run in 24 hours deletes it then"
        )
    return [
        Condition("switched_off", not old.is_active, f"the old client secret {state}"),
        Condition(
            "retired",
            run.now() >= over_at,
            f"the pause in which it can be switched on again {_ends(run, over_at)} at"
            f" {format_instant(over_at)}",
        ),
    ]


def _token_secrets(run: SecretRun, seen: Situation) -> tuple[list[str], list[Condition]]:
    """The exactly named token secrets, and an unmet condition if these may not be all."""
    entries = seen.credentials.token_secrets
    patterns = [entry for entry in entries if entry.endswith("/*")]
    own = [run.credentials_secret] if seen.is_shared else []
    exact = [entry for entry in entries if not entry.endswith("/*")]
    names = list(dict.fromkeys([*exact, *run.token_secrets, *own]))
    if patterns and not run.token_secrets:
        reason = (
            f"token_secrets has {patterns[0]}, which names no token secret exactly; pass each of"
            " them with --token-secret"
        )
        return names, [Condition("token_secrets", is_met=False, reason=reason)]
    if not names:
        reason = (
            "the credentials name no token secret; pass each with --token-secret, or store"
            f" token_secrets with {set_command(run.credentials_secret)}"
        )
        return names, [Condition("token_secrets", is_met=False, reason=reason)]
    return names, []


def _read_token(
    run: SecretRun, seen: Situation, name: str
) -> tuple[StoredSecret | None, AccessToken | None, str | None]:
    """The version, its token, and why it doesn't show that the new client secret mints, or None."""
    subject = f"token secret {name}"
    version = None
    try:
        [version] = run.store.read(name)
        token = parse_token(version)
        if not isinstance(token, AccessToken):
            return version, None, f"{subject}: holds no token; run the job"
        return version, token, _problem_with_origin(run, seen, version, token)
    except StoreError as error:
        if error.retryable:
            raise
        return version, None, str(error)


def _problem_with_origin(
    run: SecretRun, seen: Situation, token_version: StoredSecret, token: AccessToken
) -> str | None:
    subject = f"token secret {token_version.secret_id}"
    if token.client_id != seen.credentials.client_id:
        return f"{subject}: its token is of another client; take it out of token_secrets"
    if token.expires_at <= run.now():
        return f"{subject}: its token has expired; the job is not running"
    version_id, position = token.credentials_version_id, token.client_secret_position
    if version_id is None or position is None:
        return (
            f"{subject}: its token does not say which client secret minted it; the next one will,"
            " if this release of the job mints it"
        )
    version = seen.version
    if version_id != version.version_id:
        found = run.store.read_version(run.credentials_secret, version_id)
        if found is None:
            return _explain_unknown_version(run, token_version, token)
        version = found
    try:
        values = parse_credentials(version).client_secrets
    except CredentialsError:
        values = ()
    digest = seen.rotation.new_digest if seen.rotation else None
    minted_with = values[position - 1 : position] if position > 0 else ()
    if [digest_of(value) for value in minted_with] == [digest]:
        return None
    at = token.next_rotation_at or token.expires_at
    force = run_command(run.credentials_secret, token_version.secret_id, "--force")
    return (
        f"{subject}: its token of {format_instant(token.issued_at)} was not minted with the new"
        f" client secret; the job replaces it at {format_instant(at)}, or {force} now"
    )


def _explain_unknown_version(
    run: SecretRun, token_version: StoredSecret, token: AccessToken
) -> str:
    """The advice about a token whose version of the credentials does not exist in this secret."""
    subject, ours = f"token secret {token_version.secret_id}", run.credentials_secret
    tag, client_id = _binding_of(run, token_version), mask_client_id(token.client_id)
    [version] = run.store.read(ours)
    if tag is not None and not is_name_of(tag, ours, version.arn):
        return (
            f"{subject}: its tag {BINDING_TAG} names the credentials secret {tag}, which has the"
            f" same client id {client_id} and mints with client secrets of its own; change"
            f" the tag to {ours}, or store the new client secret in {tag} too and take this token"
            " secret out of token_secrets here"
        )
    force = run_command(ours, token_version.secret_id, "--force")
    return (
        f"{subject}: its token was minted with a version of the credentials that {ours} does not"
        f" have. {force} replaces it; if that doesn't last, another"
        f" credentials secret of the client id {client_id} mints for it: see the settings of"
        f" its job, and its tag {BINDING_TAG}"
    )


def _binding_of(run: SecretRun, token_version: StoredSecret) -> str | None:
    """The tag of the binding, None if the role may not read it."""
    with suppress(StoreError):
        return run.store.describe(token_version.secret_id).tags.get(BINDING_TAG)
    return None


def _conditions_of_token(
    run: SecretRun, name: str, since: datetime, free_at: datetime
) -> list[Condition]:
    return [
        Condition(
            "minted_with_new",
            is_met=True,
            reason=f"token secret {name}: its tokens are minted with the new client secret since"
            f" {format_instant(since)}",
        ),
        Condition(
            "old_tokens_expired",
            run.now() >= free_at,
            f"token secret {name}: the last token that the old client secret minted"
            f" {_ends(run, free_at)} by {format_instant(free_at)}",
        ),
    ]


def _ends(run: SecretRun, at: datetime) -> str:
    return "ended" if run.now() >= at else "ends"
