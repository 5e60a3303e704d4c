"""The order of a fleet's work: by urgency, and by chance where urgency could be wrong in every run.

The next work is that of the host that has used the least time of the workers, in steps of some
seconds, so that one that responds slowly soon waits for those that had less. Within a step it is
the most urgent one.

A host that has not responded gets its second request after every other host that is ready has got
its first, and every other one that is tried is the one for which most work waits.
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop
from typing import TYPE_CHECKING, Generic, TypeVar

from rotator.fleet.draws import UndecidedRequests, draw

if TYPE_CHECKING:
    from rotator.clock import Clock
    from rotator.fleet.lanes import Lane, Lanes, Priority, Work
    from rotator.fleet.shares import Shares
    from rotator.fleet.token_requests import Refusals

__all__ = ["Order"]

T = TypeVar("T")


class Order(Generic[T]):
    """Takes work from `lanes`, as its hosts, their `shares` and the `refusals` so far say."""

    def __init__(self, lanes: Lanes[T], shares: Shares, refusals: Refusals, clock: Clock) -> None:
        self._lanes = lanes
        self._shares = shares
        self._clock = clock
        self._requests = UndecidedRequests(refusals)
        self._by_urgency = False

    def add(self, work: Work[T]) -> None:
        """Expect this work."""
        self._requests.add(work)

    def take(self, ready: list[Lane[T]]) -> Work[T]:
        """Take the next work from its lane."""
        lane = self._choose(ready)
        taken = None
        if self._lanes.hosts[lane.host].is_in_doubt:
            taken = self._draw_client(lane, ready)
        if taken is None:
            _, taken = heappop(lane.heap)
        if self._requests.is_drawn(taken):
            taken = self._draw_request(taken, ready)
        return taken

    def _draw_client(self, lane: Lane[T], ready: list[Lane[T]]) -> Work[T] | None:
        """Take work of a client that can test the host; None if each has failed or is busy."""
        now_s = self._clock.monotonic()
        alike = [each for each in ready if (each.host, each.kind) == (lane.host, lane.kind)]
        busy = {work.client for work in self._shares.list_running(lane.host)}
        return draw(
            alike,
            lambda work: work.client not in busy and self._lanes.can_test_host(work, now_s),
            lambda work: work.client,
            self._clock,
        )

    def _draw_request(self, taken: Work[T], ready: list[Lane[T]]) -> Work[T]:
        """Take another request of the client instead, or this one, by chance."""
        now_s = self._clock.monotonic()
        busy = {work.request for work in self._shares.list_running(taken.host)}

        def is_eligible(work: Work[T]) -> bool:
            return work is taken or (
                work.request not in busy
                and self._lanes.can_test_host(work, now_s)
                and self._requests.is_alternative(taken, work)
            )

        self._lanes.push(taken)
        at_host = [each for each in ready if each.host == taken.host]
        return draw(at_host, is_eligible, lambda work: work.request, self._clock) or taken

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
            _, pending, used_steps, priority = self._order_of(each)
            chance = self._clock.uniform(0, 1)
            return pending, used_steps, priority.failed, -waiting[each.host], chance, priority

        return min(unresponsive, key=order)

    def _order_of(self, lane: Lane[T]) -> tuple[bool, int, int, Priority]:
        """Due bindings before probes, then the host with the fewest requests that may hang."""
        priority, host = lane.heap[0][0], self._lanes.hosts[lane.host]
        pending = 0 if host.is_responsive else len(self._shares.list_running(lane.host))
        used_steps = self._shares.used_steps(lane, self._clock.monotonic())
        return priority.is_probe, pending, used_steps, priority
