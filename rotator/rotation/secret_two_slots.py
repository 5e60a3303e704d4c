"""Rotates a client secret that the provider creates while the old one keeps working.

The order of the steps keeps a working client secret: intent, add, store both, verify, wait, delete
the old one, store the new one alone. If a run is interrupted, the next one continues from the state
and the provider's list.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError, MintError
from rotator.model.commands import set_command
from rotator.model.instants import format_instant
from rotator.model.providers import resolve
from rotator.model.secret import Secret
from rotator.rotation.secret_abandon import abandon, abandon_contradiction, previous_state
from rotator.rotation.secret_add import begin, settle_add
from rotator.rotation.secret_endings import (
    done_state,
    finish,
    finish_without_old,
    put_new_last,
    revert,
    settle_both_gone,
)
from rotator.rotation.secret_gate import assess_gate, observe_tokens
from rotator.rotation.secret_life import Pair, condition_of_life, runs_out
from rotator.rotation.secret_listing import StoredClientSecret, refuse_if_ambiguous
from rotator.rotation.secret_removal import (
    delete,
    explain_clock,
    is_contradictory,
    switch_off,
    use_provider_clock,
)
from rotator.rotation.secret_run import add_new, publish, refuse_if_edited
from rotator.rotation.secret_verification import (
    explain_untried,
    find_accepted,
    find_old_values,
    has_to_try_old,
    is_wrong,
    refuse_unless_old,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_gate import Condition, Evidence
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["advance_two_slots"]


def advance_two_slots(run: SecretRun, seen: Situation) -> SecretRotationResult:
    """Take the next steps of the rotation, as far as possible now."""
    admin = run.open_admin(seen)
    listed = admin.list()
    run = use_provider_clock(run, admin)
    rotation = seen.rotation
    if rotation is None or rotation.step == "done":
        return begin(run, seen, admin, listed)
    if rotation.step == "adding":
        return settle_add(run, seen, rotation, admin, listed)
    return _continue(run, seen, rotation, admin, {each.id: each for each in listed})


# --- Both are stored -----------------------------------------------------------------------------


def _continue(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    listed: Mapping[str, ProviderSecret],
) -> SecretRotationResult:
    value, old, new = seen.new_value, rotation.old, rotation.new
    if is_contradictory(rotation, listed):
        return abandon_contradiction(run, seen, rotation, listed)
    # The job mints with the first one: behind another, the new one would never be used.
    if value is None or old is None or new is None or seen.credentials.client_secrets[0] != value:
        return abandon(run, seen, rotation, listed)
    if new.id in listed and not listed[new.id].is_active:
        raise _explain_switched_off(seen, new, listed.get(old.id))
    if old.id in listed and new.id in listed:
        return _advance_both(run, seen, rotation, admin, listed, value=value)
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


def _explain_switched_off(
    seen: Situation, new: ProviderSecret, old: ProviderSecret | None
) -> ClientAdminError:
    kind = seen.settings.kind
    go_back = ""
    if old is not None and old.is_active:
        go_back = (
            f". Or go back to {old.id}: store its value alone with"
            f" {set_command(seen.version.secret_id)}, then run this again"
        )
    elif old is not None:
        go_back = f". {old.id} is switched off too, so that nothing mints until one is on again"
    return ClientAdminError(
        f"{kind.name}: the new client secret {new.id} was switched off by somebody; nothing was"
        f" changed. Switch it on ({kind.console}), then run this again{go_back}"
    )


def _advance_both(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    listed: Mapping[str, ProviderSecret],
    *,
    value: Secret,
) -> SecretRotationResult:
    """Both are listed: end the old one, wait, or begin anew because the new one expires soon."""
    assert rotation.old is not None  # noqa: S101 - as the caller has checked
    assert rotation.new is not None  # noqa: S101
    pair = Pair(listed[rotation.old.id], listed[rotation.new.id])
    evidence = observe_tokens(run, seen)
    gate = assess_gate(run, seen, rotation, pair.old, evidence)
    gate += condition_of_life(run, seen, rotation, pair, evidence)
    capacity = seen.settings.kind.capacity
    has_room = capacity is None or len(listed) < capacity
    is_open = all(each.is_met for each in gate)
    if not is_open and has_room and runs_out(run, seen, pair, evidence):
        return _begin_anew(run, seen, rotation, admin, listed, pair=pair)
    if not evidence.minted_since and not run.dry_run:
        verify(run, seen, value)
    return _end_old(
        run, seen, rotation, admin, listed, old=pair.old, value=value, evidence=evidence, gate=gate
    )


def _begin_anew(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    listed: Mapping[str, ProviderSecret],
    *,
    pair: Pair,
) -> SecretRotationResult:
    """End a rotation whose new client secret expires before the old one can go; begin another.

    Both stay at the provider and stored. The one that lives longer is replaced next.
    """
    goes_back = pair.old_outlives and _is_old_usable(run, seen, rotation)
    ended = (
        f"client secret {pair.new.id} expires at"
        f" {format_instant(pair.new.expires_at or run.now())}, before {pair.old.id} can be deleted:"
        f" {pair.old.id if goes_back else pair.new.id} is replaced anew, and nothing is deleted"
    )
    if run.dry_run:
        return run.conclude("would_change", f"would begin anew: {ended}", rotation=rotation)
    refuse_if_edited(run, seen)
    if goes_back:
        put_last = put_new_last(rotation)
        seen = publish(run, seen, previous_state(rotation), client_secrets=put_last)
    else:
        seen = publish(run, seen, done_state(rotation))
    result = begin(run, seen, admin, tuple(listed.values()))
    return replace(result, summary=f"{ended}; {result.summary}")


def _is_old_usable(run: SecretRun, seen: Situation, rotation: SecretRotation) -> bool:
    """Whether the old client secret is stored and accepted; raises MintError if nothing tells."""
    old_values = find_old_values(seen, rotation)
    accepted = find_accepted(run, seen, old_values) if old_values else None
    if isinstance(accepted, MintError) and not is_wrong(seen, accepted):
        raise explain_untried(seen, accepted, "the old client secret", "nothing was changed")
    return isinstance(accepted, Secret)


def _end_old(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    listed: Mapping[str, ProviderSecret],
    *,
    old: ProviderSecret,
    value: Secret,
    evidence: Evidence,
    gate: tuple[Condition, ...],
) -> SecretRotationResult:
    """Switch the old one off, or delete it, if every condition is met."""
    is_open = all(each.is_met for each in gate)
    old_values = find_old_values(seen, rotation)
    if is_open:
        refuse_if_ambiguous(seen, rotation, listed.values(), old_values)
    if run.dry_run and is_open:
        verb = "delete" if rotation.step == "retired" or not admin.can_retire else "switch off"
        return run.conclude("would_change", f"would {verb} {old.id}", rotation=rotation, gate=gate)
    as_read = seen
    rotation, seen = _remember_tokens(run, seen, rotation, evidence)
    if not is_open:
        summary = f"the old client secret {old.id} is kept for now{explain_clock(run, seen)}"
        return run.conclude("waiting", summary, rotation=rotation, gate=gate)
    verify(run, seen, value)
    if has_to_try_old(seen, rotation, old):
        # The provider counts the trial as a use. Recorded first, so that a run after this one can
        # tell it from a use by somebody if the delete fails.
        rotation = replace(rotation, old_tried_at=run.now())
        seen = publish(run, seen, rotation)
    refuse_unless_old(run, seen, rotation, old)
    refuse_if_ambiguous(seen, rotation, admin.list(), old_values)  # minutes later
    refuse_if_edited(run, as_read)  # before each of these writes, which keep an edit
    if admin.can_retire and rotation.step == "overlap":
        return _retire(run, seen, rotation, admin, old, value=value, gate=gate)
    kept = StoredClientSecret(rotation.new or old, value)  # `old` is refused
    delete(admin, old.id, kept=kept, digest=rotation.old_digest)
    return finish(run, seen, rotation, value, gate=gate)


def _remember_tokens(
    run: SecretRun, seen: Situation, rotation: SecretRotation, evidence: Evidence
) -> tuple[SecretRotation, Situation]:
    """Store since when the new one mints, and when the other tokens expire, if that has changed."""
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
        kept = StoredClientSecret(rotation.new or old, value)
        switch_off(admin, old.id, kept=kept, digest=rotation.old_digest)
    rotation = replace(rotation, step="retired", retired_at=run.now())
    publish(run, seen, rotation, client_secrets=add_new(value))
    summary = (
        f"{old.id} is switched off at the provider; if anything breaks, switch it on again there."
        " A run in 24 hours deletes it"
    )
    return run.conclude("retired", summary, rotation=rotation, gate=gate)
