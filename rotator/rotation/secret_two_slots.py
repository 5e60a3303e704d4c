"""Rotating a client secret where the provider makes it, and the old one can live beside it.

The order is what keeps the working client secret: intent, add, store both, prove, wait, delete the
old one, store the new one alone. Whatever is lost in between, the next run finds in the state, or
in what the provider lists.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from rotator.errors import ClientAdminError, ConfigError, MintError, StoreError
from rotator.model.instants import format_duration, format_instant
from rotator.model.providers import refuses_client, resolve
from rotator.model.secret import Secret
from rotator.model.secret_rotation import SecretRotation, digest_of, digest_of_all
from rotator.rotation.secret_gate import assess_gate, observe_tokens
from rotator.rotation.secret_listing import find_orphans, identify, refuse_full_house
from rotator.rotation.secret_result import SecretRotationResult
from rotator.rotation.secret_run import (
    is_old_enough,
    is_refusal,
    keep_from_new,
    prove,
    publish,
    refuse_if_edited,
    refuse_if_overtaken,
    with_new,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.model.secret_rotation import NewSecret, ProviderSecret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_gate import Condition
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["advance_two_slots", "label_of"]

Found = TypeVar("Found")

TAKEOVER_AFTER = timedelta(minutes=5)
"""How long another run may take from its intent until both client secrets are stored. It also
bounds when a client secret can have been made that such a run has lost."""

STORE_PATIENCE_S = 60.0
"""How long the only copy of a new value is kept in hand while Secrets Manager doesn't answer."""

LISTING_LAG = timedelta(minutes=10)
"""How long a provider may take to list a client secret that it has made."""


def advance_two_slots(run: SecretRun, seen: Situation) -> SecretRotationResult:
    """Take the next steps of the rotation, as far as they can be taken now."""
    admin = run.open_admin(seen)
    rotation = seen.rotation
    if rotation is None or rotation.step == "done":
        return _begin(run, seen, admin)
    if rotation.step == "adding":
        return _settle_add(run, seen, rotation, admin)
    return _continue(run, seen, rotation, admin)


def label_of(rotation: SecretRotation) -> str:
    """How the new client secret is called at a provider that keeps names."""
    return f"rotator {rotation.id}"


def _result(run: SecretRun, outcome: str, summary: str, **more: object) -> SecretRotationResult:
    return SecretRotationResult(run.credentials_secret, outcome, summary, **more)  # type: ignore[arg-type]


# --- Beginning -----------------------------------------------------------------------------------


