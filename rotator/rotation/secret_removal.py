"""The only place where client secrets are deleted at the provider, and never the one to keep.

A cache or a proxy can repeat the response to an earlier request, so that the old client secret
looks like a new one. And a clock that is ahead would end the overlap early, so the earlier of two
clocks counts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.instants import format_duration
from rotator.model.secret_rotation import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_listing import StoredClientSecret
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["delete", "explain_clock", "is_contradictory", "switch_off", "use_provider_clock"]

CLOCK_TOLERANCE = timedelta(minutes=1)
"""A smaller difference is not mentioned."""


def use_provider_clock(run: SecretRun, admin: ClientAdmin) -> SecretRun:
    """The run with the provider's clock, if this host's is ahead of the `Date` of its responses."""
    return replace(run, clock_ahead=admin.clock_ahead)


def explain_clock(run: SecretRun, seen: Situation) -> str:
    """The end of a summary if this host's clock is ahead; empty otherwise."""
    if run.clock_ahead < CLOCK_TOLERANCE:
        return ""
    minutes = timedelta(minutes=round(run.clock_ahead / timedelta(minutes=1)))
    return (
        f"; this host's clock is {format_duration(minutes)} ahead of that of"
        f" {seen.settings.kind.name}, which counts: correct it, and keep it synchronized with NTP"
    )


def is_contradictory(rotation: SecretRotation, listed: Mapping[str, ProviderSecret]) -> bool:
    """Whether the state has one client secret as the old and the new one, or the two swapped."""
    old, new = rotation.old, rotation.new
    has_one_value = rotation.new_digest is not None and rotation.new_digest == rotation.old_digest
    if has_one_value or old is None or new is None:
        return has_one_value
    old_at, new_at = (
        listed[each.id].created_at if each.id in listed else None for each in (old, new)
    )
    is_swapped = old_at is not None and new_at is not None and new_at < old_at
    return is_swapped or old.id == new.id


def switch_off(
    admin: ClientAdmin, secret_id: str, *, kept: StoredClientSecret, digest: str | None = None
) -> None:
    """Switch this client secret off; raises ConfigError if it is the one to keep.

    `digest` is that of its value, None if nobody has the value.
    """
    _refuse_kept(secret_id, digest, kept)
    admin.retire(secret_id)


def delete(
    admin: ClientAdmin, secret_id: str, *, kept: StoredClientSecret, digest: str | None = None
) -> None:
    """Delete this client secret; raises ConfigError if it is the one to keep."""
    _refuse_kept(secret_id, digest, kept)
    admin.delete(secret_id)


def _refuse_kept(secret_id: str, digest: str | None, kept: StoredClientSecret) -> None:
    if secret_id == kept.listed.id or (digest is not None and digest == digest_of(kept.value)):
        raise ConfigError(
            f"client secret {secret_id}: is the one that is kept; nothing was deleted. Look in"
            " the provider's console which client secrets there are, then run this again"
        )
