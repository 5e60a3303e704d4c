"""Whether a new client secret lives long enough for the old one to be deleted.

After the delete the new one is the only one, until the next rotation has added another and the job
mints with that. If the new one ends before, keeping the old one is what keeps the job minting.
"""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import ConfigError
from rotator.model.instants import format_duration, format_instant
from rotator.rotation.secret_gate import Condition, documented_lifetime
from rotator.rotation.secret_verification import find_old_values, may_mint

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.secret_gate import Evidence
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["Pair", "condition_of_life", "explain_short_grant", "refuse_short_life", "runs_out"]

RUN_INTERVAL = timedelta(days=1)
"""The longest time between two runs that the page of client secrets recommends."""

GRANT_TOLERANCE = timedelta(hours=1)
"""How much less than was asked for a provider may grant without mention."""


class Pair(NamedTuple):
    """The client secrets of a rotation, as the provider lists them."""

    old: ProviderSecret
    new: ProviderSecret

    @property
    def old_outlives(self) -> bool:
        """Whether the old client secret lives longer than the new one."""
        if self.new.expires_at is None:
            return False
        return self.old.expires_at is None or self.old.expires_at > self.new.expires_at


def _need(token_lifetime: timedelta) -> timedelta:
    """What a next rotation needs: a run that adds another one, and the job to mint with that."""
    return RUN_INTERVAL + token_lifetime


def _least_life(run: SecretRun, seen: Situation) -> timedelta:
    """How long a new one has to live: until the old one can be deleted, and a next rotation."""
    lifetime = documented_lifetime(seen)
    # The new one has to mint next, which takes one token lifetime at most, and then for another.
    return max(run.overlap, 2 * lifetime) + _need(lifetime)


def refuse_short_life(run: SecretRun, seen: Situation) -> None:
    """Raise ConfigError if a new client secret would expire before a next rotation replaces it."""
    settings = seen.settings
    if not settings.kind.sets_expiry:
        return
    needed = _least_life(run, seen)
    if timedelta(days=settings.lifetime_days) > needed:
        return
    lifetime = documented_lifetime(seen)
    tokens = 2 * lifetime
    reason, way_out = f"the overlap of {format_duration(run.overlap)}", ", or a shorter overlap"
    if tokens >= run.overlap:
        reason, way_out = f"two lives of a token, {format_duration(tokens)}", ""
    raise ConfigError(
        f"credentials secret {run.credentials_secret}: lifetime_days in client_admin is"
        f" {settings.lifetime_days}, so a new client secret would expire too early: until the old"
        f" one can be deleted, it takes {reason}, and the next rotation takes"
        f" {format_duration(_need(lifetime))} more; nothing was changed. Set lifetime_days to more"
        f" than {ceil(needed / timedelta(days=1))}{way_out}"
    )


def explain_short_grant(seen: Situation, added: ProviderSecret, *, asked: datetime) -> str:
    """The end of a summary if the provider has granted a shorter life than was asked for."""
    ends_at = added.expires_at
    if not seen.settings.kind.sets_expiry or ends_at is None or ends_at >= asked - GRANT_TOLERANCE:
        return ""
    return (
        f"; {seen.settings.kind.name} lets the new one live until {format_instant(ends_at)} only,"
        f" although {format_instant(asked)} was asked for: see the policies of the tenant, and"
        " lifetime_days in client_admin"
    )


def condition_of_life(
    run: SecretRun,
    seen: Situation,
    rotation: SecretRotation,
    pair: Pair,
    evidence: Evidence,
) -> tuple[Condition, ...]:
    """The condition that the new one lives long enough; none if it never expires.

    It is met too if the old one ends no later: keeping that would gain nothing.
    """
    new = pair.new
    if new.expires_at is None:
        return ()
    until = format_instant(new.expires_at)
    if not _ends_soon(run, new, evidence):
        reason = f"the new client secret {new.id} lives until {until}, long enough for a next one"
        return (Condition("new_lives_on", is_met=True, reason=reason),)
    if not pair.old_outlives:
        reason = f"the new client secret {new.id} lives until {until}, and the old one no longer"
        return (Condition("new_lives_on", is_met=True, reason=reason),)
    reason = (
        f"the new client secret {new.id} lives until {until} only, and a next rotation needs"
        f" {format_duration(_need(evidence.lifetime))}; the old one lives longer and stays"
    )
    kind = seen.settings.kind
    if not runs_out(run, seen, pair, evidence) and find_old_values(seen, rotation):
        reason += (
            f". To begin anew, have {kind.name} grant a longer life (lifetime_days in client_admin,"
            f" policies of the tenant), delete {new.id} there ({kind.where_to_delete}), then run"
            " this again"
        )
    return (Condition("new_lives_on", is_met=False, reason=reason),)


def runs_out(run: SecretRun, seen: Situation, pair: Pair, evidence: Evidence) -> bool:
    """Whether a rotation has taken so long that another one has to begin in its place.

    Not if the provider grants so short a life that the next one would go the same way.
    """
    new = pair.new
    if not may_mint(seen) or new.expires_at is None or new.created_at is None:
        return False
    is_long = new.expires_at - new.created_at > _least_life(run, seen)
    return is_long and _ends_soon(run, new, evidence)


def _ends_soon(run: SecretRun, new: ProviderSecret, evidence: Evidence) -> bool:
    return new.expires_at is not None and new.expires_at - run.now() < _need(evidence.lifetime)
