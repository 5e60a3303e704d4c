"""Ends a rotation of a client secret that the provider creates: finished or reverted.

A stored value is dropped only if it is known to be invalid: the token endpoint refuses it as wrong,
and accepts another stored one. The provider's list may lag, and a refusal for another reason says
nothing about the client secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError, MintError
from rotator.model.commands import run_command
from rotator.model.consent import only_name
from rotator.model.secret import Secret
from rotator.model.secret_rotation import SecretRotation, digest_of
from rotator.rotation.secret_abandon import abandon, ids_of, previous_state
from rotator.rotation.secret_listing import describe
from rotator.rotation.secret_run import (
    STORE_PATIENCE_S,
    add_new,
    drop_replaced,
    publish,
    refuse_if_edited,
)
from rotator.rotation.secret_unlisted import explain_unlisted, refuse_unless_gone
from rotator.rotation.secret_verification import (
    explain_lock_out,
    explain_others,
    explain_untried,
    find_accepted,
    is_wrong,
    may_mint,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.model.secret_rotation import ProviderSecret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_gate import Condition
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = [
    "done_state",
    "finish",
    "finish_without_old",
    "put_new_last",
    "revert",
    "settle_both_gone",
]


# --- The old one is gone -------------------------------------------------------------------------


def done_state(rotation: SecretRotation) -> SecretRotation:
    """The state once the new client secret is the stored one, and no old one is recorded."""
    return SecretRotation(
        id=rotation.id,
        step="done",
        started_at=rotation.started_at,
        new=rotation.new,
        new_digest=rotation.new_digest,
    )


def finish(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    value: Secret,
    *,
    gate: tuple[Condition, ...] = (),
    drops: bool = True,
) -> SecretRotationResult:
    """Finish the rotation: the provider has deleted the old client secret, and the new one works.

    The old value is dropped; without `drops` it is kept after the new one.
    """
    done = done_state(rotation)
    left = publish(
        run,
        seen,
        done,
        client_secrets=_drop_old(rotation, value) if drops else add_new(value),
        patience_s=STORE_PATIENCE_S,
    )
    new_id, old_id = ids_of(rotation)
    summary = f"client secret {new_id} has replaced {old_id}, which is deleted"
    summary += explain_others(run, left, value) if drops else ""
    if not drops:
        summary = (
            f"client secret {new_id} has replaced {old_id}, which is not listed any more;"
            " its value is kept behind the new one, since it may not be tried (single_active)"
        )
    return run.conclude("finished", summary, rotation=done, gate=gate)


def finish_without_old(
    run: SecretRun, seen: Situation, rotation: SecretRotation, value: Secret
) -> SecretRotationResult:
    """Finish if the old one is no longer listed, its value is refused, and the new one works."""
    _, old_id = ids_of(rotation)
    if run.dry_run:
        summary = f"would drop the value of {old_id}, which is gone at the provider"
        return run.conclude("would_change", summary, rotation=rotation)
    verify(run, seen, value)
    if not may_mint(seen):
        return finish(run, seen, rotation, value, drops=False)
    for other in seen.credentials.client_secrets:
        if rotation.old_digest not in (None, digest_of(other)) or other == value:
            continue
        refused = find_accepted(run, seen, (other,))
        if not isinstance(refused, MintError):
            raise explain_unlisted(run, seen, rotation, old_id, accepted=old_id)
        if not is_wrong(seen, refused):
            raise explain_untried(seen, refused, f"{old_id}, which is not listed,", "both are kept")
    return finish(run, seen, rotation, value)


def _drop_old(rotation: SecretRotation, value: Secret) -> Callable[[Sequence[str]], Sequence[str]]:
    """An edit that drops the old value only, and adds the new one if somebody has removed it."""
    if rotation.old_digest is None:  # of an older release
        return drop_replaced(value)

    def keep(texts: Sequence[str]) -> Sequence[str]:
        kept = [text for text in texts if digest_of(Secret(text)) != rotation.old_digest]
        return kept if value.reveal() in kept else [value.reveal(), *kept]

    return keep


# --- The new one is gone -------------------------------------------------------------------------


def revert(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    admin: ClientAdmin,
    old: ProviderSecret,
) -> SecretRotationResult:
    """Go back to the old one: the provider doesn't list the new one, and only the old one works."""
    new_id, _ = ids_of(rotation)
    gone = f"the new client secret {new_id} is gone at the provider"
    refuse_unless_gone(run, seen, rotation)
    if not old.is_active and rotation.step != "retired":
        raise ClientAdminError(
            f"{seen.settings.kind.name}: {gone}, and somebody has switched {old.id} off; nothing"
            f" was changed. Switch it on ({seen.settings.kind.console}), then run this again"
        )
    again = "" if old.is_active else ", which is switched on again,"
    summary = f"{gone}, so {old.id}{again} is the only one again"
    if run.dry_run:
        return run.conclude("would_change", f"would go back: {summary}", rotation=rotation)
    if not old.is_active:
        admin.restore(old.id)
    state = previous_state(rotation)
    if not may_mint(seen):
        refuse_if_edited(run, seen)
        publish(run, seen, state, client_secrets=put_new_last(rotation))
        summary += "; its value is kept behind the other one, since it may not be tried"
        return run.conclude("reverted", summary, rotation=state)
    _refuse_unless_old_works(run, seen, waits=not old.is_active)
    refuse_if_edited(run, seen)
    publish(run, seen, state, client_secrets=_drop_new(rotation))
    return run.conclude("reverted", summary, rotation=state)


