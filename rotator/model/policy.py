"""When a token is due: a pure function of what is stored and of now.

The scheduler only ticks. Everything about "every 23 hours" is decided here, so that any tick
works and a missed one costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from rotator.errors import ConfigError
from rotator.model.instants import format_duration

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.access_token import AccessToken

__all__ = [
    "DEFAULT_CADENCE",
    "DEFAULT_TICK",
    "Absent",
    "Decision",
    "RenewalPolicy",
]

DEFAULT_CADENCE = timedelta(hours=23)
"""Adobe's advice for tokens that live 24 hours ("you should generate a new token every 23 hours",
https://developer.adobe.com/audio-video-firefly-services/guides)."""

DEFAULT_TICK = timedelta(minutes=15)
"""How often the scheduler is expected to start the job."""

MINUTE = timedelta(minutes=1)

RETRY_BUDGET = timedelta(minutes=1)
"""The longest that one run spends minting, retries included."""

READER_LAG = timedelta(minutes=1)
"""The time that a read at the expiry may take to fetch the published token.

Only that read fetches at once: until then readers look now and then, with a token of a day every
7.5 to 12 minutes of its last hour."""

MAX_EARLINESS = timedelta(minutes=5)
"""A schedule of exactly one cadence never fires exactly on time: cron starts late by a moment, and
`issued_at` is later than the start. Without an allowance the run that comes one second early skips,
and the next one comes a whole cadence later, to an expired token."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far in the future `issued_at` may lie before we stop believing it."""


Absent = Literal["token_missing", "token_malformed"]
"""Why there is no stored token to judge."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the token is due, and why, as a word that fits in a log field."""

    due: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RenewalPolicy:
    """How long a token serves before the next one is minted.

    With `cadence` None, 23 hours, or for tokens that do not live long enough for that, their
    lifetime less a margin of a 24th part, never less than one tick and the time a run and a reader
    need, nor more than half of the lifetime. An explicit `cadence` is taken at its word and refused
    where it cannot keep a valid token. `tick` is how often the job is started.
    """

    cadence: timedelta | None = None
    tick: timedelta = DEFAULT_TICK

    def decide(
        self,
        stored: AccessToken | Absent,
        *,
        now: datetime,
        client_id: str,
        force: bool = False,
    ) -> Decision:
        """Judge the stored token, or the reason that there is none, at `now` (aware UTC).

        Raises ConfigError if the cadence cannot keep tokens of this lifetime valid.
        """
        if isinstance(stored, str):
            return Decision(due=True, reason=stored)
        if stored.client_id != client_id:
            return Decision(due=True, reason="client_changed")
        # These say nothing about tokens to come, so no cadence is judged by them.
        if now >= stored.expires_at:
            return Decision(due=True, reason="expired")
        if stored.issued_at - now > CLOCK_TOLERANCE:
            return Decision(due=True, reason="issued_in_future")
        # Before --force: a cadence that cannot work is refused whatever is asked for.
        cadence = self.cadence_for(stored.expires_at - stored.issued_at)
        if force:
            return Decision(due=True, reason="forced")
        if now - stored.issued_at >= cadence - min(MAX_EARLINESS, cadence / 50):
            return Decision(due=True, reason="cadence_reached")
        return Decision(due=False, reason="fresh")

    def next_rotation_at(self, token: AccessToken) -> datetime:
        """When the policy will next act on `token`; raises ConfigError as `cadence_for` does."""
        return token.issued_at + self.cadence_for(token.expires_at - token.issued_at)

    def cadence_for(self, lifetime: timedelta) -> timedelta:
        """The age at which a token of this lifetime is replaced, in whole seconds.

        Raises ConfigError if an explicit cadence leaves less than a tick, a run and a reader's lag
        before expiry: one missed tick would leave every consumer without a token.
        """
        if self.cadence is None:
            # In whole minutes: what Adobe announces as 86,399 s is a day too, and due after 23 h.
            margin = lifetime / 24 // MINUTE * MINUTE
            share = max(lifetime - max(margin, self.needed_margin), lifetime / 2)
            return timedelta(seconds=int(min(share, DEFAULT_CADENCE).total_seconds()))
        longest = lifetime - self.needed_margin
        if self.cadence >= longest:
            raise ConfigError(_impossible(self.cadence, lifetime, longest, self.tick))
        return self.cadence

    def refuse_unless_possible(self, lifetime: timedelta) -> None:
        """Raise ConfigError if tokens of this documented lifetime cannot be kept valid."""
        if not self.keeps_valid(lifetime):
            raise ConfigError(
                f"tick {format_duration(self.tick)}: too long for tokens that live"
                f" {format_duration(lifetime)}; run the job more often and say so with --tick"
            )

    @property
    def needed_margin(self) -> timedelta:
        """The time that must be left when a token becomes due."""
        return self.tick + RETRY_BUDGET + READER_LAG

    def keeps_valid(self, lifetime: timedelta) -> bool:
        """Whether tokens of this lifetime outlive a tick after they become due."""
        return lifetime - self.cadence_for(lifetime) >= self.needed_margin


def _impossible(
    cadence: timedelta, lifetime: timedelta, longest: timedelta, tick: timedelta
) -> str:
    subject = f"cadence {format_duration(cadence)}: too long for tokens that live"
    subject += f" {format_duration(lifetime)} when the job runs every {format_duration(tick)}"
    if longest <= timedelta(minutes=1):
        return f"{subject}; run the job more often and say so with --tick"
    return f"{subject}; leave it out, or choose less than {format_duration(longest)}"
