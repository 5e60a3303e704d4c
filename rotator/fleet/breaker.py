"""When a client, or the host of its token endpoint, is left alone: for a while, or for this run.

A client is the first unit of failure: what fails for one, or asks it to wait, says nothing of the
others at the same host. Only several clients in a row speak against a host, and there the ones that
are known to have worked, as their stored token is still valid, have the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

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
    """What became of a client's requests; `closed` says why it is left alone for this run.

    `has_worked` tells that it is known to have worked: it was answered in this run, or has a stored
    token that is still valid.
    """

    has_worked: bool = False
    failures: int = 0
    resumes_at_s: float = float("-inf")
    closed: str | None = None

    def note_answer(self) -> None:
        """It works."""
        self.failures = 0
        self.has_worked = True

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

    `blamers` are the clients for which it failed, with whether each is known to have worked;
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
        self, failure: Failure, client: Hashable, *, has_worked: bool, now_s: float
    ) -> None:
        """Count it; `has_worked` tells that this client is known to have worked."""
        self.failures += 1
        self.blamers[client] = has_worked
        if failure.retry_after_s > 0:
            self.waits[client] = now_s + failure.retry_after_s

    def judge(
        self,
        failure: Failure,
        host: str,
        *,
        now_s: float,
        ends_at_s: float,
        has_untried: Callable[[], bool],
    ) -> None:
        """Leave the host alone if enough of its clients failed.

        `has_untried` tells that a client is left that is known to have worked and has not failed:
        as long as there is one, those of which nothing is known cannot speak against the host.
        """
        if self._is_credible(self.waits, MIN_WAITING, has_untried):
            # Until then at least two of them have to wait.
            until_s = sorted(self.waits.values())[-MIN_WAITING]
            self.resumes_at_s = max(self.resumes_at_s, until_s)
            if until_s >= ends_at_s:
                wait, count = _seconds(until_s - now_s), len(self.waits)
                self.closed = f"token endpoint {host} asked {count} clients to wait {wait}"
                return
        enough = min(MAX_FAILURES, max(MIN_WAITING, len(self.clients)))
        if self.failures >= MAX_FAILURES and self._is_credible(self.blamers, enough, has_untried):
            count = len(self.blamers)
            self.closed = (
                f"token endpoint {host} failed for {count} clients in a row ({failure.cause})"
            )

    def _is_credible(
        self, clients: Collection[Hashable], enough: int, has_untried: Callable[[], bool]
    ) -> bool:
        known = sum(self.blamers[each] for each in clients)
        return len(clients) >= enough and (known >= enough or not has_untried())


def _seconds(seconds: float) -> str:
    return f"{round(seconds)} s"
