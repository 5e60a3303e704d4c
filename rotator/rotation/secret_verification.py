"""Tries client secrets at the token endpoint: which one it accepts, and which one is invalid.

A list without values proves little: the only client secret in it may have been added for another
use. So the list alone never decides which one is the stored one, or that a value is dropped.
Nothing is minted if that would end the stored token (`single_active`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from rotator.errors import ConfigError, MintError
from rotator.model.client_credentials import ROTATION_FIELD
from rotator.model.commands import run_command, set_command
from rotator.model.consent import only_name
from rotator.model.instants import format_instant
from rotator.model.providers import resolve
from rotator.model.secret_rotation import digest_of
from rotator.rotation.secret_earlier import explain_way_out
from rotator.rotation.secret_listing import StoredClientSecret, describe, find_bound, identify
from rotator.rotation.secret_run import SETTLING, find_edit, refuse_if_overtaken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.model.secret import Secret
    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = [
    "LOCKED_OUT",
    "end_by_hand",
    "explain_lock_out",
    "explain_others",
    "explain_refused_stored",
    "explain_untried",
    "find_accepted",
    "find_old_values",
    "find_refusal",
    "find_replacement",
    "has_to_try_old",
    "is_refused",
    "is_wrong",
    "may_mint",
    "refuse_unless_old",
    "verify",
    "verify_stored",
]

VERIFY_S = 120.0
"""How long a run retries a new client secret that is refused: providers need seconds to minutes
until all of their servers know it."""

VERIFY_PAUSE_S = 10.0

LOCKED_OUT = "No stored client secret is accepted"
"""The heading in docs/client-secrets.md with the way out."""


def may_mint(seen: Situation) -> bool:
    """Whether a client secret may be tried: not if minting ends the stored token."""
    return not resolve(seen.credentials).single_active


def find_accepted(
    run: SecretRun, seen: Situation, values: Sequence[Secret], *, waits: bool = False
) -> Secret | MintError:
    """The first of these values that the token endpoint accepts, else the refusal of the last one.

    The token is discarded. With `waits`, refused values are retried for at most two minutes. Raises
    ConfigError if tokens are minted without a client secret.
    """
    left_s = run.remaining_s() if run.remaining_s else VERIFY_S
    wait_s = min(VERIFY_S, left_s)
    ends_at_s = run.clock.monotonic() + wait_s
    is_logged = False
    while isinstance(found := _try(run, seen, values), MintError):
        is_over = run.clock.monotonic() + VERIFY_PAUSE_S > ends_at_s
        if not waits or is_over or not is_refused(seen, found):
            break
        if not is_logged:
            _log_wait(run, wait_s)
            is_logged = True
        run.clock.sleep(VERIFY_PAUSE_S)
    return found


def _log_wait(run: SecretRun, wait_s: float) -> None:
    """Say why nothing happens for minutes: people would take it for a fault, and interrupt it."""
    until = format_instant(run.clock.now() + timedelta(seconds=wait_s))
    structlog.get_logger().info(
        "rotator.client_secret_awaited",
        credentials_secret=run.credentials_secret,
        summary=f"the token endpoint doesn't accept the client secret yet; tried until {until}",
    )


def _try(run: SecretRun, seen: Situation, values: Sequence[Secret]) -> Secret | MintError:
    try:
        minted = run.endpoint.mint(replace(seen.credentials, client_secrets=tuple(values)))
    except MintError as error:
        return error
    if minted.client_secret_position is None:
        raise ConfigError(
            f"credentials secret {seen.version.secret_id}: its tokens are minted with a key or a"
            " certificate, so no client secret can be tried; take the field client_secret out, or"
            " change auth_method"
        )
    return values[minted.client_secret_position - 1]


def is_wrong(seen: Situation, refused: MintError) -> bool:
    """Whether the refusal means that the client secret is wrong, and nothing else."""
    return refused.oauth_error in seen.settings.kind.wrong_secret_codes


def is_refused(seen: Situation, refused: MintError) -> bool:
    """As `is_wrong`, or a refusal without an error code, which probably means the same."""
    is_bare = refused.status == HTTPStatus.UNAUTHORIZED and refused.oauth_error is None
    return is_bare or is_wrong(seen, refused)


def verify_stored(
    run: SecretRun, seen: Situation, listed: Sequence[ProviderSecret], *, way_out: str = ""
) -> StoredClientSecret:
    """The listed client secret that is stored and works, with its value; changes nothing.

    `way_out` replaces the usual advice for the case that none works. Raises MintError if the token
    endpoint accepts no stored one, ConfigError if the list doesn't show which one it is.
    """
    if not may_mint(seen):
        return _find_stored(seen, listed)
    values = seen.credentials.client_secrets
    accepted = find_accepted(run, seen, values)
    if not isinstance(accepted, MintError):
        return StoredClientSecret(identify(seen, listed, accepted), accepted)
    raise explain_refused_stored(run, seen, accepted, listed, way_out=way_out)


def explain_refused_stored(
    run: SecretRun,
    seen: Situation,
    refused: MintError,
    listed: Sequence[ProviderSecret] = (),
    *,
    way_out: str = "",
) -> MintError:
    """The error if no stored client secret mints: they are wrong, or something else is."""
    if is_refused(seen, refused):
        return explain_lock_out(run, seen, refused, listed, way_out=way_out)
    return explain_untried(seen, refused, "the stored client secret", "nothing was changed")


def _find_stored(seen: Situation, listed: Sequence[ProviderSecret]) -> StoredClientSecret:
    bound = find_bound(seen, listed)
    if bound is not None:
        return bound
    matching = [
        StoredClientSecret(each, value)
        for value in seen.credentials.client_secrets
        for each in listed
        if each.is_active and each.matches(value)
    ]
    if len(matching) == 1:
        return matching[0]
    kind = seen.settings.kind
    raise ConfigError(
        f"{kind.name}: lists {describe(listed) or 'none'}, and nothing there tells which of them is"
        " the stored one; it cannot be tried, since minting would end the stored token"
        " (single_active). Nothing was changed; replace it by hand (docs/client-secrets.md)"
    )


def verify(run: SecretRun, seen: Situation, value: Secret) -> None:
    """Mint with the new client secret alone; retries for at most two minutes while it is refused.

    If it may not be tried, the gate alone decides. Raises MintError; nothing has changed then, and
    the old one still works.
    """
    refused = find_refusal(run, seen, value)
    if refused is not None:
        raise refused


def find_refusal(run: SecretRun, seen: Situation, value: Secret) -> MintError | None:
    """The error that `verify` raises, None if it raises none."""
    if not may_mint(seen):
        return None
    accepted = find_accepted(run, seen, (value,), waits=True)
    return _explain_refused_new(run, seen, accepted) if isinstance(accepted, MintError) else None


def find_replacement(run: SecretRun, seen: Situation, value: Secret) -> Situation | None:
    """The situation if somebody has stored another client secret than this first, else None.

    Raises VersionConflict if it was another run.
    """
    edited = find_edit(run, seen)
    if edited is None or edited.credentials.client_secrets[0] == value:
        return None
    refuse_if_overtaken(run, seen)
    return edited


def explain_others(run: SecretRun, seen: Situation, value: Secret) -> str:
    """The end of a summary if other client secrets are stored, and how many of them are refused."""
    others = [each for each in seen.credentials.client_secrets if each != value]
    if not others:
        return ""
    refused = [find_accepted(run, seen, (each,)) for each in others] if may_mint(seen) else []
    count = sum(isinstance(each, MintError) and is_wrong(seen, each) for each in refused)
    dead = f", of which {count} {'are' if count > 1 else 'is'} refused" if count else ""
    are = "others are" if len(others) > 1 else "other is"
    return (
        f"; {len(others)} {are} stored too{dead}: remove those that nobody needs from the"
        " credentials secret"
    )


def has_to_try_old(seen: Situation, rotation: SecretRotation, listed: ProviderSecret) -> bool:
    """Whether the list doesn't tell if the stored old value is of this one, and a trial can."""
    values = find_old_values(seen, rotation)
    matches = {listed.matches(value) for value in values}
    can_be_tried = rotation.step == "overlap" and may_mint(seen)
    return can_be_tried and None in matches and True not in matches


