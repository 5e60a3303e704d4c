"""The queue of a fleet's workers: the most urgent work first, within each host's share of workers.

A host that hangs, be it a token endpoint's or a probed API's, keeps a few workers busy at most.
Bindings without a valid token, some of which may have failed for weeks, get at most half of the
workers, and half of a host's share, while others wait. So do hosts that have not responded yet,
all together, while work of others may start: each of them may hang. Such a host gets its second
request after every other host that is ready has got its first, and every other one that is tried is
the one for which most work waits. `rotator.fleet.breaker` says when a client or a host is skipped.
"""

from __future__ import annotations

import threading
from collections import Counter
from heapq import heappop
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from rotator.fleet.breaker import Failure
from rotator.fleet.lanes import Lane, Lanes, Priority, Work
from rotator.fleet.shares import Shares

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.clock import Clock

__all__ = ["OUT_OF_TIME", "Observation", "WorkQueue"]

T = TypeVar("T")

Observation = Failure | Literal["responded", "unknown"]
"""What a run has shown about its token endpoint; `unknown` if it made no request."""

OUT_OF_TIME = "the time limit of this run was reached"


class WorkQueue(Generic[T]):
    """Hands out work to threads until `ends_at_s` on the monotonic clock; the rest is deferred.

    Of `workers` at most `per_host` are busy with one host at a time. Work can be added until the
    queue is closed.
    """

    def __init__(self, *, workers: int, per_host: int, ends_at_s: float, clock: Clock) -> None:
        self._ends_at_s = ends_at_s
        self._clock = clock
        self._changed = threading.Condition()
        self._is_open = True
        self._lanes: Lanes[T] = Lanes()
        self._shares = Shares(workers, per_host, self._lanes.hosts)
        self._by_urgency = False

    def add(self, work: Iterable[Work[T]]) -> None:
        """Add work."""
        with self._changed:
            for each in work:
                self._lanes.push(each)
            self._changed.notify_all()

    def close(self) -> None:
        """Expect no more work, except from a worker, in place of an item that it took."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def defer_rest(self) -> list[tuple[Work[T], str]]:
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
                waiting = self._lanes.list_waiting(now_s)
                if not (waiting or self._may_go_on()):
                    self._changed.notify_all()  # the others wait for nothing either
                    return None
                ready = self._shares.select_ready(self._lanes.skip_paused(waiting, now_s))
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
            took_s = self._shares.end(work, now_s)
            if isinstance(observation, Failure):
                self._lanes.note_failure(
                    work, observation, now_s=now_s, ends_at_s=self._ends_at_s, took_s=took_s
                )
            elif observation == "responded":
                self._lanes.note_response(work, took_s)
            self._changed.notify()  # one is enough: a thread that takes work or ends wakes the next

    def _may_go_on(self) -> bool:
        """Whether more work may come: added, after a pause, or at a skipped host that responds."""
        running = (self._lanes.hosts[work.host] for work in self._shares.list_running())
        is_skipped = any(host.skip_reason is not None for host in running)
        return self._is_open or is_skipped or self._lanes.has_paused()

    def _take_from(self, ready: list[Lane[T]]) -> Work[T]:
        lane = self._choose(ready)
        taken = None
        if self._lanes.hosts[lane.host].is_in_doubt:
            alike = [each for each in ready if (each.host, each.kind) == (lane.host, lane.kind)]
            busy = {work.client for work in self._shares.list_running(lane.host)}
            taken = self._lanes.draw(alike, busy, self._clock)
        if taken is None:
            _, taken = heappop(lane.heap)
        self._shares.begin(taken, self._clock.monotonic())
        if len(ready) > 1 or lane.heap:
            self._changed.notify()
        return taken

    def _choose(self, ready: list[Lane[T]]) -> Lane[T]:
        """The next lane; if hosts may hang, every other time that with the most work waiting.

        In the order of urgency alone, hosts that hang could come before all others in every run.
        """
        lane = min(ready, key=self._order_of)
        unresponsive = [each for each in ready if not self._shares.is_responsive(each)]
        if self._shares.is_responsive(lane) or len({each.host for each in unresponsive}) == 1:
            return lane
        self._by_urgency = not self._by_urgency
        if self._by_urgency:
            return lane
        waiting = Counter[str]()
        for each in unresponsive:
            waiting[each.host] += len(each.heap)

        def order(each: Lane[T]) -> tuple[object, ...]:
            _, pending, priority = self._order_of(each)
            chance = self._clock.uniform(0, 1)
            return pending, priority.failed, -waiting[each.host], chance, priority

        return min(unresponsive, key=order)

    def _order_of(self, lane: Lane[T]) -> tuple[bool, int, Priority]:
        """Due bindings before probes, then the host with the fewest requests that may hang."""
        priority, host = lane.heap[0][0], self._lanes.hosts[lane.host]
        pending = 0 if host.is_responsive else len(self._shares.list_running(lane.host))
        return priority.is_probe, pending, priority
