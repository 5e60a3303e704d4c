"""Ends a rotation of a client secret that the provider creates: finished, reverted or abandoned.

A stored value is dropped only if it is known to be invalid: the token endpoint refuses it as wrong,
and accepts another stored one. The provider's list may lag, and a refusal for another reason says
nothing about the client secret.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError, MintError, StoreError
from rotator.model.commands import run_command
from rotator.model.consent import only_name
from rotator.model.secret import Secret
from rotator.model.secret_rotation import SecretRotation, digest_of, digest_of_all, read_rotation
from rotator.model.stored import parse_fields
from rotator.rotation.publish import successor_id
from rotator.rotation.secret_listing import describe
from rotator.rotation.secret_run import (
    LISTING_LAG,
    STORE_PATIENCE_S,
    add_new,
    conclude_abandoned,
    drop_replaced,
    publish,
)
from rotator.rotation.secret_verification import (
    explain_lock_out,
    explain_others,
    explain_untried,
    find_accepted,
    is_wrong,
    may_mint,
    verify,
    verify_stored,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rotator.model.secret import StoredSecret
    from rotator.model.secret_rotation import ProviderSecret
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_gate import Condition
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = [
    "abandon",
    "abandon_rolled_back",
    "abandon_same_twice",
    "find_later_version",
    "finish",
    "finish_without_old",
    "previous_state",
    "revert",
    "settle_both_gone",
]


def previous_state(rotation: SecretRotation) -> SecretRotation | None:
    """The state without the rotation: the old client secret, and no rotation under way."""
    if rotation.old is None:
        return None
    return SecretRotation(
        id=rotation.id,
        step="done",
        started_at=rotation.started_at,
        new=rotation.old,
        new_digest=rotation.old_digest,
    )


# --- The old one is gone -------------------------------------------------------------------------


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
    done = SecretRotation(
        id=rotation.id,
        step="done",
        started_at=rotation.started_at,
        new=rotation.new,
        new_digest=rotation.new_digest,
    )
    left = publish(
        run,
        seen,
        done,
        client_secrets=_drop_old(rotation, value) if drops else add_new(value),
        patience_s=STORE_PATIENCE_S,
    )
    new_id, old_id = _ids(rotation)
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
    _, old_id = _ids(rotation)
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
            raise _explain_unlisted(seen, old_id)
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
    new_id, _ = _ids(rotation)
    gone = f"the new client secret {new_id} is gone at the provider"
    _refuse_unless_gone(run, seen, rotation)
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
        publish(run, seen, state, client_secrets=_put_last(rotation))
        summary += "; its value is kept behind the other one, since it may not be tried"
        return run.conclude("reverted", summary, rotation=state)
    _refuse_unless_old_works(run, seen, waits=not old.is_active)
    publish(run, seen, state, client_secrets=_drop_new(rotation))
    return run.conclude("reverted", summary, rotation=state)


def _refuse_unless_gone(run: SecretRun, seen: Situation, rotation: SecretRotation) -> None:
    """Raise if the list may lag, or the new client secret is not known to be invalid."""
    new_id, _ = _ids(rotation)
    if run.now() - (rotation.stored_at or rotation.started_at) < LISTING_LAG:
        raise _explain_unlisted(seen, new_id)
    if not may_mint(seen):
        return
    values = [each for each in seen.credentials.client_secrets if each == seen.new_value]
    refused = find_accepted(run, seen, values)
    if not isinstance(refused, MintError):
        raise _explain_unlisted(seen, new_id)
    if not is_wrong(seen, refused):
        raise explain_untried(seen, refused, f"{new_id}, which is not listed,", "both are kept")


def _refuse_unless_old_works(run: SecretRun, seen: Situation, *, waits: bool) -> None:
    others = [each for each in seen.credentials.client_secrets if each != seen.new_value]
    accepted = find_accepted(run, seen, others, waits=waits)
    if not isinstance(accepted, MintError):
        return
    if is_wrong(seen, accepted):
        raise explain_lock_out(seen, accepted, ())
    raise explain_untried(seen, accepted, "the old client secret", "both are kept")


def _drop_new(rotation: SecretRotation) -> Callable[[Sequence[str]], Sequence[str]]:
    def keep(texts: Sequence[str]) -> Sequence[str]:
        return [text for text in texts if digest_of(Secret(text)) != rotation.new_digest] or texts

    return keep


def _put_last(rotation: SecretRotation) -> Callable[[Sequence[str]], Sequence[str]]:
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
    both, there = " nor ".join(_ids(rotation)), tuple(listed.values())
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
            raise explain_lock_out(seen, accepted, there)
        raise explain_untried(seen, accepted, f"neither {both} is listed; they", "both are kept")
    if accepted == seen.new_value or rotation.old_digest in (None, digest_of(accepted)):
        raise _explain_unlisted(seen, both)
    return abandon(run, seen, rotation, listed)


def _explain_unlisted(seen: Situation, ids: str) -> ClientAdminError:
    return ClientAdminError(
        f"{seen.settings.kind.name}: does not list {ids}, but the token endpoint accepts it, or its"
        " list may lag behind; both client secrets are kept. Run this again",
        retryable=True,
    )


# --- Somebody has stored others ------------------------------------------------------------------


def abandon(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    listed: Mapping[str, ProviderSecret],
) -> SecretRotationResult:
    """End the rotation because others have edited the client secrets; nothing is deleted."""
    ended = "another client secret was stored meanwhile, so this rotation has ended"
    state = None
    if _is_back(seen, rotation):
        state = previous_state(rotation)
        how = "is no longer the first of" if seen.new_value else "was taken out of"
        ended = f"the new client secret {how} the credentials, so this rotation has ended"
    ours = [rotation.new, rotation.old if state is None else None]
    left = [each.id for each in ours if each is not None and each.id in listed]
    advice = _explain_left(seen, left, listed)
    old = listed.get(rotation.old.id) if rotation.old else None
    if old is not None and not old.is_active:
        advice += f"; {old.id} is switched off there: switch it on if the credentials hold it"
    return conclude_abandoned(run, seen, rotation, f"{ended}; {advice}", state=state)


def abandon_same_twice(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    listed: Mapping[str, ProviderSecret],
) -> SecretRotationResult:
    """End a rotation whose state has the same client secret as the old and the new one.

    Earlier releases stored such a state if a cache repeated an earlier response.
    """
    kind = seen.settings.kind
    ended = (
        f"the state names {' and '.join(sorted(set(_ids(rotation))))} as both the old and the new"
        f" client secret, so this rotation has ended and nothing was deleted; {kind.name} lists"
        f" {describe(tuple(listed.values())) or 'none'}: if there are several, find out which of"
        f" them the credentials hold before you delete one ({kind.where_to_delete})"
    )
    return conclude_abandoned(run, seen, rotation, ended)


def _is_back(seen: Situation, rotation: SecretRotation) -> bool:
    """Whether the old client secret is stored first, as before."""
    values = seen.credentials.client_secrets
    if rotation.old_digest is not None:
        return digest_of(values[0]) == rotation.old_digest
    return rotation.values_digest == digest_of_all(values)


def find_later_version(run: SecretRun, seen: Situation) -> StoredSecret | None:
    """The version that rotator stored after this one, if somebody has gone back to this one.

    None if there is none. Raises StoreError if it is current, so that the read of this one lagged.
    """
    version = seen.version
    later = run.store.read_version(version.secret_id, successor_id(version))
    if later is not None and "AWSCURRENT" in later.stages:
        raise StoreError(
            f"credentials secret {version.secret_id}: another run is rotating this client secret;"
            " run this again to see where it stands",
            operation="GetSecretValue",
            secret_id=version.secret_id,
            retryable=True,
        )
    return later


def abandon_rolled_back(
    run: SecretRun,
    seen: Situation,
    intent: SecretRotation,
    later: StoredSecret,
    listed: Sequence[ProviderSecret],
) -> SecretRotationResult:
    """End a rotation because AWSCURRENT was moved back to a version without the new client secret.

    Raises MintError if no stored client secret works, ConfigError if the list doesn't show which
    one it is.
    """
    rotation = read_rotation(parse_fields(later))
    new = rotation.new if rotation is not None and rotation.id == intent.id else None
    name = new.id if new else "a client secret"
    way_out = f"move AWSCURRENT to the newest version again ({later.version_id} holds {name})"
    stored = verify_stored(run, seen, listed, way_out=way_out)
    state = replace(
        intent,
        step="done",
        known_ids=(),
        values_digest=None,
        old=None,
        old_digest=None,
        new=stored.listed,
        new_digest=digest_of(stored.value),
    )
    by_id = {each.id: each for each in listed}
    left = [new.id] if new and new.id in by_id and new.id != stored.listed.id else []
    ended = (
        f"AWSCURRENT was moved back to a version from before {name} was stored, so this rotation"
        f" has ended; {_explain_left(seen, left, by_id)}"
    )
    return conclude_abandoned(run, seen, intent, ended, state=state)


def _explain_left(seen: Situation, left: Sequence[str], listed: Collection[str]) -> str:
    kind = seen.settings.kind
    if not left:
        return f"nothing of it is left at {kind.name}"
    are, it = "is", "it there if nobody uses it"
    if len(left) > 1:
        are, it = "are", "each that nobody uses"
    advice = (
        f"{' and '.join(left)} {are} still at {kind.name}: delete {it} ({kind.where_to_delete})"
    )
    if kind.capacity is not None and len(listed) >= kind.capacity:
        advice += ", else there is no room for the next rotation"
    return advice


def _ids(rotation: SecretRotation) -> tuple[str, str]:
    new, old = rotation.new, rotation.old
    return new.id if new else "?", old.id if old else "?"
