"""Which work is next: the most urgent first, and nobody takes more than a share.

A host that hangs holds a few workers at most, whether it hands out tokens or is the API of a probe.
Bindings without a valid token, among them those that have failed for weeks, hold at most half of
the workers, and half of a host's share, while others wait. A client or a host that keeps failing is
left alone, as `rotator.fleet.breaker` says.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from heapq import heappop
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from rotator.fleet.breaker import Failure
from rotator.fleet.lanes import Kind, Lane, Lanes, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rotator.model.clock import Clock

__all__ = ["OUT_OF_TIME", "Ended", "WorkQueue"]

T = TypeVar("T")

Ended = Failure | Literal["answered", "unknown"]
"""What a binding's end says of its token endpoint; `unknown` if that was not asked."""

OUT_OF_TIME = "the time of this run was used up"


@dataclass(slots=True)
class _Share:
    """Room for `limit` at a time, of which bindings without a valid token get half."""

    limit: int
    running: set[Work[Any]] = field(default_factory=set)
    was_recovery: bool = False

    def has_room(self, kind: Kind, *, is_renewal_waiting: bool) -> bool:
        if len(self.running) >= self.limit:
            return False
        if kind != "recover" or not is_renewal_waiting:
            return True
        if self.limit == 1:
            return not self.was_recovery  # half of the turns
        return sum(each.kind == "recover" for each in self.running) < self.limit // 2

    def begin(self, work: Work[Any]) -> None:
        self.running.add(work)
        self.was_recovery = work.kind == "recover"


class WorkQueue(Generic[T]):
    """Hands out work to threads; what is not handed out before the end is deferred.

    Of `workers` at most `per_host` are busy for one host at a time. `ends_at_s` is on the monotonic
    clock. Work can be added until the queue is closed.
    """

    def __init__(self, *, workers: int, per_host: int, ends_at_s: float, clock: Clock) -> None:
        self._per_host = per_host
        self._ends_at_s = ends_at_s
        self._clock = clock
        self._changed = threading.Condition()
        self._is_open = True
        self._all = _Share(workers)
        self._shares: dict[str, _Share] = {}
        self._lanes: Lanes[T] = Lanes()

    def add(self, work: Iterable[Work[T]]) -> None:
        """Put in what is to be done."""
        with self._changed:
            for each in work:
                for host in each.hosts:
                    self._shares.setdefault(host, _Share(self._per_host))
                self._lanes.push(each)
            self._changed.notify_all()

    def close(self) -> None:
        """No more is added, except by a worker for what it has taken."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def deferred(self) -> list[tuple[Work[T], str]]:
        """What was not handed out, each with the reason, once all workers have ended."""
        with self._changed:
            self._lanes.defer_all(OUT_OF_TIME)
            return self._lanes.deferred

    def take(self) -> Work[T] | None:
        """The most urgent work whose hosts can take it, waiting for it; None if no more is left."""
        with self._changed:
            while True:
                now_s = self._clock.monotonic()
                if now_s >= self._ends_at_s:
                    return None
                waiting = self._lanes.waiting(now_s)
                if not (waiting or self._lanes.paused or self._is_open):
                    self._changed.notify_all()  # what the others wait for was deferred
                    return None
                ready = self._ready(waiting, now_s)
                if ready:
                    return self._take_first(ready)
                resumes_at_s = self._lanes.next_resumption_s(waiting, now_s)
                self._changed.wait(min(self._ends_at_s, resumes_at_s) - now_s)

    def end(self, work: Work[T], ended: Ended) -> None:
        """Note how it went."""
        with self._changed:
            for share in self._shares_of(work.hosts):
                share.running.discard(work)
            if isinstance(ended, Failure):
                self._note_failure(work, ended)
            elif ended == "answered":
                self._lanes.clients[work.client].note_answer()
                self._lanes.hosts[work.host].note_answer()
            self._changed.notify()  # one is enough: who takes something, or ends, wakes the next

    def _take_first(self, ready: list[Lane[T]]) -> Work[T]:
        lane = min(ready, key=lambda each: each.heap[0][0])
        _, taken = heappop(lane.heap)
        for share in self._shares_of(taken.hosts):
            share.begin(taken)
        if len(ready) > 1 or lane.heap:
            self._changed.notify()
        return taken

    def _shares_of(self, hosts: Iterable[str]) -> list[_Share]:
        return [self._all, *(self._shares[host] for host in hosts)]

    def _note_failure(self, work: Work[T], failure: Failure) -> None:
        now_s, ends_at_s = self._clock.monotonic(), self._ends_at_s
        client, host = self._lanes.clients[work.client], self._lanes.hosts[work.host]
        client.note_failure(failure, work.host, work.name, now_s=now_s, ends_at_s=ends_at_s)
        host.note_failure(failure, work.client, has_worked=client.has_worked, now_s=now_s)
        host.judge(
            failure,
            work.host,
            now_s=now_s,
            ends_at_s=ends_at_s,
            has_untried=lambda: self._has_untried(work.host, now_s),
        )

    def _ready(self, waiting: list[Lane[T]], now_s: float) -> list[Lane[T]]:
        """The lanes whose hosts have room for them."""
        hosts = self._lanes.hosts
        awake = [
            lane
            for lane in waiting
            if all(now_s >= hosts[name].resumes_at_s for name in lane.hosts)
        ]
        renewing = {name for lane in awake if lane.kind == "renew" for name in lane.hosts}
        return [
            lane
            for lane in awake
            if self._all.has_room(lane.kind, is_renewal_waiting=bool(renewing))
            and all(
                self._shares[name].has_room(lane.kind, is_renewal_waiting=name in renewing)
                for name in lane.hosts
            )
            and not self._is_held_back(lane, now_s)
        ]

    def _is_held_back(self, lane: Lane[T], now_s: float) -> bool:
        """Whether the host is in doubt, and a binding with a valid token goes first."""
        is_doubtful = lane.kind == "recover" and bool(self._lanes.hosts[lane.host].blamers)
        return is_doubtful and any(map(self._is_untried, self._renewals(lane.host, now_s)))

    def _has_untried(self, host: str, now_s: float) -> bool:
        """Whether a client is left at the host that is known to have worked and has not failed."""
        running = (each for each in self._shares[host].running if each.kind == "recover")
        return any(
            map(
                self._is_untried,
                chain(running, self._renewals(host, now_s), self._lanes.recoveries(host)),
            )
        )

    def _renewals(self, host: str, now_s: float) -> Iterator[Work[T]]:
        """Bindings with a valid token at this host: in progress, and next."""
        running = (each for each in self._shares[host].running if each.kind == "renew")
        return chain(running, self._lanes.renewals(host, now_s))

    def _is_untried(self, work: Work[T]) -> bool:
        client = self._lanes.clients[work.client]
        return client.has_worked and not client.failures
