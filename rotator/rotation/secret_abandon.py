"""Ends a rotation without a delete, because somebody has changed the stored client secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.errors import ConfigError, MintError, StoreError
from rotator.model.commands import run_command, undo_command
from rotator.model.consent import only_name
from rotator.model.secret_rotation import SecretRotation, digest_of, digest_of_all, read_rotation
from rotator.model.stored import parse_fields
from rotator.rotation.publish import successor_id
from rotator.rotation.secret_earlier import explain_return, find_earlier
from rotator.rotation.secret_gate import has_minted
from rotator.rotation.secret_listing import describe
from rotator.rotation.secret_run import publish
from rotator.rotation.secret_verification import (
    explain_refused_stored,
    find_accepted,
    may_mint,
    verify_stored,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rotator.model.secret import StoredSecret
    from rotator.model.secret_rotation import ProviderSecret
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = [
    "abandon",
    "abandon_contradiction",
    "abandon_rolled_back",
    "conclude_abandoned",
    "find_later_version",
    "ids_of",
    "previous_state",
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


def ids_of(rotation: SecretRotation) -> tuple[str, str]:
    """The ids of the new and the old client secret, for messages."""
    new, old = rotation.new, rotation.old
    return new.id if new else "?", old.id if old else "?"


def conclude_abandoned(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    summary: str,
    *,
    state: SecretRotation | None = None,
    listed: Sequence[ProviderSecret] = (),
    way_out: str = "",
) -> SecretRotationResult:
    """End a rotation that can't go on, and leave `state`; a dry run only says so.

    Raises MintError or ConfigError if no stored client secret is known to work: AWSPREVIOUS may
    have the last one that does, and a write would take that label away. `way_out` is what to do
    then, if that is known.
    """
    _refuse_unless_accepted(run, seen, listed, way_out)
    if run.dry_run:
        return run.conclude("would_change", summary, rotation=rotation)
    publish(run, seen, state)
    return run.conclude("abandoned", summary, rotation=state)


def _refuse_unless_accepted(
    run: SecretRun, seen: Situation, listed: Sequence[ProviderSecret], way_out: str
) -> None:
    if may_mint(seen):
        values = seen.credentials.client_secrets
        accepted = find_accepted(run, seen, values)
        if isinstance(accepted, MintError):
            raise explain_refused_stored(run, seen, accepted, listed, way_out=way_out)
        return
    earlier = find_earlier(seen.version, seen.credentials, store=run.store, endpoint=run.endpoint)
    if earlier is None or has_minted(run, seen):
        return
    token_secret = only_name(seen.credentials.token_secrets)
    force = run_command(run.credentials_secret, token_secret, "--force")
    raise ConfigError(
        f"credentials secret {run.credentials_secret}: somebody has stored other client secrets,"
        " and no stored token was minted with them yet; nothing was changed. Run"
        f" {force}: if that mints, run this again; else {explain_return(earlier, seen.version)}"
    )


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
    advice = _explain_left(seen, left, listed, is_clear=_are_others(seen, rotation, left, listed))
    old = listed.get(rotation.old.id) if rotation.old else None
    way_out = ""
    if old is not None and not old.is_active:
        if state is not None:
            way_out = f"switch {old.id} on ({seen.settings.kind.console})"
        advice += f"; {old.id} is switched off there: switch it on if the credentials hold it"
    there = tuple(listed.values())
    summary = f"{ended}; {advice}"
    return conclude_abandoned(
        run, seen, rotation, summary, state=state, listed=there, way_out=way_out
    )


def _are_others(
    seen: Situation,
    rotation: SecretRotation,
    ids: Sequence[str],
    listed: Mapping[str, ProviderSecret],
) -> bool:
    """Whether none of these is a stored client secret, as far as the list and the state tell."""
    values = seen.credentials.client_secrets
    digests = {
        each.id: digest
        for each, digest in (
            (rotation.new, rotation.new_digest),
            (rotation.old, rotation.old_digest),
        )
        if each is not None
    }
    stored = {None, *map(digest_of, values)}
    return all(
        digests[each] not in stored or all(listed[each].matches(value) is False for value in values)
        for each in ids
    )


def abandon_contradiction(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    listed: Mapping[str, ProviderSecret],
) -> SecretRotationResult:
    """End a rotation whose state can't be right about which client secret is the new one.

    Earlier releases stored the same one twice if a cache repeated an earlier response.
    """
    kind = seen.settings.kind
    new_id, old_id = ids_of(rotation)
    ended = (
        f"the state names {new_id} as the new client secret and {old_id} as the old one, and both"
        " can't be right, so this rotation has ended and nothing was deleted;"
        f" {kind.name} lists {describe(tuple(listed.values())) or 'none'}: if there are several,"
        f" find out which of them the credentials hold before you delete one"
        f" ({kind.where_to_delete})"
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
    undo = undo_command(
        seen.version.secret_id,
        version_id=later.version_id,
        undone_id=seen.version.version_id,
        region=seen.version.region,
    )
    way_out = (
        f"move AWSCURRENT to the newest version again ({later.version_id} holds {name}): `{undo}`"
    )
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


def _explain_left(
    seen: Situation, left: Sequence[str], listed: Collection[str], *, is_clear: bool = True
) -> str:
    """What is left at the provider; without `is_clear`, one of those may be the stored one."""
    kind = seen.settings.kind
    if not left:
        return f"nothing of it is left at {kind.name}"
    are, it = "is", "it there if nobody uses it"
    if len(left) > 1:
        are, it = "are", "each that nobody uses"
    if not is_clear:
        how = f" ({kind.how_to_tell})" if kind.how_to_tell else ""
        it = f"it only if the credentials do not hold it: find that out first{how}"
    advice = (
        f"{' and '.join(left)} {are} still at {kind.name}: delete {it} ({kind.where_to_delete})"
    )
    if kind.capacity is not None and len(listed) >= kind.capacity:
        advice += ", else there is no room for the next rotation"
    return advice
