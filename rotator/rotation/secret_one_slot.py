"""Rotates a client secret where there is only one, whose value rotator chooses.

The new value is stored before the old one in the list: while the provider's servers change over,
some accept the one and some the other, and the job tries both. Setting the same value twice does no
harm, so after a lost response it is set again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError, ConfigError, MintError
from rotator.model.commands import set_command
from rotator.model.instants import format_instant
from rotator.model.secret_rotation import ProviderSecret, SecretRotation, digest_of
from rotator.rotation.secret_abandon import conclude_abandoned
from rotator.rotation.secret_gate import Condition
from rotator.rotation.secret_interruption import log_interruption
from rotator.rotation.secret_room import refuse_without_room
from rotator.rotation.secret_run import (
    add_new,
    drop_replaced,
    explain_age,
    is_old_enough,
    publish,
    refuse_if_edited,
)
from rotator.rotation.secret_verification import (
    explain_refused_stored,
    find_accepted,
    find_refusal,
    find_replacement,
    may_mint,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.model.secret import Secret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["advance_one_slot"]

CHANGEOVER = timedelta(minutes=10)
"""How long the old value is kept after the new one was set; Auth0 documents 30 seconds."""


def advance_one_slot(run: SecretRun, seen: Situation) -> SecretRotationResult:
    """Take the next steps of the rotation, as far as possible now."""
    rotation = seen.rotation
    if rotation is None or rotation.step == "done":
        return _begin(run, seen)
    value = seen.new_value
    if value is None or seen.credentials.client_secrets[0] != value:
        return _abandon(run, seen, rotation)
    if rotation.step == "adding":
        _refuse_unless_stored(run, seen)
        return _replace(run, seen, rotation, value, run.open_admin(seen))
    return _finish(run, seen, rotation, value)


def _begin(run: SecretRun, seen: Situation) -> SecretRotationResult:
    known = seen.rotation.new if seen.rotation else None
    lifetime = timedelta(days=seen.settings.lifetime_days)
    if known is not None and not is_old_enough(run, known, lifetime):
        return run.conclude("not_due", explain_age(run, known, lifetime), rotation=seen.rotation)
    # This ends the one that works at the provider, so that has to be a stored one.
    _refuse_unless_stored(run, seen)
    refuse_without_room(run, seen)
    admin = run.open_admin(seen)
    admin.authenticate()
    if run.dry_run:
        return run.conclude("would_change", "would set a new client secret")
    value, now, new_id = run.new_value(), run.now(), run.new_id()
    rotation = SecretRotation(
        id=new_id,
        step="adding",
        started_at=now,
        new=ProviderSecret(id=new_id, created_at=now),
        new_digest=digest_of(value),
    )

    def put_first(texts: Sequence[str]) -> Sequence[str]:
        return [value.reveal(), *texts]

    seen = publish(run, seen, rotation, client_secrets=put_first)
    return _replace(run, seen, rotation, value, admin)


def _refuse_unless_stored(run: SecretRun, seen: Situation) -> None:
    """Raise if the client secret at the provider may have been set by hand and not stored."""
    if not may_mint(seen):
        raise ConfigError(
            f"credentials secret {seen.version.secret_id}: single_active forbids trying whether the"
            f" stored client secret is the one that {seen.settings.kind.name} has; nothing was"
            " changed. Set one at the provider, and store it with"
            f" {set_command(seen.version.secret_id)}"
        )
    accepted = find_accepted(run, seen, seen.credentials.client_secrets)
    if isinstance(accepted, MintError):
        raise explain_refused_stored(run, seen, accepted)


def _replace(
    run: SecretRun, seen: Situation, rotation: SecretRotation, value: Secret, admin: ClientAdmin
) -> SecretRotationResult:
    if run.dry_run:
        summary = "would set the stored client secret at the provider, as a lost run has not"
        return run.conclude("would_change", summary, rotation=rotation)
    refuse_if_edited(run, seen)
    both = "the new client secret is stored, with the old one behind it"
    with log_interruption(run, f"{both}; the next run goes on from there"):
        _set(run, seen, admin, value)
        rotation = replace(rotation, step="overlap", stored_at=run.now())
        seen = publish(run, seen, rotation, client_secrets=add_new(value))
        refused = find_refusal(run, seen, value)
        replaced = find_replacement(run, seen, value)  # during the minutes that this takes
    if replaced is not None:
        return _abandon(run, replaced, rotation)
    if refused is not None:
        raise refused
    until = format_instant((rotation.stored_at or run.now()) + CHANGEOVER)
    summary = f"the new client secret is set and accepted; the old value is kept until {until}"
    return run.conclude("started", summary, rotation=rotation)


def _set(run: SecretRun, seen: Situation, admin: ClientAdmin, value: Secret) -> None:
    """Set the value; an error counts only if the token endpoint doesn't accept the value.

    The provider may have acted whatever the response was, since a proxy can replace it. So no
    error, not even a refusal, takes the value out of the credentials.
    """
    problem = None
    try:
        admin.replace(value)
    except ClientAdminError as error:
        problem = error
    if problem is None or not isinstance(find_accepted(run, seen, (value,)), MintError):
        return
    raise ClientAdminError(
        f"{problem}; as the provider may have set it all the same, the new client secret stays"
        " stored with the old one behind it, and the next run sets it again",
        retryable=problem.retryable,
        status=problem.status,
        debug_id=problem.debug_id,
    )


def _finish(
    run: SecretRun, seen: Situation, rotation: SecretRotation, value: Secret
) -> SecretRotationResult:
    over_at = (rotation.stored_at or rotation.started_at) + CHANGEOVER
    is_over = run.now() >= over_at
    have = "had" if is_over else "have"
    text = f"the provider's servers {have} until {format_instant(over_at)} to learn the new one"
    gate = (Condition("changeover", is_over, text),)
    if not is_over:
        return run.conclude("waiting", "the old value is kept", rotation=rotation, gate=gate)
    if run.dry_run:
        summary = "would drop the old value, if the new one is accepted"
        return run.conclude("would_change", summary, rotation=rotation, gate=gate)
    verify(run, seen, value)
    done = SecretRotation(
        id=rotation.id, step="done", started_at=rotation.started_at, new=rotation.new
    )
    publish(run, seen, done, client_secrets=drop_replaced(value))
    return run.conclude(
        "finished", "the new client secret is the only one now", rotation=done, gate=gate
    )


def _abandon(run: SecretRun, seen: Situation, rotation: SecretRotation) -> SecretRotationResult:
    """End the rotation because somebody has stored another client secret, alone or first."""
    summary = (
        "another client secret was stored meanwhile, so this rotation has ended; the stored ones"
        " were left as they are"
    )
    return conclude_abandoned(run, seen, rotation, summary)
