"""The queue of a fleet's workers: the most urgent work first, within each host's share of workers.

A host that hangs, be it a token endpoint's or a probed API's, keeps a few workers busy at most.
Bindings without a valid token, some of which may have failed for weeks, get at most half of the
workers, and half of a host's share, while others wait. `rotator.fleet.breaker` says when a client
or a host is skipped. A host that has not responded yet gets its second request after every other
host that is ready has got its first.
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

__all__ = ["OUT_OF_TIME", "Observation", "WorkQueue"]

T = TypeVar("T")

Observation = Failure | Literal["responded", "unknown"]
"""What a run has shown about its token endpoint; `unknown` if it made no request."""

OUT_OF_TIME = "the time limit of this run was reached"


@dataclass(slots=True)
class _Share:
    """At most `limit` items at a time, of which bindings without a valid token get half.

    `running` maps each item in progress to its start. `ahead_s` is how much more time bindings
    without a valid token have taken than the others.
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
            # Every other item, and of a single worker half of its time, as some may hang.
            return not self.was_recovery and (self.limit > 1 or self.ahead_s <= 0)
        return sum(each.kind == "recover" for each in self.running) < self.limit // 2

    def begin(self, work: Work[Any], now_s: float) -> None:
        self.running[work] = now_s
        self.was_recovery = work.kind == "recover"

    def end(self, work: Work[Any], now_s: float) -> float:
        """Free a worker; returns for how many seconds it was busy."""
        took_s = now_s - self.running.pop(work)
        self.ahead_s += took_s if work.kind == "recover" else -took_s
        return took_s


class WorkQueue(Generic[T]):
    """Hands out work to threads until `ends_at_s` on the monotonic clock; the rest is deferred.

    Of `workers` at most `per_host` are busy with one host at a time. Work can be added until the
    queue is closed.
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
        """Add work."""
        with self._changed:
            for each in work:
                for host in each.hosts:
                    self._shares.setdefault(host, _Share(self._per_host))
                self._lanes.push(each)
            self._changed.notify_all()

    def close(self) -> None:
        """Say that no more is added, except by a worker in place of what it has taken."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def deferred(self) -> list[tuple[Work[T], str]]:
        """The work that was not handed out, with reasons; call it once all workers have ended."""
        with self._changed:
            self._lanes.defer_all(OUT_OF_TIME)
            return self._lanes.deferred

    def take(self, *, block: bool = True) -> Work[T] | None:
        """Take the most urgent work that may start; None if there is none left.

        Waits until some may start; without `block` returns None instead.
        """
        with self._changed:
            while True:
                now_s = self._clock.monotonic()
                if now_s >= self._ends_at_s:
                    return None
                waiting = self._lanes.waiting(now_s)
                if not (waiting or self._may_go_on()):
                    self._changed.notify_all()  # the others wait for nothing either
                    return None
                ready = self._ready(waiting, now_s)
                if ready:
                    return self._take_from(ready)
                if not block:
                    return None
                resumes_at_s = self._lanes.next_resumption_s(waiting, now_s)
                self._changed.wait(min(self._ends_at_s, resumes_at_s) - now_s)

    def end(self, work: Work[T], observation: Observation) -> None:
        """Free its share of the workers, and note what its token endpoint has shown."""
        with self._changed:
            now_s = self._clock.monotonic()
            took_s = max(share.end(work, now_s) for share in self._shares_of(work.hosts))
            if isinstance(observation, Failure):
                self._lanes.note_failure(
                    work, observation, now_s=now_s, ends_at_s=self._ends_at_s, took_s=took_s
                )
            elif observation == "responded":
                self._lanes.note_response(work, took_s)
            self._changed.notify()  # one is enough: a thread that takes work or ends wakes the next

    def _may_go_on(self) -> bool:
        """Whether more work may come: added, after a pause, or at a skipped host that responds."""
        running = (self._lanes.hosts[work.host] for work in self._all.running)
        is_skipped = any(host.skip_reason is not None for host in running)
        return self._is_open or is_skipped or self._lanes.has_paused()

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
        """Due bindings before probes, then the host with the fewest requests that may hang."""
        priority, host = lane.heap[0][0], self._lanes.hosts[lane.host]
        is_proven = host.has_responded and not host.is_in_doubt
        pending = 0 if is_proven else len(self._shares[lane.host].running)
        return priority.is_probe, pending, priority

    def _shares_of(self, hosts: Iterable[str]) -> list[_Share]:
        return [self._all, *(self._shares[host] for host in hosts)]

    def _ready(self, waiting: list[Lane[T]], now_s: float) -> list[Lane[T]]:
        """The lanes whose hosts have a free worker in their shares."""
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
        """Whether a binding with a valid token waits; at a host in doubt, of an untried client."""
        was_tried = self._lanes.hosts[lane.host].is_in_doubt and lane.heap[0][0].failed > 0
        return lane.kind == "renew" and not was_tried
