"""Adds a client secret whose value the provider chooses, and cleans up after interrupted runs.

The steps: store an intent, add, store both client secrets, verify the new one. If a run is
interrupted, the next one continues from the intent and the provider's list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rotator.errors import (
    ClientAdminError,
    ConfigError,
    MintError,
    RotatorError,
    StoreError,
    replace_error,
)
from rotator.model.fields import is_one_line
from rotator.model.instants import format_instant
from rotator.model.secret_rotation import SecretRotation, digest_of, digest_of_all
from rotator.rotation.secret_abandon import (
    abandon,
    abandon_rolled_back,
    find_later_version,
    previous_state,
)
from rotator.rotation.secret_gate import find_end_of_tokens
from rotator.rotation.secret_interruption import log_interruption
from rotator.rotation.secret_life import explain_short_grant, refuse_short_life
from rotator.rotation.secret_listing import (
    NOT_ABOUT_ROOM,
    explain_refused_add,
    find_bound,
    find_orphans,
    refuse_without_capacity,
)
from rotator.rotation.secret_removal import delete, switch_off
from rotator.rotation.secret_room import refuse_without_room
from rotator.rotation.secret_run import (
    LISTING_LAG,
    SETTLING,
    STORE_PATIENCE_S,
    explain_age,
    is_old_enough,
    publish,
    refuse_if_overtaken,
)
from rotator.rotation.secret_verification import find_refusal, find_replacement, verify_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.model.secret_rotation import NewSecret, ProviderSecret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_listing import StoredClientSecret
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["begin", "settle_add"]

Found = TypeVar("Found")

TAKEOVER_AFTER = timedelta(minutes=5)
"""How long another run may take from its intent until both client secrets are stored. It also
limits when an interrupted run can have added a client secret."""


def label_of(rotation: SecretRotation) -> str:
    """The name of the new client secret at a provider that keeps names."""
    return f"rotator {rotation.id}"


class _Addition(NamedTuple):
    """The situation in which a client secret is added: the stored one, and the provider's list.

    `orphans` were added by an interrupted run, so that nobody has their value; `lost` is the intent
    of an interrupted run that may have added one that is not listed yet.
    """

    stored: StoredClientSecret
    listed: Sequence[ProviderSecret]
    orphans: Sequence[ProviderSecret] = ()
    lost: SecretRotation | None = None


def begin(
    run: SecretRun, seen: Situation, admin: ClientAdmin, listed: Sequence[ProviderSecret]
) -> SecretRotationResult:
    """Begin a rotation if it is due."""
    stored = find_bound(seen, listed)
    if stored is None or _is_due(run, seen, stored.listed):
        stored = _check_unless_overtaken(run, seen, lambda: verify_stored(run, seen, listed))
    if not _is_due(run, seen, stored.listed):
        return _remember_age(run, seen, stored)
    return _add(run, seen, admin, _Addition(stored, listed))


def _is_due(run: SecretRun, seen: Situation, listed: ProviderSecret) -> bool:
    return is_old_enough(run, listed, timedelta(days=seen.settings.lifetime_days))


def _add(
    run: SecretRun, seen: Situation, admin: ClientAdmin, addition: _Addition
) -> SecretRotationResult:
    old = addition.stored.listed
    _check_unless_overtaken(run, seen, lambda: refuse_without_capacity(seen, addition.listed, old))
    refuse_without_room(run, seen, [each.id for each in addition.listed])
    refuse_short_life(run, seen)
    if run.dry_run:
        lost = "".join(f"delete {each.id}, whose value was lost, and " for each in addition.orphans)
        summary = f"would {lost}add a client secret, and keep {old.id} for the overlap"
        return run.conclude("would_change", summary, rotation=seen.rotation)
    for orphan in addition.orphans:
        if admin.can_retire and orphan.is_active:
            switch_off(admin, orphan.id, kept=addition.stored)
        delete(admin, orphan.id, kept=addition.stored)
    intent = SecretRotation(
        id=run.new_id(),
        step="adding",
        started_at=run.now(),
        known_ids=tuple(each.id for each in addition.listed),
        values_digest=digest_of_all(seen.credentials.client_secrets),
        old=old,
        old_digest=digest_of(addition.stored.value),
        old_tokens_end_at=find_end_of_tokens(run, seen),
    )
    before = _state_before(seen, addition)
    seen = publish(run, seen, intent)
    ends_at = run.now() + timedelta(days=seen.settings.lifetime_days)
    with log_interruption(run, _explain_lost_value(intent)):
        added = _request(admin, addition, intent, ends_at)
    if isinstance(added, ClientAdminError):
        refused: RotatorError = explain_refused_add(seen, admin, added, old, addition.lost)
    else:
        _refuse_repeated(seen, addition, added)
        if added.value and is_one_line(added.value.reveal()):
            return _store_both(run, seen, intent, added, admin)
        refused = _discard(seen, admin, addition, added)
    publish(run, seen, before)
    raise refused


def _request(
    admin: ClientAdmin, addition: _Addition, intent: SecretRotation, ends_at: datetime
) -> NewSecret | ClientAdminError:
    """The new client secret, or the error if certainly none was added; raises it otherwise."""
    try:
        return admin.add(label_of(intent), ends_at)
    except ClientAdminError as error:
        problem = error
    if _has_added_nothing(admin, addition, problem):
        return problem
    raise ClientAdminError(
        f"{problem}; {_explain_lost_value(intent)}",
        status=problem.status,
        retryable=problem.retryable,
        debug_id=problem.debug_id,
    )


def _explain_lost_value(intent: SecretRotation) -> str:
    return (
        "the provider may have made a client secret whose value is lost; a run from"
        f" {format_instant(intent.started_at + TAKEOVER_AFTER)} on deletes it and begins anew."
        " The stored client secrets are as they were"
    )


def _has_added_nothing(admin: ClientAdmin, addition: _Addition, error: ClientAdminError) -> bool:
    """Whether the provider has refused, and its list agrees as far as it can be read.

    A gateway can send a 429 after the provider has acted, and a proxy can replace a response. About
    a lack of room the provider is believed: somebody else may have just taken it.
    """
    if error.is_refusal and error.status not in NOT_ABOUT_ROOM:
        return True
    if not error.is_refusal and error.status != HTTPStatus.TOO_MANY_REQUESTS:
        return False
    known = {each.id for each in (*addition.listed, *addition.orphans)}
    try:
        return {each.id for each in admin.list()} <= known
    except ClientAdminError:
        return False


def _discard(
    seen: Situation, admin: ClientAdmin, addition: _Addition, added: NewSecret
) -> ClientAdminError:
    """Delete a new client secret whose value can't be stored, and return the error about it.

    Raises ClientAdminError if it can't be deleted; a later run does that then.
    """
    kind, new_id = seen.settings.kind, added.listed.id
    problem = (
        f"{kind.name}: its response to a request to add a client secret is not the documented one:"
        " it has no value, or one that can't be stored, which is not one line without white space"
        " around it"
    )

    def delete_again() -> None:
        if admin.can_retire:
            switch_off(admin, new_id, kept=addition.stored)
        delete(admin, new_id, kept=addition.stored)

    replace_error(
        delete_again,
        ClientAdminError,
        lambda error: ClientAdminError(
            f"{problem}; {new_id} could not be deleted: {error}; the next run deletes it",
            status=error.status,
            retryable=error.retryable,
            debug_id=error.debug_id,
        ),
    )
    return ClientAdminError(
        f"{problem}; {new_id} was deleted, and the stored ones are as they were. See what"
        f" responds at {seen.settings.url}, then run this again"
    )


def _refuse_repeated(seen: Situation, addition: _Addition, added: NewSecret) -> None:
    """Raise ClientAdminError if the response repeats a client secret that existed before."""
    known = {each.id for each in (*addition.listed, *addition.orphans)}
    stored = addition.stored
    if added.listed.id in known:
        repeated = added.listed.id
    elif added.value in seen.credentials.client_secrets:
        repeated = stored.listed.id if added.value == stored.value else "a stored client secret"
    else:
        return
    kind, url = seen.settings.kind, seen.settings.url
    raise ClientAdminError(
        f"{kind.name}: its response to a request to add a client secret repeats {repeated}, which"
        " was there before, so nothing was stored and nothing was deleted. See whether a cache or a"
        f" proxy answers for {url}, then run this again: it deletes what may have been added"
        f" ({kind.where_to_delete})",
        retryable=True,
    )


def _state_before(seen: Situation, addition: _Addition) -> SecretRotation | None:
    """The state to return to; a lost intent is kept while its client secret may be listed late."""
    rotation = seen.rotation
    if addition.lost is None and rotation is not None and rotation.step == "adding":
        return previous_state(rotation)
    return rotation


def _check_unless_overtaken(run: SecretRun, seen: Situation, check: Callable[[], Found]) -> Found:
    """The result of `check`; if it fails because another run was faster, raises VersionConflict."""
    try:
        return check()
    except (ConfigError, MintError):
        refuse_if_overtaken(run, seen)
        raise


def _store_both(
    run: SecretRun, seen: Situation, intent: SecretRotation, added: NewSecret, admin: ClientAdmin
) -> SecretRotationResult:
    value = added.value
    rotation = replace(
        intent,
        step="overlap",
        known_ids=(),
        new=replace(added.listed, created_at=added.listed.created_at or run.now()),
        new_digest=digest_of(value),
        stored_at=run.now(),
    )

    def put_first(texts: Sequence[str]) -> Sequence[str]:
        return [value.reveal(), *(text for text in texts if text != value.reveal())]

    with log_interruption(run, _explain_lost_value(intent)):
        seen = publish(run, seen, rotation, client_secrets=put_first, patience_s=STORE_PATIENCE_S)
    old_id = rotation.old.id if rotation.old else "?"
    both = f"client secret {added.listed.id} is stored, with {old_id} behind it"
    with log_interruption(run, f"{both}; the next run goes on from there"):
        refused = find_refusal(run, seen, value)
        replaced = find_replacement(run, seen, value)  # during the minutes that this takes
    if replaced is not None:
        return abandon(run, replaced, rotation, {each.id: each for each in admin.list()})
    if refused is not None:
        raise refused
    ends = format_instant((rotation.stored_at or run.now()) + run.overlap)
    asked = intent.started_at + timedelta(days=seen.settings.lifetime_days)
    return run.conclude(
        "started",
        f"client secret {added.listed.id} is stored and accepted; {old_id} is kept too, until"
        f" {ends} at least{explain_short_grant(seen, added.listed, asked=asked)}",
        rotation=rotation,
    )


def _remember_age(
    run: SecretRun, seen: Situation, stored: StoredClientSecret
) -> SecretRotationResult:
    """Conclude that no rotation is due; store the age once, for `rotator status`."""
    known = seen.rotation
    if not run.dry_run and find_bound(seen, [stored.listed]) is None:
        state = SecretRotation(
            id=run.new_id(),
            step="done",
            started_at=run.now(),
            new=stored.listed,
            new_digest=digest_of(stored.value),
        )
        known = publish(run, seen, state).rotation
    lifetime = timedelta(days=seen.settings.lifetime_days)
    return run.conclude("not_due", explain_age(run, stored.listed, lifetime), rotation=known)


def settle_add(
    run: SecretRun,
    seen: Situation,
    intent: SecretRotation,
    admin: ClientAdmin,
    listed: Sequence[ProviderSecret],
) -> SecretRotationResult:
    """Finish a run that was interrupted after its intent: delete what it added, and begin again."""
    free_at = intent.started_at + TAKEOVER_AFTER
    if run.now() < free_at:
        raise StoreError(
            f"credentials secret {run.credentials_secret}: a run that began at"
            f" {format_instant(intent.started_at)} has not recorded its result; run this again"
            f" after {format_instant(free_at)}",
            operation="GetSecretValue",
            secret_id=run.credentials_secret,
            retryable=True,
        )
    later = find_later_version(run, seen)
    if later is not None:
        return abandon_rolled_back(run, seen, intent, later, listed)
    orphans = find_orphans(seen, intent, listed, label=label_of(intent))
    listed_by = intent.started_at + LISTING_LAG
    if not orphans and run.now() < listed_by:
        raise ClientAdminError(
            f"{seen.settings.kind.name}: does not list what a run that began at"
            f" {format_instant(intent.started_at)} may have added; the next run looks again, and"
            f" from {format_instant(listed_by)} on it begins anew",
            retryable=True,
        )
    kept = [each for each in listed if each not in orphans]
    stored = _check_unless_overtaken(run, seen, lambda: verify_stored(run, seen, kept))
    may_be_late = not orphans and run.now() - intent.started_at < SETTLING
    lost = intent if may_be_late else None
    return _add(run, seen, admin, _Addition(stored, kept, orphans, lost))
