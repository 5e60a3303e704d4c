"""When a token is due: a pure function of the stored token and the time.

The scheduler only starts the job. Everything about "every 23 hours" is decided here, so that any
interval works and a missed run costs nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
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
    "RUN_BUDGET",
    "Decision",
    "NoTokenReason",
    "Reason",
    "RenewalPolicy",
]

DEFAULT_CADENCE = timedelta(hours=23)
"""Adobe's advice for tokens that live 24 hours ("you should generate a new token every 23 hours",
https://developer.adobe.com/audio-video-firefly-services/guides)."""

DEFAULT_INTERVAL = timedelta(minutes=15)
"""How often the scheduler starts the job."""

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

RUN_BUDGET = timedelta(minutes=1)
"""The longest time that one run takes: reads, mints, probes and writes, retries included."""

READER_LAG = timedelta(minutes=1)
"""How long a reader may take to fetch the published token when its cached one expires.

Before the expiry, readers refresh in the background: every 7.5 to 12 minutes in the last hour of a
token that lives for a day."""

MAX_EARLINESS = timedelta(minutes=5)
"""How long before its cadence a token may already be due, at most.

A schedule of exactly one cadence never fires exactly on time: cron starts a moment late, and
`issued_at` is later than the start. Without an allowance, a run that comes one second early would
skip the token, and the next run, a whole cadence later, would find it expired."""

EARLY_START = timedelta(seconds=30)
"""How early a run may start: this much before one interval has passed since the last start."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far in the future `issued_at` may be before it counts as wrong."""

VERSIONS_PER_DAY = 100
"""Secrets Manager keeps about 100 versions of a secret, and collects none that is younger than a
day: more puts end in LimitExceededException (user guide, "Secrets Manager quotas")."""

NoTokenReason = Literal["token_missing", "token_malformed"]
"""Why there is no stored token to assess."""

Reason = Literal[
    NoTokenReason,
    "cadence_reached",
    "client_changed",
    "credentials_changed",
    "expired",
    "forced",
    "fresh",
    "issued_in_future",
    "provider_cached",
    "rejected",
]
"""Why a token is due or not, in the form that logs use. Only a run finds `provider_cached` (the
provider handed out the stored token again) and `rejected` (the API rejects it)."""