def refuse_unless_old(
    run: SecretRun, seen: Situation, rotation: SecretRotation, listed: ProviderSecret
) -> None:
    """Raise ConfigError unless the client secret to be deleted is the stored old one.

    The list decides if it shows that. Otherwise the old value has to work: if it doesn't, it is not
    the value of the listed client secret.
    """
    values = find_old_values(seen, rotation)
    matches = {listed.matches(value) for value in values} or {None}
    if True in matches:
        return
    can_be_tried = has_to_try_old(seen, rotation, listed)
    if None in matches and rotation.old_digest is not None and not can_be_tried:
        return  # verified when it was recorded
    if can_be_tried:
        accepted = find_accepted(run, seen, values)
        if not isinstance(accepted, MintError):
            return
        if not is_wrong(seen, accepted):
            raise explain_untried(seen, accepted, "the old client secret", "both are kept")
    kind = seen.settings.kind
    raise ConfigError(
        f"{kind.name}: {listed.id} may be somebody else's: the old value that is stored is not"
        f" known to be of it. Nothing was deleted; if nobody uses {listed.id}, delete it there"
        f" ({kind.where_to_delete}), then run this again. Otherwise {end_by_hand(seen)}"
    )


def end_by_hand(seen: Situation) -> str:
    """What people do to end a rotation that can't go on and can't be settled."""
    return (
        f'end this rotation: store {{"{ROTATION_FIELD}": null}} with'
        f" {set_command(seen.version.secret_id)}"
    )


