"""Rotating a client secret where the provider makes it, and the old one can live beside it.

The order is what keeps the working client secret: intent, add, store both, prove, wait, delete the
old one, store the new one alone. Whatever is lost in between, the next run finds in the state, or
in what the provider lists.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError
from rotator.model.providers import resolve
from rotator.rotation.secret_add import begin, settle_add
from rotator.rotation.secret_endings import (
    abandon,
    abandon_same_twice,
    finish,
    finish_without_old,
    revert,
    settle_both_gone,
)
from rotator.rotation.secret_gate import assess_gate, observe_tokens
from rotator.rotation.secret_listing import StoredSecret
from rotator.rotation.secret_proof import prove, refuse_unless_old
from rotator.rotation.secret_removal import delete, is_same_twice, switch_off
from rotator.rotation.secret_run import publish, refuse_if_edited, with_new

if TYPE_CHECKING:
    from rotator.model.secret import Secret
    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_gate import Condition, Evidence
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["advance_two_slots"]


def advance_two_slots(run: SecretRun, seen: Situation) -> SecretRotationResult:
    """Take the next steps of the rotation, as far as they can be taken now."""
    admin = run.open_admin(seen)
    rotation = seen.rotation
    if rotation is None or rotation.step == "done":
        return begin(run, seen, admin)
    if rotation.step == "adding":
        return settle_add(run, seen, rotation, admin)
    return _continue(run, seen, rotation, admin)


# --- Both are stored -----------------------------------------------------------------------------


def _continue(
    run: SecretRun, seen: Situation, rotation: SecretRotation, admin: ClientAdmin
) -> SecretRotationResult:
    value, old, new = seen.new_value, rotation.old, rotation.new
    listed = {each.id: each for each in admin.list()}
    if is_same_twice(rotation):
        return abandon_same_twice(run, seen, rotation, listed)
    # Tried first is what mints: the gate would wait for the new one for ever behind another.
    if value is None or old is None or new is None or seen.credentials.client_secrets[0] != value:
        return abandon(run, seen, rotation, listed)
    if new.id in listed and not listed[new.id].is_active:
        kind = seen.settings.kind
        raise ClientAdminError(
            f"{kind.name}: the new client secret {new.id} was switched off by somebody; nothing was"
            f" changed. Switch it on ({kind.console}), then run this again"
        )
    if old.id in listed and new.id in listed:
        return _end_old(run, seen, rotation, admin, listed[old.id], value=value)
    if old.id in listed:
        return revert(run, seen, rotation, admin, listed[old.id])
    if new.id not in listed:
        return settle_both_gone(run, seen, rotation, listed)
    evidence = observe_tokens(run, seen)
    if resolve(seen.credentials).single_active and not evidence.minted_since:
        summary = (
            f"{old.id} is gone at the provider; its value is kept until a token shows"
            f" that {new.id} works"
        )
        return run.conclude("waiting", summary, rotation=rotation, gate=evidence.conditions)
    return finish_without_old(run, seen, rotation, value)


def _end_old(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    old: ProviderSecret,
    *,
    value: Secret,
) -> SecretRotationResult:
    """Switch the old one off, or delete it, if every condition is met."""
    evidence = observe_tokens(run, seen)
    if not evidence.minted_since and not run.dry_run:
        prove(run, seen, value)
    gate = assess_gate(run, rotation, old, evidence)
    is_open = all(each.is_met for each in gate)
    if run.dry_run and is_open:
        verb = "delete" if rotation.step == "retired" or not admin.can_retire else "switch off"
        return run.conclude("would_change", f"would {verb} {old.id}", rotation=rotation, gate=gate)
    rotation, seen = _remember_tokens(run, seen, rotation, evidence)
    if not is_open:
        summary = f"the old client secret {old.id} is kept for now"
        return run.conclude("waiting", summary, rotation=rotation, gate=gate)
    prove(run, seen, value)
    refuse_unless_old(run, seen, rotation, old)
    refuse_if_edited(run, seen)
    if admin.can_retire and rotation.step == "overlap":
        return _retire(run, seen, rotation, admin, old, value=value, gate=gate)
    kept = StoredSecret(rotation.new or old, value)  # `old` is refused
    delete(admin, old.id, kept=kept, digest=rotation.old_digest)
    return finish(run, seen, rotation, value, gate=gate)


def _remember_tokens(
    run: SecretRun, seen: Situation, rotation: SecretRotation, evidence: Evidence
) -> tuple[SecretRotation, Situation]:
    """Store since when the new one mints, and when the other tokens end, where that has changed."""
    before = rotation
    rotation = replace(
        rotation,
        minted_since=evidence.minted_since,
        old_tokens_end_at=evidence.old_tokens_end_at,
    )
    if run.dry_run or rotation == before:
        return before, seen
    return rotation, publish(run, seen, rotation)


def _retire(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    old: ProviderSecret,
    *,
    value: Secret,
    gate: tuple[Condition, ...],
) -> SecretRotationResult:
    if old.is_active:
        kept = StoredSecret(rotation.new or old, value)
        switch_off(admin, old.id, kept=kept, digest=rotation.old_digest)
    rotation = replace(rotation, step="retired", retired_at=run.now())
    publish(run, seen, rotation, client_secrets=with_new(value))
    summary = (
        f"{old.id} is switched off at the provider; if anything breaks, switch it on again there."
        " A run in 24 hours deletes it"
    )
    return run.conclude("retired", summary, rotation=rotation, gate=gate)