def _refuse_unless_old_works(run: SecretRun, seen: Situation, *, waits: bool) -> None:
    others = [each for each in seen.credentials.client_secrets if each != seen.new_value]
    # Where no other is stored, the refusal of the new one leads to the error that says what to do.
    accepted = find_accepted(run, seen, others or seen.credentials.client_secrets, waits=waits)
    if not isinstance(accepted, MintError):
        return
    if is_wrong(seen, accepted):
        raise explain_lock_out(run, seen, accepted, ())
    raise explain_untried(seen, accepted, "the old client secret", "both are kept")


def _drop_new(rotation: SecretRotation) -> Callable[[Sequence[str]], Sequence[str]]:
    def keep(texts: Sequence[str]) -> Sequence[str]:
        return [text for text in texts if digest_of(Secret(text)) != rotation.new_digest] or texts

    return keep


def put_new_last(rotation: SecretRotation) -> Callable[[Sequence[str]], Sequence[str]]:
    """An edit that puts the new client secret behind all others."""

    def keep(texts: Sequence[str]) -> Sequence[str]:
        return sorted(texts, key=lambda text: digest_of(Secret(text)) == rotation.new_digest)

    return keep


def settle_both_gone(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    listed: Mapping[str, ProviderSecret],
) -> SecretRotationResult:
    """Settle a rotation whose client secrets are both not listed; another stored one may work."""
    both, there = " nor ".join(ids_of(rotation)), tuple(listed.values())
    if not may_mint(seen):
        force = run_command(
            run.credentials_secret, only_name(seen.credentials.token_secrets), "--force"
        )
        raise ClientAdminError(
            f"{seen.settings.kind.name}: lists neither {both}, but {describe(there) or 'none'};"
            f" both values are kept. Check client_admin, and that {force} mints"
        )
    accepted = find_accepted(run, seen, seen.credentials.client_secrets)
    if isinstance(accepted, MintError):
        if is_wrong(seen, accepted):
            raise explain_lock_out(run, seen, accepted, there)
        raise explain_untried(seen, accepted, f"neither {both} is listed; they", "both are kept")
    if accepted == seen.new_value or rotation.old_digest in (None, digest_of(accepted)):
        new_id, old_id = ids_of(rotation)
        which = new_id if accepted == seen.new_value else old_id
        raise explain_unlisted(run, seen, rotation, f"{new_id} and {old_id}", accepted=which)
    return abandon(run, seen, rotation, listed)