def _begin(
    run: SecretRun, seen: Situation, admin: ClientAdmin, *, must: bool = False
) -> SecretRotationResult:
    listed = admin.list()
    old = _unless_overtaken(run, seen, lambda: identify(seen, listed))
    lifetime = timedelta(days=seen.settings.lifetime_days)
    if not must and not is_old_enough(run, old.created_at, old.expires_at, lifetime):
        return _remember_age(run, seen, old)
    _unless_overtaken(run, seen, lambda: refuse_full_house(seen, listed, old))
    if run.dry_run:
        return _result(run, "would_change", f"would add a client secret beside {old.id}")
    intent = SecretRotation(
        id=run.new_id(),
        step="adding",
        started_at=run.now(),
        known_ids=tuple(each.id for each in listed),
        values_digest=digest_of_all(seen.credentials.client_secrets),
        old=old,
    )
    before = seen.rotation
    seen = publish(run, seen, intent)
    try:
        added = admin.add(label_of(intent), run.now() + lifetime)
    except ClientAdminError as error:
        if is_refusal(error):
            publish(run, seen, before)
        raise
    return _store_both(run, seen, intent, added)


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
        values_digest=None,
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
    return _result(
        run,
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
    age = format_duration(run.now() - old.created_at) if old.created_at else "unknown"
    limit = format_duration(run.max_age) if run.max_age else "any"
    summary = f"client secret {old.id}: its age is {age}, it is replaced from {limit}"
    return _result(run, "not_due", summary, rotation=known)


# --- What a run that never came back has left ----------------------------------------------------


def _settle_add(
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
    if run.dry_run:
        what = "".join(f"delete {each.id}, whose value was lost, and " for each in orphans)
        return _result(run, "would_change", f"would {what}add a client secret", rotation=intent)
    for orphan in orphans:
        if admin.can_retire and orphan.is_active:
            admin.retire(orphan.id)
        admin.delete(orphan.id)
    seen = publish(run, seen, _before(intent))
    return _begin(run, seen, admin, must=True)


def _before(intent: SecretRotation) -> SecretRotation | None:
    """The state without the intent: the stored client secret, and no rotation under way."""
    if intent.old is None:
        return None
    return SecretRotation(id=intent.id, step="done", started_at=intent.started_at, new=intent.old)


# --- Both are stored -----------------------------------------------------------------------------


def _continue(
    run: SecretRun, seen: Situation, rotation: SecretRotation, admin: ClientAdmin
) -> SecretRotationResult:
    value, old, new = seen.new_value, rotation.old, rotation.new
    if value is None or old is None or new is None:
        return _abandon(run, seen, rotation)
    listed = {each.id: each for each in admin.list()}
    evidence = observe_tokens(run, seen)
    if old.id not in listed:
        if resolve(seen.credentials).single_active and not evidence.minted_since:
            summary = (
                f"{old.id} is gone at the provider; its value is kept until a token shows"
                f" that {new.id} works"
            )
            return _result(run, "waiting", summary, rotation=rotation, gate=evidence.conditions)
        return _finish(run, seen, rotation, value)
    if new.id not in listed:
        return _revert(run, seen, rotation, value)
    if not evidence.minted_since and not run.dry_run:
        prove(run, seen, value)
    gate = assess_gate(run, rotation, listed[old.id], evidence)
    is_open = all(each.is_met for each in gate)
    if run.dry_run:
        verb = "delete" if rotation.step == "retired" or not admin.can_retire else "switch off"
        outcome = "would_change" if is_open else "waiting"
        summary = (
            f"would {verb} {old.id}"
            if is_open
            else f"the old client secret {old.id} is kept for now"
        )
        return _result(run, outcome, summary, rotation=rotation, gate=gate)
    if evidence.minted_since != rotation.minted_since:
        rotation = replace(rotation, minted_since=evidence.minted_since)
        seen = publish(run, seen, rotation)
    if not is_open:
        return _result(
            run,
            "waiting",
            f"the old client secret {old.id} is kept for now",
            rotation=rotation,
            gate=gate,
        )
    prove(run, seen, value)
    refuse_if_edited(run, seen)
    if admin.can_retire and rotation.step == "overlap":
        return _retire(run, seen, rotation, admin, listed[old.id], gate=gate)
    admin.delete(old.id)
    return _finish(run, seen, rotation, value, is_proved=True, gate=gate)


def _retire(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    old: ProviderSecret,
    *,
    gate: tuple[Condition, ...],
) -> SecretRotationResult:
    value = seen.new_value
    if old.is_active:
        admin.retire(old.id)
    rotation = replace(rotation, step="retired", retired_at=run.now())
    publish(run, seen, rotation, client_secrets=with_new(value) if value else None)
    summary = (
        f"{old.id} is switched off at the provider; if anything breaks, switch it on again there."
        " A run in 24 hours deletes it"
    )
    return _result(run, "retired", summary, rotation=rotation, gate=gate)


def _finish(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    value: Secret,
    *,
    is_proved: bool = False,
    gate: tuple[Condition, ...] = (),
) -> SecretRotationResult:
    """The old one is gone at the provider: drop its value, once the new one is known to work."""
    old_id = rotation.old.id if rotation.old else "?"
    if run.dry_run:
        summary = f"would drop the value of {old_id}, which is gone at the provider"
        return _result(run, "would_change", summary, rotation=rotation)
    if not is_proved:
        prove(run, seen, value)
    done = SecretRotation(
        id=rotation.id,
        step="done",
        started_at=rotation.started_at,
        new=rotation.new,
        new_digest=rotation.new_digest,
    )
    publish(
        run,
        seen,
        done,
        client_secrets=keep_from_new(value),
        patience_s=STORE_PATIENCE_S,
    )
    new_id = rotation.new.id if rotation.new else "?"
    summary = f"client secret {new_id} is the only one now; {old_id} is deleted"
    return _result(run, "finished", summary, rotation=done, gate=gate)


def _revert(
    run: SecretRun, seen: Situation, rotation: SecretRotation, value: Secret
) -> SecretRotationResult:
    """The provider doesn't list the new one: drop its value, unless the list only lags behind."""
    new_id = rotation.new.id if rotation.new else "?"
    old_id = rotation.old.id if rotation.old else "?"
    stored_at = rotation.stored_at or rotation.started_at
    if run.now() - stored_at < LISTING_LAG or _is_accepted(run, seen, value):
        raise ClientAdminError(
            f"{seen.settings.kind.name}: does not list {new_id}, which it has made; both client"
            " secrets are kept. Run this again",
            retryable=True,
        )
    summary = (
        f"the new client secret {new_id} is gone at the provider; {old_id} is the only one again"
    )
    if run.dry_run:
        return _result(
            run, "would_change", f"would drop its value, since {summary}", rotation=rotation
        )
    digest = rotation.new_digest

    def drop_new(texts: Sequence[str]) -> Sequence[str]:
        return [text for text in texts if digest_of(Secret(text)) != digest] or texts

    state = _before(rotation)
    publish(run, seen, state, client_secrets=drop_new)
    return _result(run, "reverted", summary, rotation=state)


def _is_accepted(run: SecretRun, seen: Situation, value: Secret) -> bool:
    """Whether the token endpoint takes it; one try, none where that would end the stored token."""
    credentials = replace(seen.credentials, client_secrets=(value,))
    if resolve(credentials).single_active:
        return False  # the old one is listed, and works
    try:
        run.endpoint.mint(credentials)
    except MintError as error:
        if refuses_client(error.status, error.oauth_error):
            return False
        raise
    return True


def _abandon(run: SecretRun, seen: Situation, rotation: SecretRotation) -> SecretRotationResult:
    """Somebody has stored another client secret: it is believed, and nothing is deleted."""
    ids = " and ".join(each.id for each in (rotation.new, rotation.old) if each is not None)
    summary = (
        f"another client secret was stored meanwhile, so this rotation has ended; {ids} may be left"
        " at the provider: delete there what nobody uses"
    )
    if run.dry_run:
        return _result(run, "would_change", summary, rotation=rotation)
    publish(run, seen, None)
    return _result(run, "abandoned", summary)
