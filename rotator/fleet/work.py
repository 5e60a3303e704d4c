"""The queue of a fleet's workers: the most urgent work first, within each host's share of workers.

A host that hangs, be it a token endpoint's or a probed API's, keeps a few workers busy at most.
Bindings without a valid token, some of which may have failed for weeks, get at most half of the
workers, and half of a host's share, while others wait. So do hosts that have not responded yet,
all together, while work of others may start: each of them may hang. `rotator.fleet.order` says what
comes next, `rotator.fleet.breaker` when a client or a host is skipped.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from rotator.fleet.breaker import Failure
from rotator.fleet.lanes import Lane, Lanes, Work
from rotator.fleet.order import Order
from rotator.fleet.shares import Shares
from rotator.fleet.token_requests import Refusals

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

    def __init__(
        self,
        *,
        workers: int,
        per_host: int,
        ends_at_s: float,
        clock: Clock,
        refusals: Refusals | None = None,
    ) -> None:
        self._ends_at_s = ends_at_s
        self._clock = clock
        self._changed = threading.Condition()
        self._is_open = True
        self._lanes: Lanes[T] = Lanes()
        self._shares = Shares(workers, per_host, self._lanes.hosts)
        self._order = Order(self._lanes, self._shares, refusals or Refusals(), clock)

    def add(self, work: Iterable[Work[T]]) -> None:
        """Add work."""
        with self._changed:
            for each in work:
                self._lanes.push(each)
                self._order.add(each)
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
                    return self._begin_next(ready)
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

    def _begin_next(self, ready: list[Lane[T]]) -> Work[T]:
        taken = self._order.take(ready)
        self._shares.begin(taken, self._clock.monotonic())
        if len(ready) > 1 or ready[0].heap:
            self._changed.notify()
        return taken
