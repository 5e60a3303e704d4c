"""Rotating a client secret where the provider makes it, and the old one can live beside it.

The order is what keeps the working client secret: intent, add, store both, prove, wait, delete the
old one, store the new one alone. Whatever is lost in between, the next run finds in the state, or
in what the provider lists.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError, MintError
from rotator.model.providers import refuses_client, resolve
from rotator.model.secret import Secret
from rotator.model.secret_rotation import SecretRotation, digest_of, digest_of_all
from rotator.rotation.secret_add import before_intent, begin, settle_add
from rotator.rotation.secret_gate import assess_gate, observe_tokens
from rotator.rotation.secret_run import (
    LISTING_LAG,
    STORE_PATIENCE_S,
    keep_from_new,
    prove,
    publish,
    refuse_if_edited,
    with_new,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rotator.model.secret_rotation import ProviderSecret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_gate import Condition
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
    if value is None or old is None or new is None:
        return _abandon(run, seen, rotation, listed)
    evidence = observe_tokens(run, seen)
    if old.id not in listed:
        if resolve(seen.credentials).single_active and not evidence.minted_since:
            summary = (
                f"{old.id} is gone at the provider; its value is kept until a token shows"
                f" that {new.id} works"
            )
            return run.conclude("waiting", summary, rotation=rotation, gate=evidence.conditions)
        return _finish(run, seen, rotation, value)
    if new.id not in listed:
        return _revert(run, seen, rotation, value)
    if not evidence.minted_since and not run.dry_run:
        prove(run, seen, value)
    gate = assess_gate(run, rotation, listed[old.id], evidence)
    is_open = all(each.is_met for each in gate)
    if run.dry_run and is_open:
        verb = "delete" if rotation.step == "retired" or not admin.can_retire else "switch off"
        return run.conclude("would_change", f"would {verb} {old.id}", rotation=rotation, gate=gate)
    if evidence.minted_since != rotation.minted_since and not run.dry_run:
        rotation = replace(rotation, minted_since=evidence.minted_since)
        seen = publish(run, seen, rotation)
    if not is_open:
        summary = f"the old client secret {old.id} is kept for now"
        return run.conclude("waiting", summary, rotation=rotation, gate=gate)
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
    return run.conclude("retired", summary, rotation=rotation, gate=gate)


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
        return run.conclude("would_change", summary, rotation=rotation)
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
    return run.conclude("finished", summary, rotation=done, gate=gate)


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
        f"the new client secret {new_id} is gone at the provider, so {old_id} is the only one again"
    )
    if run.dry_run:
        would = f"would drop the value of {new_id}: {summary}"
        return run.conclude("would_change", would, rotation=rotation)
    digest = rotation.new_digest

    def drop_new(texts: Sequence[str]) -> Sequence[str]:
        return [text for text in texts if digest_of(Secret(text)) != digest] or texts

    state = before_intent(rotation)
    publish(run, seen, state, client_secrets=drop_new)
    return run.conclude("reverted", summary, rotation=state)


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


def _abandon(
    run: SecretRun, seen: Situation, rotation: SecretRotation, listed: Collection[str]
) -> SecretRotationResult:
    """Somebody has taken the new one out: what is stored is believed, and nothing is deleted."""
    kind = seen.settings.kind
    ended = "another client secret was stored meanwhile, so this rotation has ended"
    state = None
    if rotation.values_digest == digest_of_all(seen.credentials.client_secrets):
        state = before_intent(rotation)
        ended = "the new client secret was taken out of the credentials, so this rotation has ended"
    ours = [rotation.new, rotation.old if state is None else None]
    left = [each.id for each in ours if each is not None and each.id in listed]
    told = f"nothing of it is left at {kind.name}"
    if left:
        are, it = ("are", "each that") if len(left) > 1 else ("is", "it there if")
        told = (
            f"{' and '.join(left)} {are} still at {kind.name}: delete {it} nobody uses"
            f" ({kind.console})"
        )
        if kind.capacity is not None and len(listed) >= kind.capacity:
            told += ", else there is no room for the next rotation"
    if run.dry_run:
        return run.conclude("would_change", f"{ended}; {told}", rotation=rotation)
    publish(run, seen, state)
    return run.conclude("abandoned", f"{ended}; {told}", rotation=state)
