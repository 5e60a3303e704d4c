"""When a client, or the host of its token endpoint, is left alone: for a while, or for this run.

A client is the first unit of failure: what fails for one, or asks it to wait, says nothing of the
others at the same host. A few sick clients look like a sick host, whoever they are, so a host in
doubt is sampled: its next clients are drawn at random, and it is given up when all of these failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["MAX_FAILURES", "ClientState", "Failure", "HostState"]

MAX_FAILURES = 3
"""So many in a row that failed temporarily, and a client gets no more attempts in this run."""

DOUBT = 3
"""So many clients in a row for which a host failed, and the next ones are drawn at random."""

SAMPLE = 10
"""So many clients in a row, the drawn ones among them, and the host is given up."""

MAX_PAUSES = 3
"""A host that asks its sample to wait is sampled again so often, if the run lasts so long."""


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

    def speaks_for_host(self, now_s: float) -> bool:
        """Whether its next request tells of the host: it has not failed, and need not wait."""
        return not self.failures and self.closed is None and now_s >= self.resumes_at_s

    def note_answer(self) -> None:
        """It works."""
        self.failures = 0

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

    `failed` are the clients for which it failed since, each with the moment until which it asked
    that client to wait.
    """

    clients: set[Hashable] = field(default_factory=set)
    failed: dict[Hashable, float] = field(default_factory=dict)
    has_answered: bool = False
    pauses: int = 0
    resumes_at_s: float = float("-inf")
    problem: str | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether several clients in a row failed, so that its next one is drawn at random."""
        return len(self.failed) >= DOUBT

    @property
    def closed(self) -> str | None:
        """Why it is left alone, until it answers after all or a client is added.

        Where it has fewer clients than can put it in doubt, their own failures bound the attempts.
        """
        enough = min(SAMPLE, max(DOUBT, len(self.clients)))
        return self.problem if len(self.failed) >= enough else None

    def note_answer(self) -> None:
        """It works: what failed before was the matter of those clients."""
        self.has_answered = True
        self.failed.clear()
        self.pauses = 0
        self.resumes_at_s = float("-inf")

    def note_failure(
        self, failure: Failure, host: str, client: Hashable, *, now_s: float, ends_at_s: float
    ) -> None:
        """Count it for a client that had not failed before: one that had tells nothing new."""
        self.failed[client] = now_s + failure.retry_after_s
        count = len(self.failed)
        until_s = sorted(self.failed.values())[count // 2]
        self.problem = (
            f"token endpoint {host} failed for {count} clients in a row ({failure.cause})"
        )
        if until_s >= ends_at_s:
            wait = _seconds(until_s - now_s)
            self.problem = f"token endpoint {host} asked {count} clients in a row to wait {wait}"
        elif until_s > now_s and self.closed and self.pauses < MAX_PAUSES:
            self.resumes_at_s = until_s
            self.pauses += 1
            self.failed.clear()


def _seconds(seconds: float) -> str:
    return f"{round(seconds)} s"
