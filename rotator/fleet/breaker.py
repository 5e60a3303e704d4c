"""When a client, or the host of its token endpoint, is left alone: for a while, or for this run.

A client is the first unit of failure: what fails for one, or asks it to wait, says nothing of the
others at the same host. Only several clients in a row speak against a host, and there the ones that
are known to have worked, as their stored token is still valid, have the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

__all__ = ["MAX_FAILURES", "ClientState", "Failure", "HostState"]

MAX_FAILURES = 3
"""So many in a row that failed temporarily, and there are no more attempts in this run."""

MIN_WAITING = 2
"""So many clients that were told to wait, and their host is meant."""


class Failure(NamedTuple):
    """A temporary failure of a token endpoint: what it was, and the pause that it asked for."""

    cause: str
    retry_after_s: float = 0.0


@dataclass(slots=True)
class ClientState:
    """What became of a client's requests; `closed` says why it is left alone for this run."""

    failures: int = 0
    resumes_at_s: float = float("-inf")
    closed: str | None = None

    def note_failure(
        self, failure: Failure, host: str, name: str, *, now_s: float, ends_at_s: float
    ) -> None:
        """Count it; `name` is that of the client's credentials secret."""
        self.failures += 1
        if failure.retry_after_s > 0:
            self.resumes_at_s = max(self.resumes_at_s, now_s + failure.retry_after_s)
        if self.resumes_at_s >= ends_at_s:
            wait = _seconds(self.resumes_at_s - now_s)
            self.closed = f"token endpoint {host} asked the client of {name} to wait {wait}"
        elif self.failures >= MAX_FAILURES:
            self.closed = (
                f"token endpoint {host} failed {self.failures} times in a row for the client of"
                f" {name} ({failure.cause})"
            )


@dataclass(slots=True)
class HostState:
    """What its clients met since it last answered one of them.

    `blamers` are the clients for which it failed, with whether the token of one is still valid;
    `waits` says until when it asked each of them to wait.
    """

    clients: set[Hashable] = field(default_factory=set)
    failures: int = 0
    blamers: dict[Hashable, bool] = field(default_factory=dict)
    waits: dict[Hashable, float] = field(default_factory=dict)
    resumes_at_s: float = float("-inf")
    closed: str | None = None

    def note_answer(self) -> None:
        """It works: what failed before was the matter of those clients."""
        self.failures = 0
        self.blamers.clear()
        self.waits.clear()

    def note_failure(
        self, failure: Failure, client: Hashable, *, has_token: bool, now_s: float
    ) -> None:
        """Count it; `has_token` tells that the stored token of this client is still valid."""
        self.failures += 1
        self.blamers[client] = self.blamers.get(client, False) or has_token
        if failure.retry_after_s > 0:
            self.waits[client] = now_s + failure.retry_after_s

    def judge(
        self, failure: Failure, host: str, *, now_s: float, ends_at_s: float, has_untried: bool
    ) -> None:
        """Leave the host alone if enough of its clients failed.

        `has_untried` tells that a client with a valid token has not been tried since: as long as
        there is one, clients without a token cannot speak against the host.
        """
        if len(self.waits) >= MIN_WAITING and self._is_credible(
            self.waits, MIN_WAITING, has_untried=has_untried
        ):
            # Until then at least two of them have to wait.
            until_s = sorted(self.waits.values())[-MIN_WAITING]
            self.resumes_at_s = max(self.resumes_at_s, until_s)
            if until_s >= ends_at_s:
                wait = _seconds(until_s - now_s)
                count = len(self.waits)
                self.closed = f"token endpoint {host} asked {count} clients to wait {wait}"
        enough = min(MAX_FAILURES, max(MIN_WAITING, len(self.clients)))
        if (
            self.closed is None
            and self.failures >= MAX_FAILURES
            and len(self.blamers) >= enough
            and self._is_credible(self.blamers, enough, has_untried=has_untried)
        ):
            count = len(self.blamers)
            self.closed = (
                f"token endpoint {host} failed for {count} clients in a row ({failure.cause})"
            )

    def _is_credible(
        self, clients: Collection[Hashable], enough: int, *, has_untried: bool
    ) -> bool:
        return not has_untried or sum(self.blamers[each] for each in clients) >= enough


def _seconds(seconds: float) -> str:
    return f"{round(seconds)} s"