class Decision(NamedTuple):
    """Whether the token is due, and why."""

    due: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class RenewalPolicy:
    """The age at which a token is replaced.

    `cadence` None means 23 hours, or, for tokens too short-lived for that, the lifetime less a
    margin: a 24th of it, and at least two intervals plus the time that a run and a reader need, so
    that one failed run costs nothing. Tokens too short-lived even for that get the longest margin
    for which Secrets Manager keeps enough versions. An explicit `cadence` applies where it leaves
    enough margin; elsewhere the default does, since a provider that shortens its lifetimes has not
    failed. `interval` is how often the job is started.

    A fleet spreads its rotations: a token of `secret_arn` (see `for_secret`) is due earlier by a
    share of `spread`, of which at most half of the cadence counts. Each token has another share:
    with a constant one, tokens that once became due between the same two runs always would.
    """

    cadence: timedelta | None = None
    interval: timedelta = DEFAULT_INTERVAL
    spread: timedelta = timedelta(0)
    secret_arn: str | None = None

    def for_secret(self, arn: str) -> Self:
        """The policy for one token secret, whose ARN determines the shares of the spread."""
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
        """Whether the stored token, or the reason that there is none, is due at `now` (aware UTC).

        `client_id` and `fingerprint` are those of the credentials; a `fingerprint` of None is not
        compared. `force` makes any token due.
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
        """When `token` reaches its cadence (aware UTC)."""
        return token.issued_at + self._cadence_of(token)

    def _cadence_of(self, token: AccessToken) -> timedelta:
        return self.cadence_for(token.expires_at - token.issued_at, issued_at=token.issued_at)

    def cadence_for(self, lifetime: timedelta, *, issued_at: datetime | None = None) -> timedelta:
        """The age at which a token of this lifetime is replaced, in whole seconds.

        Without `issued_at`, half of the spread is subtracted: the average over all tokens.
        """
        latest = self._latest_cadence(lifetime)
        most = max(latest - _shortest_cadence(self.interval), timedelta(0))
        early = min(self.spread, latest / 2, most) * self._share(issued_at)
        return timedelta(seconds=int((latest - early).total_seconds()))

    def _share(self, issued_at: datetime | None) -> float:
        """The token's share of the spread, 0 to 1: the same in every process."""
        if self.secret_arn is None:
            return 0.0
        if issued_at is None:
            return 0.5
        text = f"{self.secret_arn}@{int(issued_at.timestamp())}"  # stored in whole seconds
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32

    def _latest_cadence(self, lifetime: timedelta) -> timedelta:
        if self.cadence is not None and self._has_time_for(self.cadence, lifetime):
            return self.cadence
        # In whole minutes: Adobe's 86,399 s count as a day, so that the token is due after 23 h.
        margin = lifetime / 24 // MINUTE * MINUTE
        longest = max(lifetime - max(margin, self.safe_margin), _shortest_cadence(self.interval))
        if lifetime - longest < self.needed_margin:
            longest = max(lifetime - self.needed_margin, lifetime / 2)
        return min(longest, DEFAULT_CADENCE)

    def validate_lifetime(self, lifetime: timedelta) -> None:
        """Raise ConfigError if tokens of this documented lifetime cannot be kept valid."""
        problem = self.problem_with_lifetime(lifetime)
        if problem is not None:
            raise ConfigError(problem)

    def problem_with_cadence(self, lifetime: timedelta) -> str | None:
        """Why the default replaces the configured cadence for this lifetime, None if it doesn't."""
        if self.cadence is None or self._has_time_for(self.cadence, lifetime):
            return None
        longest = lifetime - self.needed_margin
        return _explain_long_cadence(self.cadence, lifetime, longest, self.interval)

    def problem_with_lifetime(self, lifetime: timedelta) -> str | None:
        """Why tokens of this lifetime cannot be kept valid as configured, None if they can.

        An explicit cadence has to leave an interval, a run and a reader's lag before expiry:
        otherwise a token could expire before the next run.
        """
        return self.problem_with_cadence(lifetime) or _problem_with_interval(self, lifetime)

    def problem_with_failed_run(self, lifetime: timedelta) -> str | None:
        """How long one failed run can leave consumers without a token, as a message, or None."""
        missing = self.safe_margin - (lifetime - self.cadence_for(lifetime))
        return None if missing <= timedelta(0) else _cost_of_failed_run(self, lifetime, missing)

    def _has_time_for(self, cadence: timedelta, lifetime: timedelta) -> bool:
        return cadence < lifetime - self.needed_margin

    @property
    def needed_margin(self) -> timedelta:
        """The remaining life that a due token needs so that one run certainly falls into it."""
        return self.interval + RUN_BUDGET + READER_LAG

    @property
    def safe_margin(self) -> timedelta:
        """The remaining life into which two runs certainly fall, of which one may fail."""
        return self.needed_margin + self.interval

    def keeps_valid(self, lifetime: timedelta) -> bool:
        """Whether tokens of this lifetime stay valid until a run after they become due."""
        return lifetime - self.cadence_for(lifetime) >= self.needed_margin

    def fits_quota(self, lifetime: timedelta) -> bool:
        """Whether tokens of this lifetime need no more versions than Secrets Manager keeps."""
        cadence = self.cadence_for(lifetime)
        due_at = cadence - _earliness(cadence)
        period = max(ceil(due_at / self.interval), 1) * self.interval
        return timedelta(days=1) / period <= VERSIONS_PER_DAY


