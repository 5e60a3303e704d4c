"""Adding a client secret where the provider makes it, and what a run that was lost has left.

Intent, add, store both, prove. Whatever is lost in between, the next run finds in the intent and in
what the provider lists.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from rotator.errors import ClientAdminError, ConfigError, StoreError
from rotator.model.instants import format_instant
from rotator.model.secret_rotation import SecretRotation, digest_of, digest_of_all
from rotator.rotation.secret_listing import (
    explain_refused_add,
    find_orphans,
    identify,
    refuse_full_house,
)
from rotator.rotation.secret_run import (
    LISTING_LAG,
    SETTLING,
    STORE_PATIENCE_S,
    explain_age,
    is_old_enough,
    is_refusal,
    prove,
    publish,
    refuse_if_overtaken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.model.secret_rotation import NewSecret, ProviderSecret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["before_intent", "begin", "label_of", "settle_add"]

Found = TypeVar("Found")

TAKEOVER_AFTER = timedelta(minutes=5)
"""How long another run may take from its intent until both client secrets are stored. It also
bounds when a client secret can have been made that such a run has lost."""


def label_of(rotation: SecretRotation) -> str:
    """How the new client secret is called at a provider that keeps names."""
    return f"rotator {rotation.id}"


def begin(
    run: SecretRun, seen: Situation, admin: ClientAdmin, *, lost: SecretRotation | None = None
) -> SecretRotationResult:
    """Begin a rotation if it is due, or in the place of the one that a lost run has intended."""
    listed = admin.list()
    old = _unless_overtaken(run, seen, lambda: identify(seen, listed))
    lifetime = timedelta(days=seen.settings.lifetime_days)
    if lost is None and not is_old_enough(run, old.created_at, old.expires_at, lifetime):
        return _remember_age(run, seen, old)
    _unless_overtaken(run, seen, lambda: refuse_full_house(seen, listed, old))
    if run.dry_run:
        return run.conclude("would_change", f"would add a client secret beside {old.id}")
    intent = SecretRotation(
        id=run.new_id(),
        step="adding",
        started_at=run.now(),
        known_ids=tuple(each.id for each in listed),
        values_digest=digest_of_all(seen.credentials.client_secrets),
        old=old,
    )
    if lost is not None and run.now() - lost.started_at >= SETTLING:
        lost = None
    before = lost or seen.rotation
    seen = publish(run, seen, intent)
    try:
        added = admin.add(label_of(intent), run.now() + lifetime)
    except ClientAdminError as error:
        if not is_refusal(error):
            raise
        refused = error
    else:
        return _store_both(run, seen, intent, added)
    publish(run, seen, before)
    raise explain_refused_add(seen, admin, refused, old, lost)


def _unless_overtaken(run: SecretRun, seen: Situation, check: Callable[[], Found]) -> Found:
    """What the check finds. What it refuses may be the work of a run that came in between."""
    try:
        return check()
    except ConfigError:
        refuse_if_overtaken(run, seen)
        raise


def _store_both(
    run: SecretRun, seen: Situation, intent: SecretRotation, added: NewSecret
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

    seen = publish(run, seen, rotation, client_secrets=put_first, patience_s=STORE_PATIENCE_S)
    prove(run, seen, value)
    ends = format_instant((rotation.stored_at or run.now()) + run.overlap)
    old_id = rotation.old.id if rotation.old else "?"
    return run.conclude(
        "started",
        f"client secret {added.listed.id} is stored and accepted; {old_id} stays beside it until"
        f" {ends} at least",
        rotation=rotation,
    )


def _remember_age(run: SecretRun, seen: Situation, old: ProviderSecret) -> SecretRotationResult:
    """Not due. Its age is stored, once, for those who may not ask the provider."""
    known = seen.rotation
    if not run.dry_run and (known is None or known.new is None or known.new.id != old.id):
        state = SecretRotation(id=run.new_id(), step="done", started_at=run.now(), new=old)
        known = publish(run, seen, state).rotation
    return run.conclude("not_due", explain_age(run, old), rotation=known)


def settle_add(
    run: SecretRun, seen: Situation, intent: SecretRotation, admin: ClientAdmin
) -> SecretRotationResult:
    """Between the intent and the storing of both: delete what was made for nobody, begin again."""
    free_at = intent.started_at + TAKEOVER_AFTER
    if run.now() < free_at:
        raise StoreError(
            f"credentials secret {run.credentials_secret}: a run that began at"
            f" {format_instant(intent.started_at)} has not told how it ended; run this again after"
            f" {format_instant(free_at)}",
            operation="GetSecretValue",
            secret_id=run.credentials_secret,
            retryable=True,
        )
    orphans = find_orphans(seen, intent, admin.list(), label=label_of(intent))
    listed_by = intent.started_at + LISTING_LAG
    if not orphans and run.now() < listed_by:
        raise ClientAdminError(
            f"{seen.settings.kind.name}: lists nothing of what a run that began at"
            f" {format_instant(intent.started_at)} may have added; the next run looks again, and"
            f" from {format_instant(listed_by)} on it begins anew",
            retryable=True,
        )
    if run.dry_run:
        what = "".join(f"delete {each.id}, whose value was lost, and " for each in orphans)
        return run.conclude("would_change", f"would {what}add a client secret", rotation=intent)
    for orphan in orphans:
        if admin.can_retire and orphan.is_active:
            admin.retire(orphan.id)
        admin.delete(orphan.id)
    seen = publish(run, seen, before_intent(intent))
    return begin(run, seen, admin, lost=intent)


def before_intent(intent: SecretRotation) -> SecretRotation | None:
    """The state without the intent: the stored client secret, and no rotation under way."""
    if intent.old is None:
        return None
    return SecretRotation(id=intent.id, step="done", started_at=intent.started_at, new=intent.old)
