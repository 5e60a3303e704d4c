"""Tells a client secret that is gone at the provider from one that is not listed yet, or any more.

A list can lag, and so can the token endpoint: each alone, and both together for hours after a
client secret was made.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.errors import ClientAdminError, MintError
from rotator.model.commands import remove_command
from rotator.model.instants import format_instant
from rotator.rotation.secret_abandon import ids_of
from rotator.rotation.secret_run import SETTLING
from rotator.rotation.secret_verification import (
    end_by_hand,
    explain_untried,
    find_accepted,
    is_wrong,
    may_mint,
)

if TYPE_CHECKING:
    from rotator.model.secret_rotation import SecretRotation
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["explain_unlisted", "refuse_unless_gone"]

LONGEST_LAG = timedelta(hours=24)
"""How long a provider may take until it lists or accepts a client secret. None documents this."""

PATIENCE = timedelta(days=3)
"""How long after the overlap it counts as temporary that an accepted client secret is not listed: a
rotation whose state is right has normally ended by then."""


def refuse_unless_gone(run: SecretRun, seen: Situation, rotation: SecretRotation) -> None:
    """Raise if the new client secret, which is not listed, may still work, or work later."""
    new_id, _ = ids_of(rotation)
    refuses = ""
    if may_mint(seen):
        values = [each for each in seen.credentials.client_secrets if each == seen.new_value]
        refused = find_accepted(run, seen, values)
        if not isinstance(refused, MintError):
            raise explain_unlisted(run, seen, rotation, new_id, accepted=new_id)
        if not is_wrong(seen, refused):
            raise explain_untried(seen, refused, f"{new_id}, which is not listed,", "both are kept")
        refuses = ", and the token endpoint refuses it"
    # One that has minted a token was known everywhere.
    lag = SETTLING if rotation.minted_since else LONGEST_LAG
    gone_at = (rotation.stored_at or rotation.started_at) + lag
    if run.now() < gone_at:
        raise ClientAdminError(
            f"{seen.settings.kind.name}: does not list {new_id}{refuses}. It may still become known"
            f" there, so both are kept until {format_instant(gone_at)}; run this again then. If"
            " somebody has deleted it, take its value out with"
            f" {remove_command(seen.version.secret_id, 1)}, then run this again",
            retryable=True,
        )


def explain_unlisted(
    run: SecretRun, seen: Situation, rotation: SecretRotation, missing: str, *, accepted: str
) -> ClientAdminError:
    """The error for client secrets that are not listed, though one is accepted.

    It counts as temporary until some days after the overlap.
    """
    kind = seen.settings.kind
    text = (
        f"{kind.name}: does not list {missing}, but the token endpoint accepts the value of"
        f" {accepted}; both client secrets are kept"
    )
    settled_at = (rotation.stored_at or rotation.started_at) + run.overlap + PATIENCE
    if run.now() < settled_at:
        return ClientAdminError(f"{text}. Run this again", retryable=True)
    new_id, old_id = ids_of(rotation)
    return ClientAdminError(
        f"{text}. {kind.name} should have listed both long ago: the state names {new_id} as the new"
        f" one and {old_id} as the old one. See which are there ({kind.console}). If these ids are"
        f" wrong, {end_by_hand(seen)}"
    )