def find_old_values(seen: Situation, rotation: SecretRotation) -> list[Secret]:
    """The stored values that may be the old one; at most one, if it was recorded."""
    values = {digest_of(value): value for value in seen.credentials.client_secrets}
    if rotation.old_digest is not None:
        return [value for digest, value in values.items() if digest == rotation.old_digest]
    return [value for digest, value in values.items() if digest != rotation.new_digest]


def explain_lock_out(
    run: SecretRun,
    seen: Situation,
    refused: MintError,
    listed: Sequence[ProviderSecret],
    *,
    way_out: str = "",
) -> MintError:
    """The error if no stored client secret works: what the provider lists, and the way out."""
    kind, secret_id = seen.settings.kind, seen.version.secret_id
    are = (
        "none of its client secrets is"
        if len(seen.credentials.client_secrets) > 1
        else ("its client secret is not")
    )
    there = (
        f"; {kind.name} lists {describe(listed)}, which may be in use elsewhere" if listed else ""
    )
    way_out = way_out or explain_way_out(
        seen.version,
        seen.credentials,
        f"make a client secret in the provider's console ({kind.console}), store it with"
        f" {set_command(secret_id)}",
        store=run.store,
        endpoint=run.endpoint,
    )
    return _copy(
        refused,
        f"credentials secret {secret_id}: {are} accepted ({refused}){there}; nothing was changed."
        f' To recover, {way_out}, then run this again (docs/client-secrets.md, "{LOCKED_OUT}")',
        is_temporary=False,
    )


def explain_untried(seen: Situation, refused: MintError, what: str, kept: str) -> MintError:
    """The error for a failure that is not about the client secret, such as a refused scope."""
    token_secret = only_name(seen.credentials.token_secrets)
    force = run_command(seen.version.secret_id, token_secret, "--force")
    return _copy(
        refused,
        f"token endpoint: {what} could not be tried ({refused}); {kept}; see that {force} mints,"
        " then run this again",
        is_temporary=refused.retryable,
    )


def _explain_refused_new(run: SecretRun, seen: Situation, refused: MintError) -> MintError:
    rotation, kind = seen.rotation, seen.settings.kind
    stored_at = (rotation.stored_at or rotation.started_at) if rotation else None
    name = rotation.new.id if rotation and rotation.new else "?"
    if not is_refused(seen, refused):
        return explain_untried(seen, refused, f"the new client secret {name}", "both are kept")
    is_temporary = refused.retryable
    text = f"token endpoint: does not accept the new client secret {name}"
    ended = _expiry(run, rotation.new if rotation else None)
    if ended:
        is_temporary = False
        text += f", which has expired at {ended}"
    elif stored_at is not None:
        is_temporary = run.now() - stored_at < SETTLING
        text += ", yet" if is_temporary else f", which is stored since {format_instant(stored_at)}"
    hint = "run this again"
    if not is_temporary:
        where = kind.where_to_delete
        hint = f"delete {name} at the provider ({where}), then run this again to begin anew"
    old_ended, kept = _expiry(run, rotation.old if rotation else None), "the old one is kept"
    if old_ended:
        kept = f"the old one has expired too, at {old_ended}"
    if (kind.chooses_value or old_ended) and not is_temporary:
        hint = f"make one at the provider, and store it with {set_command(seen.version.secret_id)}"
    return _copy(refused, f"{text} ({refused}); {kept}; {hint}", is_temporary=is_temporary)


def _expiry(run: SecretRun, listed: ProviderSecret | None) -> str:
    """When a client secret has expired; empty if it hasn't."""
    if listed is None or listed.expires_at is None or run.now() < listed.expires_at:
        return ""
    return format_instant(listed.expires_at)


def _copy(refused: MintError, message: str, *, is_temporary: bool) -> MintError:
    return MintError(
        message,
        retryable=is_temporary,
        status=refused.status,
        oauth_error=refused.oauth_error,
        debug_id=refused.debug_id,
    )
