"""When a token is due: a pure function of what is stored and of now.

The scheduler only starts the job. Everything about "every 23 hours" is decided here, so that any
interval works and a missed run costs nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from rotator.errors import ConfigError
from rotator.model.instants import format_duration

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.access_token import AccessToken

__all__ = [
    "DEFAULT_CADENCE",
    "DEFAULT_INTERVAL",
    "RETRY_BUDGET",
    "Decision",
    "NoTokenReason",
    "RenewalPolicy",
]

DEFAULT_CADENCE = timedelta(hours=23)
"""Adobe's advice for tokens that live 24 hours ("you should generate a new token every 23 hours",
https://developer.adobe.com/audio-video-firefly-services/guides)."""

DEFAULT_INTERVAL = timedelta(minutes=15)
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

VERSIONS_PER_DAY = 100
"""Secrets Manager keeps about 100 versions of a secret, and collects none that is younger than a
day: more puts end in LimitExceededException (user guide, "Secrets Manager quotas")."""

NoTokenReason = Literal["token_missing", "token_malformed"]
"""Why there is no stored token to assess."""


class Decision(NamedTuple):
    """Whether the token is due, and why, as a word that fits in a log field."""

    due: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RenewalPolicy:
    """How long a token serves before the next one is minted.

    With `cadence` None, 23 hours, or for tokens that do not live long enough for that, their
    lifetime less a margin of a 24th part, never less than one interval and the time a run and a
    reader need, nor more than half of the lifetime. An explicit `cadence` is taken at its word
    where it keeps a valid token. For tokens that end too early for it the default applies: a
    provider that shortens its lifetimes has not failed. `interval` is how often the job is started.

    A fleet spreads its rotations: a token of `secret_arn` (see `for_secret`) is due earlier by a
    part of `spread`, of which at most half of the cadence counts. Each token has a part of its own:
    with a permanent one, tokens that become due between the same two runs would stay together.
    """

    cadence: timedelta | None = None
    interval: timedelta = DEFAULT_INTERVAL
    spread: timedelta = timedelta(0)
    secret_arn: str | None = None

    def for_secret(self, arn: str) -> Self:
        """The policy for one token secret: parts of the spread are drawn from its ARN."""
        return replace(self, secret_arn=arn)

    def decide(
        self,
        stored: AccessToken | NoTokenReason,
        *,
        now: datetime,
        client_id: str,
        fingerprint: str | None = None,
        force: bool = False,
    ) -> Decision:
        """Assess the stored token, or the reason that there is none, at `now` (aware UTC).

        `client_id` and `fingerprint` are those of the credentials, a `fingerprint` of None is not
        compared.
        """
        if isinstance(stored, str):
            return Decision(due=True, reason=stored)
        if stored.client_id != client_id:
            return Decision(due=True, reason="client_changed")
        if now >= stored.expires_at:
            return Decision(due=True, reason="expired")
        if stored.issued_at - now > CLOCK_TOLERANCE:
            return Decision(due=True, reason="issued_in_future")
        if None not in {fingerprint, stored.credentials_fingerprint} and (
            fingerprint != stored.credentials_fingerprint
        ):
            return Decision(due=True, reason="credentials_changed")
        if force:
            return Decision(due=True, reason="forced")
        cadence = self._cadence_of(stored)
        if now - stored.issued_at >= cadence - _earliness(cadence):
            return Decision(due=True, reason="cadence_reached")
        return Decision(due=False, reason="fresh")

    def next_rotation_at(self, token: AccessToken) -> datetime:
        """When the policy will next act on `token`."""
        return token.issued_at + self._cadence_of(token)

    def _cadence_of(self, token: AccessToken) -> timedelta:
        return self.cadence_for(token.expires_at - token.issued_at, issued_at=token.issued_at)

    def cadence_for(self, lifetime: timedelta, *, issued_at: datetime | None = None) -> timedelta:
        """The age at which a token of this lifetime is replaced, in whole seconds.

        Without `issued_at` half of the spread counts, as it does on average.
        """
        latest = self._latest_cadence(lifetime)
        early = min(self.spread, latest / 2) * self._share(issued_at)
        return timedelta(seconds=int((latest - early).total_seconds()))

    def _share(self, issued_at: datetime | None) -> float:
        """From 0 to 1, the same in every process that reads the same token."""
        if self.secret_arn is None:
            return 0.0
        if issued_at is None:
            return 0.5
        text = f"{self.secret_arn}@{int(issued_at.timestamp())}"  # stored in whole seconds
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32

    def _latest_cadence(self, lifetime: timedelta) -> timedelta:
        if self.cadence is not None and self._has_time_for(self.cadence, lifetime):
            return self.cadence
        # In whole minutes: what Adobe announces as 86,399 s is a day too, and due after 23 h.
        margin = lifetime / 24 // MINUTE * MINUTE
        share = max(lifetime - max(margin, self.needed_margin), lifetime / 2)
        return min(share, DEFAULT_CADENCE)

    def validate_lifetime(self, lifetime: timedelta) -> None:
        """Raise ConfigError if tokens of this documented lifetime cannot be kept valid."""
        problem = self.problem_with_lifetime(lifetime)
        if problem is not None:
            raise ConfigError(problem)

    def problem_with_cadence(self, lifetime: timedelta) -> str | None:
        """Why the default serves tokens of this lifetime in place of the chosen cadence."""
        if self.cadence is None or self._has_time_for(self.cadence, lifetime):
            return None
        longest = lifetime - self.needed_margin
        return _impossible(self.cadence, lifetime, longest, self.interval)

    def problem_with_lifetime(self, lifetime: timedelta) -> str | None:
        """Why tokens of this lifetime cannot be kept valid as configured, None if they can.

        An explicit cadence has to leave an interval, a run and a reader's lag before expiry: else
        one missed run would leave every consumer without a token.
        """
        problem = self.problem_with_cadence(lifetime)
        if problem is not None:
            return problem
        subject = f"tokens that live {format_duration(lifetime)}"
        if not self.keeps_valid(lifetime):
            problem = f"interval {format_duration(self.interval)}: too long for {subject}, which"
            problem += " can end before the next run"
        elif not self.fits_quota(lifetime):
            problem = f"{subject}: an interval of {format_duration(self.interval)} replaces them"
            problem += f" more than {VERSIONS_PER_DAY} times a day, which is the most versions that"
            problem += " Secrets Manager keeps of a secret"
        else:
            return None
        if self.cadence is not None:
            return f"{problem}; choose a longer cadence or leave it out"
        interval = _longest_interval(lifetime)
        if interval is not None:
            often = f"start the job every {format_duration(interval)}"
            return f"{problem}; {often}, and say so with --interval"
        shortest = format_duration(_shortest_lifetime())
        return f"{problem}; no interval works for less than {shortest}: ask the provider for more"

    def _has_time_for(self, cadence: timedelta, lifetime: timedelta) -> bool:
        return cadence < lifetime - self.needed_margin

    @property
    def needed_margin(self) -> timedelta:
        """The time that must be left when a token becomes due."""
        return self.interval + RETRY_BUDGET + READER_LAG

    def keeps_valid(self, lifetime: timedelta) -> bool:
        """Whether tokens of this lifetime outlive an interval after they become due."""
        return lifetime - self.cadence_for(lifetime) >= self.needed_margin

    def fits_quota(self, lifetime: timedelta) -> bool:
        """Whether tokens of this lifetime need no more versions than Secrets Manager keeps."""
        cadence = self.cadence_for(lifetime)
        due_at = cadence - _earliness(cadence)
        period = max(ceil(due_at / self.interval), 1) * self.interval
        return timedelta(days=1) / period <= VERSIONS_PER_DAY


