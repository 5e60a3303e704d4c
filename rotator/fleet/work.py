"""Which work is next: the most urgent first, and no host takes more than its share.

A host that hangs holds a few workers at most, whether it hands out tokens or is the API of a probe.
One that keeps failing to hand out tokens is left alone for the rest of the run, so that the
bindings of all other hosts are as if it were not there.
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

Ended = Literal["done", "temporary", "permanent", "probed"]
"""How a binding ended, as far as its host is concerned; a probe tells nothing of it."""

MAX_FAILURES = 3
"""So many bindings in a row that failed temporarily, and the host gets no more in this run."""


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """One binding and the host that decides how it ends; `probe_host` is called as well."""

    item: T
    host: str
    probe_host: str | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """All that are called for it."""
        return frozenset({self.host, self.probe_host or self.host})


@dataclass(slots=True)
class _Host:
    running: int = 0
    failures: int = 0
    resumes_at_s: float = float("-inf")


@dataclass(slots=True)
class _Lane(Generic[T]):
    """What waits for the same hosts, in the order of urgency."""

    host: str
    hosts: frozenset[str]
    pending: deque[tuple[int, Work[T]]] = field(default_factory=deque)


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
        self._hosts: dict[str, _Host] = {}
        self._lanes: dict[tuple[str, str | None], _Lane[T]] = {}
        self.deferred: list[Work[T]] = []
        for position, each in enumerate(work):
            self._lane(each).pending.append((position, each))

    def add(self, work: Work[T]) -> None:
        """Put in what has turned out to be more urgent than all that waits; by a worker only."""
        with self._changed:
            self._lane(work).pending.appendleft((-1, work))
            self._changed.notify_all()

    def take(self) -> Work[T] | None:
        """The most urgent work whose hosts can take it, waiting for it; None if no more is left."""
        with self._changed:
            while True:
                now_s = self._clock.monotonic()
                if now_s >= self._ends_at_s:
                    self._defer(self._lanes.values())
                waiting = [lane for lane in self._lanes.values() if lane.pending]
                if not waiting:
                    return None
                ready = [lane for lane in waiting if self._is_ready(lane, now_s)]
                if ready:
                    lane = min(ready, key=lambda each: each.pending[0][0])
                    for host in lane.hosts:
                        self._hosts[host].running += 1
                    _, taken = lane.pending.popleft()
                    if any(each.pending and self._is_ready(each, now_s) for each in ready):
                        self._changed.notify()
                    return taken
                self._changed.wait(self._pause_s(waiting, now_s))

    def end(self, work: Work[T], ended: Ended, *, retry_after_s: float = 0.0) -> None:
        """Note how it went; `retry_after_s` is what the host asked for (RFC 9110, 10.2.3)."""
        with self._changed:
            for name in work.hosts:
                self._hosts[name].running -= 1
            host = self._hosts[work.host]
            if ended != "probed":
                host.failures = host.failures + 1 if ended == "temporary" else 0
            if retry_after_s > 0:
                resumes_at_s = self._clock.monotonic() + retry_after_s
                host.resumes_at_s = max(host.resumes_at_s, resumes_at_s)
            if host.failures >= MAX_FAILURES or host.resumes_at_s >= self._ends_at_s:
                self._defer(each for each in self._lanes.values() if each.host == work.host)
            # One is enough: who takes something wakes the next. The last end sends all home.
            if any(lane.pending for lane in self._lanes.values()):
                self._changed.notify()
            else:
                self._changed.notify_all()

    def _lane(self, work: Work[T]) -> _Lane[T]:
        for host in work.hosts:
            self._hosts.setdefault(host, _Host())
        key = (work.host, work.probe_host)
        return self._lanes.setdefault(key, _Lane(work.host, work.hosts))

    def _is_ready(self, lane: _Lane[T], now_s: float) -> bool:
        return all(
            host.running < self._per_host and now_s >= host.resumes_at_s
            for host in map(self._hosts.__getitem__, lane.hosts)
        )

    def _pause_s(self, waiting: list[_Lane[T]], now_s: float) -> float:
        hosts = {name for lane in waiting for name in lane.hosts}
        times = [at_s for name in hosts if (at_s := self._hosts[name].resumes_at_s) > now_s]
        return max(0.0, min([*times, self._ends_at_s]) - now_s)

    def _defer(self, lanes: Iterable[_Lane[T]]) -> None:
        for lane in lanes:
            self.deferred += [work for _, work in lane.pending]
            lane.pending.clear()