@lru_cache(maxsize=16)
def _shortest_cadence(interval: timedelta) -> timedelta:
    """The shortest age at which a token may be replaced.

    With a shorter one, tokens would need more versions than Secrets Manager keeps, or two
    overlapping runs would replace each other's token.
    """
    runs = ceil(timedelta(days=1) / VERSIONS_PER_DAY / interval)
    due_at = (runs - 1) * interval + min(EARLY_START, interval / 2)
    shortest = max(due_at * 50 / 49, RUN_BUDGET + READER_LAG)  # `_earliness` takes a 50th off
    return ceil(shortest / SECOND) * SECOND


def _earliness(cadence: timedelta) -> timedelta:
    return min(MAX_EARLINESS, cadence / 50)


def _survives(policy: RenewalPolicy, lifetime: timedelta, failed_runs: int) -> bool:
    """Whether tokens of this lifetime can be kept valid although this many runs in a row fail."""
    margin = policy.needed_margin + failed_runs * policy.interval
    return lifetime - policy.cadence_for(lifetime) >= margin and policy.fits_quota(lifetime)


def _problem_with_interval(policy: RenewalPolicy, lifetime: timedelta) -> str | None:
    subject = f"tokens with a lifetime of {format_duration(lifetime)}"
    interval = format_duration(policy.interval)
    if not policy.keeps_valid(lifetime):
        problem = (
            f"interval {interval}: too long for {subject}, which can expire before the next run"
        )
    elif not policy.fits_quota(lifetime):
        problem = f"{subject}: an interval of {interval} replaces them more than {VERSIONS_PER_DAY}"
        problem += " times a day, which is the most versions that Secrets Manager keeps of a secret"
    else:
        return None
    if policy.cadence is not None:
        return f"{problem}; choose a longer cadence or leave it out"
    return f"{problem}; {_way_out(lifetime, failed_runs=0)}"


def _cost_of_failed_run(policy: RenewalPolicy, lifetime: timedelta, cost: timedelta) -> str:
    shown = format_duration(ceil(cost / MINUTE) * MINUTE)
    problem = f"tokens with a lifetime of {format_duration(lifetime)}, replaced by a job that runs"
    problem += f" every {format_duration(policy.interval)}: one failed run can leave consumers"
    problem += f" without a token for {shown}"
    default = replace(policy, cadence=None)
    if policy.cadence is not None and _survives(default, lifetime, failed_runs=1):
        longest = format_duration(default.cadence_for(lifetime))
        return f"{problem}; leave the cadence out, or choose {longest} at most"
    return f"{problem}; {_way_out(lifetime, failed_runs=1)}"


def _way_out(lifetime: timedelta, *, failed_runs: int) -> str:
    """The advice for an interval or a lifetime that survives this many failed runs."""
    interval = _longest_interval(lifetime, failed_runs)
    if interval is not None:
        return f"start the job every {format_duration(interval)}, and set --interval to that"
    shortest = lifetime
    while _longest_interval(shortest, failed_runs) is None:
        shortest = (shortest // MINUTE + 1) * MINUTE
    return (
        f"no interval works for a lifetime below {format_duration(shortest)}; ask the provider for"
        " a longer one"
    )


def _longest_interval(lifetime: timedelta, failed_runs: int) -> timedelta | None:
    """The longest interval, 1 to 15 minutes, that survives this many failed runs, or None."""
    policies = (RenewalPolicy(interval=minutes * MINUTE) for minutes in range(15, 0, -1))
    survivors = (each.interval for each in policies if _survives(each, lifetime, failed_runs))
    return next(survivors, None)


def _explain_long_cadence(
    cadence: timedelta, lifetime: timedelta, longest: timedelta, interval: timedelta
) -> str:
    subject = f"cadence {format_duration(cadence)}: too long for tokens with a lifetime of"
    subject += f" {format_duration(lifetime)} when the job runs every {format_duration(interval)}"
    if longest <= timedelta(minutes=1):
        return f"{subject}; leave it out; {_way_out(lifetime, failed_runs=0)}"
    return f"{subject}; leave it out, or choose less than {format_duration(longest)}"