def _earliness(cadence: timedelta) -> timedelta:
    return min(MAX_EARLINESS, cadence / 50)


def _works(lifetime: timedelta, interval: timedelta) -> bool:
    policy = RenewalPolicy(interval=interval)
    return policy.keeps_valid(lifetime) and policy.fits_quota(lifetime)


def _longest_interval(lifetime: timedelta) -> timedelta | None:
    """The longest interval, up to 15 minutes, that keeps tokens of this lifetime valid."""
    minutes = range(int(DEFAULT_INTERVAL / MINUTE), 0, -1)
    return next((m * MINUTE for m in minutes if _works(lifetime, m * MINUTE)), None)


def _shortest_lifetime() -> timedelta:
    """The shortest lifetime, in whole minutes, for which any interval works."""
    lifetime = MINUTE
    while _longest_interval(lifetime) is None:
        lifetime += MINUTE
    return lifetime


def _impossible(
    cadence: timedelta, lifetime: timedelta, longest: timedelta, interval: timedelta
) -> str:
    subject = f"cadence {format_duration(cadence)}: too long for tokens that live"
    subject += f" {format_duration(lifetime)} when the job runs every {format_duration(interval)}"
    if longest <= timedelta(minutes=1):
        return f"{subject}; start the job more often, and say so with --interval"
    return f"{subject}; leave it out, or choose less than {format_duration(longest)}"
