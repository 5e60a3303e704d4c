"""Circuit breakers: when a run sends no more requests for a client, or to a token endpoint's host.

A failure counts for equal requests and for their client: that one fails, or is asked to wait, says
nothing about the others at the same host. The client's other requests, for another audience or with
another client secret, get an attempt of their own. A few failing clients look like a failing host,
so a host in doubt is sampled: its next clients are drawn at random. Once all of the sample failed,
the host is skipped if it asked them to wait; otherwise the others are tried one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["MAX_FAILURES", "ClientState", "Failure", "HostState"]

MAX_FAILURES = 3
"""After this many temporary failures in a row a client gets no more attempts in this run."""

DOUBT = 3
"""After this many failing clients in a row a host is in doubt."""

SAMPLE = 10
"""After this many failing clients in a row a host is skipped, or tried with one at a time."""

SINGLE_PACE_S = 1.0
"""The shortest time between the attempts of a host that is tried with one client at a time."""

MAX_PAUSES = 3
"""How often a host that asks its sample to wait is sampled again."""


class Failure(NamedTuple):
    """A temporary failure of a token endpoint: its cause, and the pause of its `Retry-After`."""

    cause: str
    retry_after_s: float = 0.0


@dataclass(slots=True)
class ClientState:
    """The requests so far of a client, or those for the same kind of token.

    `skip_reason` says why there are no more of them in this run.
    """

    failures: int = 0
    resumes_at_s: float = float("-inf")
    skip_reason: str | None = None

    def can_test_host(self, now_s: float) -> bool:
        """Whether its next request tells if the host works: it has not failed and need not wait."""
        return not self.failures and self.skip_reason is None and now_s >= self.resumes_at_s

    def note_response(self) -> None:
        """Reset the count, as the token endpoint responded."""
        self.failures = 0

    def note_failure(
        self, failure: Failure, host: str, name: str, *, now_s: float, ends_at_s: float
    ) -> None:
        """Count a failure; `name` is that of the client's credentials secret."""
        self.failures += 1
        if failure.retry_after_s > 0:
            self.resumes_at_s = max(self.resumes_at_s, now_s + failure.retry_after_s)
        if self.resumes_at_s >= ends_at_s:
            wait = _seconds(self.resumes_at_s - now_s)
            self.skip_reason = f"token endpoint {host} asked the client of {name} to wait {wait}"
        elif self.failures >= MAX_FAILURES:
            self.skip_reason = (
                f"token endpoint {host} failed {self.failures} times in a row for the client of"
                f" {name} ({failure.cause})"
            )


@dataclass(slots=True)
class HostState:
    """How a host has responded to its clients in this run.

    `failed` maps each client that failed since the last response to the time until which it was
    asked to wait. After a few failures in a row the host `is_in_doubt`, and its next clients are
    drawn at random: the most urgent ones may all hang. It stays so until responses have taken as
    much time as failures; `ahead_s` is how much more failures have taken.
    """

    clients: set[Hashable] = field(default_factory=set)
    failed: dict[Hashable, float] = field(default_factory=dict)
    has_responded: bool = False
    is_in_doubt: bool = False
    ahead_s: float = 0.0
    pauses: int = 0
    asks_to_wait: bool = False
    resumes_at_s: float = float("-inf")
    problem: str | None = None

    @property
    def is_responsive(self) -> bool:
        """Whether its next request is unlikely to hang."""
        return self.has_responded and not self.is_in_doubt

    @property
    def skip_reason(self) -> str | None:
        """Why it is skipped, until it responds after all or a client is added; None if it isn't.

        A host with fewer clients than can put it in doubt is never skipped: the limit of each
        client bounds the attempts.
        """
        every = max(DOUBT, len(self.clients))
        enough = min(SAMPLE, every) if self.asks_to_wait else every
        return self.problem if len(self.failed) >= enough else None

    @property
    def is_tried_singly(self) -> bool:
        """Whether it gets one request at a time, as the whole sample failed."""
        return len(self.failed) >= SAMPLE

    def note_response(self, took_s: float) -> None:
        """Forget the failures: the host works, so their cause was the clients."""
        self.has_responded = True
        self.ahead_s = max(0.0, self.ahead_s - took_s)
        self.is_in_doubt = self.is_in_doubt and self.ahead_s > 0
        self.failed.clear()
        self.pauses = 0
        self.resumes_at_s = float("-inf")

    def note_failure(
        self,
        failure: Failure,
        host: str,
        client: Hashable,
        *,
        now_s: float,
        ends_at_s: float,
        took_s: float,
    ) -> None:
        """Count the first failure of a client; a further one shows nothing new about the host."""
        self.failed[client] = now_s + failure.retry_after_s
        self.ahead_s += took_s
        count = len(self.failed)
        self.is_in_doubt = self.is_in_doubt or count >= DOUBT
        until_s = sorted(self.failed.values())[count // 2]
        self.asks_to_wait = until_s > now_s
        self.problem = (
            f"token endpoint {host} failed for {count} clients in a row ({failure.cause})"
        )
        if until_s >= ends_at_s:
            wait = _seconds(until_s - now_s)
            self.problem = f"token endpoint {host} asked {count} clients in a row to wait {wait}"
        elif until_s > now_s and self.skip_reason and self.pauses < MAX_PAUSES:
            self.resumes_at_s = until_s
            self.pauses += 1
            self.failed.clear()
        elif self.is_tried_singly:
            self.resumes_at_s = now_s + max(0.0, SINGLE_PACE_S - took_s)


def _seconds(seconds: float) -> str:
    return f"{round(seconds)} s"
