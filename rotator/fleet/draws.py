"""Draws the next work by chance, where the order of urgency would be the same wrong one each time.

What fails may have the soonest expiry, in every run.
"""

from __future__ import annotations

from heapq import heapify
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from rotator.clock import Clock
    from rotator.fleet.lanes import Lane, Priority, Work
    from rotator.fleet.token_requests import Refusals, TokenRequest

__all__ = ["UndecidedRequests", "draw"]

T = TypeVar("T")


def draw(
    lanes: Iterable[Lane[T]],
    is_eligible: Callable[[Work[T]], bool],
    key_of: Callable[[Work[T]], Hashable],
    clock: Clock,
) -> Work[T] | None:
    """Take the first work of a key drawn at random; None if no work is eligible."""
    firsts: dict[Hashable, tuple[Priority, Work[T], Lane[T]]] = {}
    for lane in lanes:
        for priority, work in lane.heap:
            key = key_of(work)
            if is_eligible(work) and (key not in firsts or priority < firsts[key][0]):
                firsts[key] = (priority, work, lane)
    if not firsts:
        return None
    drawn = min(int(clock.uniform(0, len(firsts))), len(firsts) - 1)
    priority, work, lane = list(firsts.values())[drawn]
    lane.heap.remove((priority, work))
    heapify(lane.heap)
    return work


class UndecidedRequests:
    """The different requests of clients of which it isn't known yet whether they are refused.

    The first of a client goes in the order of urgency, and so do those after one that was granted.
    Those in between are drawn: the same wrong ones could hide the others in every run.
    """

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._requests: dict[Hashable, set[TokenRequest]] = {}
        self._begun: set[Hashable] = set()

    def add(self, work: Work[Any]) -> None:
        """Add the request of work that waits."""
        if work.request is not None:
            self._requests.setdefault(work.request.identity, set()).add(work.request)

    def is_drawn(self, work: Work[Any]) -> bool:
        """Whether a request of its client has to be drawn in place of this one, which is next."""
        request = work.request
        if request is None or not self._refusals.is_undecided(request):
            return False
        is_first = request.identity not in self._begun
        self._begun.add(request.identity)
        return not is_first and len(self._requests[request.identity]) > 1

    def is_alternative(self, work: Work[Any], other: Work[Any]) -> bool:
        """Whether `other` tells as much about the client of `work`."""
        request, alternative = work.request, other.request
        return (
            request is not None
            and alternative is not None
            and alternative.identity == request.identity
            and self._refusals.is_undecided(alternative)
        )
