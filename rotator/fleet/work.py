"""Which due binding is next: soonest expiry first, and no host takes more than its share.

A host that hangs holds a few workers at most, and one that keeps failing is left alone for the rest
of the run, so that the bindings of all other hosts are as if it were not there.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.model.clock import Clock

__all__ = ["Ended", "Work", "WorkQueue"]

T = TypeVar("T")

Ended = Literal["done", "temporary", "permanent"]
"""How a binding ended, as far as its host is concerned."""

MAX_FAILURES = 3
"""So many bindings in a row that failed temporarily, and the host gets no more in this run."""


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """One due binding and the host of its token endpoint."""

    item: T
    host: str


@dataclass(slots=True)
class _Host(Generic[T]):
    pending: deque[tuple[int, Work[T]]] = field(default_factory=deque)
    running: int = 0
    failures: int = 0
    resumes_at_s: float = float("-inf")


class WorkQueue(Generic[T]):
    """Hands out work to threads; what is not handed out before the end is deferred.

    `work` is in the order of urgency. Of one host at most `per_host` are in progress at a time.
    `ends_at_s` is on the monotonic clock.
    """

    def __init__(
        self, work: Iterable[Work[T]], *, per_host: int, ends_at_s: float, clock: Clock
    ) -> None:
        self._per_host = per_host
        self._ends_at_s = ends_at_s
        self._clock = clock
        self._changed = threading.Condition()
        self._hosts: dict[str, _Host[T]] = {}
        self.deferred: list[Work[T]] = []
        for position, each in enumerate(work):
            self._hosts.setdefault(each.host, _Host()).pending.append((position, each))

    def take(self) -> Work[T] | None:
        """The most urgent work whose host can take it, waiting for it; None if no more is left."""
        with self._changed:
            while True:
                now_s = self._clock.monotonic()
                if now_s >= self._ends_at_s:
                    self._defer(self._hosts.values())
                waiting = [host for host in self._hosts.values() if host.pending]
                if not waiting:
                    return None
                ready = [host for host in waiting if self._is_ready(host, now_s)]
                if ready:
                    host = min(ready, key=lambda each: each.pending[0][0])
                    host.running += 1
                    return host.pending.popleft()[1]
                self._changed.wait(self._pause_s(waiting, now_s))

    def end(self, work: Work[T], ended: Ended, *, retry_after_s: float = 0.0) -> None:
        """Note how it went; `retry_after_s` is what the host asked for (RFC 9110, 10.2.3)."""
        with self._changed:
            host = self._hosts[work.host]
            host.running -= 1
            host.failures = host.failures + 1 if ended == "temporary" else 0
            if retry_after_s > 0:
                resumes_at_s = self._clock.monotonic() + retry_after_s
                host.resumes_at_s = max(host.resumes_at_s, resumes_at_s)
            if host.failures >= MAX_FAILURES or host.resumes_at_s >= self._ends_at_s:
                self._defer([host])
            self._changed.notify_all()

    def _is_ready(self, host: _Host[T], now_s: float) -> bool:
        return host.running < self._per_host and now_s >= host.resumes_at_s

    def _pause_s(self, waiting: list[_Host[T]], now_s: float) -> float:
        resumes = [each.resumes_at_s for each in waiting if each.resumes_at_s > now_s]
        return max(0.0, min([*resumes, self._ends_at_s]) - now_s)

    def _defer(self, hosts: Iterable[_Host[T]]) -> None:
        for host in hosts:
            self.deferred += [work for _, work in host.pending]
            host.pending.clear()
