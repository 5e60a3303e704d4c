"""Which work is next: the most urgent first, and nobody takes more than a share.

A host that hangs holds a few workers at most, whether it hands out tokens or is the API of a probe.
Bindings without a valid token, among them those that have failed for weeks, hold at most half of
the workers, and half of a host's share, while others wait. A client or a host that keeps failing is
left alone, as `rotator.fleet.breaker` says. A host that has not answered yet gets its second
request after each other host that is ready has got its first.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from heapq import heappop
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from rotator.fleet.breaker import Failure
from rotator.fleet.lanes import Kind, Lane, Lanes, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.model.clock import Clock

__all__ = ["OUT_OF_TIME", "Ended", "WorkQueue"]

T = TypeVar("T")

Ended = Failure | Literal["answered", "unknown"]
"""What a binding's end says of its token endpoint; `unknown` if that was not asked."""

OUT_OF_TIME = "the time of this run was used up"


@dataclass(slots=True)
class _Share:
    """Room for `limit` at a time, of which bindings without a valid token get half.

    `running` is what is in progress, each with its beginning. `ahead_s` is how much longer than
    the others those without a valid token have taken.
    """

    limit: int
    running: dict[Work[Any], float] = field(default_factory=dict)
    was_recovery: bool = False
    ahead_s: float = 0.0

    def has_room(self, kind: Kind, *, is_renewal_waiting: bool, by_turns: bool = False) -> bool:
        if len(self.running) >= self.limit:
            return False
        if kind != "recover" or not is_renewal_waiting:
            return True
        if self.limit == 1 or by_turns:
            # Half of the turns, and where they share one worker half of its time: some may hang.
            return not self.was_recovery and (self.limit > 1 or self.ahead_s <= 0)
        return sum(each.kind == "recover" for each in self.running) < self.limit // 2

    def begin(self, work: Work[Any], now_s: float) -> None:
        self.running[work] = now_s
        self.was_recovery = work.kind == "recover"

    def end(self, work: Work[Any], now_s: float) -> None:
        took_s = now_s - self.running.pop(work)
        self.ahead_s += took_s if work.kind == "recover" else -took_s


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

    def take(self, *, block: bool = True) -> Work[T] | None:
        """The most urgent work whose hosts can take it; None if no more is left.

        Waits for it, or without `block` returns None where nothing can begin at this moment.
        """
        with self._changed:
            while True:
                now_s = self._clock.monotonic()
                if now_s >= self._ends_at_s:
                    return None
                waiting = self._lanes.waiting(now_s)
                if not (waiting or self._may_go_on()):
                    self._changed.notify_all()  # what the others wait for was deferred
                    return None
                ready = self._ready(waiting, now_s)
                if ready:
                    return self._take_from(ready)
                if not block:
                    return None
                resumes_at_s = self._lanes.next_resumption_s(waiting, now_s)
                self._changed.wait(min(self._ends_at_s, resumes_at_s) - now_s)

    def end(self, work: Work[T], ended: Ended) -> None:
        """Note how it went."""
        with self._changed:
            for share in self._shares_of(work.hosts):
                share.end(work, self._clock.monotonic())
            if isinstance(ended, Failure):
                self._note_failure(work, ended)
            elif ended == "answered":
                self._lanes.clients[work.client].note_answer()
                self._lanes.hosts[work.host].note_answer()
            self._changed.notify()  # one is enough: who takes something, or ends, wakes the next

    def _may_go_on(self) -> bool:
        """Whether something can still come: added, after a pause, or at a host that answers."""
        running = (self._lanes.hosts[work.host] for work in self._all.running)
        is_closed = any(host.closed is not None for host in running)
        return self._is_open or is_closed or self._lanes.has_paused()

    def _take_from(self, ready: list[Lane[T]]) -> Work[T]:
        lane = min(ready, key=self._order_of)
        taken = None
        if self._lanes.hosts[lane.host].is_in_doubt:
            alike = [each for each in ready if (each.host, each.kind) == (lane.host, lane.kind)]
            busy = {work.client for work in self._shares[lane.host].running}
            taken = self._lanes.draw(alike, busy, self._clock)
        if taken is None:
            _, taken = heappop(lane.heap)
        for share in self._shares_of(taken.hosts):
            share.begin(taken, self._clock.monotonic())
        if len(ready) > 1 or lane.heap:
            self._changed.notify()
        return taken

    def _order_of(self, lane: Lane[T]) -> tuple[object, ...]:
        """What is due before probes, then the host with fewer requests that may all hang."""
        place, host = lane.heap[0][0], self._lanes.hosts[lane.host]
        is_proven = host.has_answered and not host.is_in_doubt
        pending = 0 if is_proven else len(self._shares[lane.host].running)
        return place.is_probe, pending, place

    def _shares_of(self, hosts: Iterable[str]) -> list[_Share]:
        return [self._all, *(self._shares[host] for host in hosts)]

    def _note_failure(self, work: Work[T], failure: Failure) -> None:
        now_s, ends_at_s = self._clock.monotonic(), self._ends_at_s
        client, host = self._lanes.clients[work.client], self._lanes.hosts[work.host]
        client.note_failure(failure, work.host, work.name, now_s=now_s, ends_at_s=ends_at_s)
        if client.failures == 1:
            host.note_failure(failure, work.host, work.client, now_s=now_s, ends_at_s=ends_at_s)

    def _ready(self, waiting: list[Lane[T]], now_s: float) -> list[Lane[T]]:
        """The lanes whose hosts have room for them."""
        hosts = self._lanes.hosts
        awake = [
            lane
            for lane in waiting
            if all(now_s >= hosts[name].resumes_at_s for name in lane.hosts)
        ]
        renewing = {name for lane in awake if self._is_renewing(lane) for name in lane.hosts}
        return [
            lane
            for lane in awake
            if self._all.has_room(lane.kind, is_renewal_waiting=bool(renewing))
            and all(
                self._shares[name].has_room(
                    lane.kind,
                    is_renewal_waiting=name in renewing,
                    by_turns=hosts[name].is_in_doubt,
                )
                for name in lane.hosts
            )
        ]

    def _is_renewing(self, lane: Lane[T]) -> bool:
        """Whether a binding with a valid token waits, at a host in doubt one that was not tried."""
        was_tried = self._lanes.hosts[lane.host].is_in_doubt and lane.heap[0][0].has_failed
        return lane.kind == "renew" and not was_tried
