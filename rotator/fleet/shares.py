"""Shares of a fleet's workers, so that work that may hang leaves some of them to the other work."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.fleet.breaker import HostState
    from rotator.fleet.lanes import Lane, Work

__all__ = ["Shares"]

STEP_S = 10.0
"""Hosts that have used about as much time of the workers are served in the order of expiry."""


@dataclass(slots=True)
class Share:
    """At most `limit` items at a time, of which minor ones get half while others wait.

    `running` maps each item in progress to its start, and `minor` has the minor ones among them.
    `ahead_s` is how much more time minor items have taken than the others.
    """

    limit: int
    running: dict[Work[Any], float] = field(default_factory=dict)
    minor: set[Work[Any]] = field(default_factory=set)
    was_minor: bool = False
    ahead_s: float = 0.0

    def has_room(self, *, is_minor: bool, is_other_waiting: bool, by_turns: bool = False) -> bool:
        """Whether one more item may start."""
        if len(self.running) >= self.limit:
            return False
        if not is_minor or not is_other_waiting:
            return True
        if self.limit == 1:  # half of the time instead, as some may hang
            return not self.was_minor and self.ahead_s <= 0
        return len(self.minor) < self.limit // 2 and not (by_turns and self.was_minor)

    def begin(self, work: Work[Any], now_s: float, *, is_minor: bool) -> None:
        """Give it a worker."""
        self.running[work] = now_s
        self.was_minor = is_minor
        if is_minor:
            self.minor.add(work)

    def end(self, work: Work[Any], now_s: float) -> float:
        """Free its worker; returns for how many seconds it was busy."""
        took_s = now_s - self.running.pop(work)
        self.ahead_s += took_s if work in self.minor else -took_s
        self.minor.discard(work)
        return took_s


class Shares:
    """How workers are shared: by host, and between work that may hang and the rest.

    Bindings without a valid token are minor to those with one, hosts that have not responded yet to
    those that have.
    """

    def __init__(self, workers: int, per_host: int, hosts: Mapping[str, HostState]) -> None:
        self._per_host = per_host
        self._hosts = hosts
        self._all = Share(workers)
        self._by_response = Share(workers)
        self._unresponsive = Share(max(1, workers // 2))
        self._of_host: dict[str, Share] = {}
        self._used_s: defaultdict[frozenset[str], float] = defaultdict(float)

    def list_running(self, host: str | None = None) -> Mapping[Work[Any], float]:
        """The work in progress, or that at this host, with the instants when it began."""
        return (self._all if host is None else self._share_of(host)).running

    def is_responsive(self, each: Lane[Any] | Work[Any]) -> bool:
        """Whether its token endpoint responds in this run; a probed API has a share of its own."""
        host = self._hosts[each.host]
        return each.kind == "probe" or host.is_responsive

    def begin(self, work: Work[Any], now_s: float) -> None:
        """Give it a worker."""
        is_recovery, is_responsive = work.kind == "recover", self.is_responsive(work)
        for share in (self._all, *map(self._share_of, work.hosts)):
            share.begin(work, now_s, is_minor=is_recovery)
        self._by_response.begin(work, now_s, is_minor=not is_responsive)
        if not is_responsive:
            self._unresponsive.begin(work, now_s, is_minor=is_recovery)

    def end(self, work: Work[Any], now_s: float) -> float:
        """Free its worker; returns for how many seconds it was busy."""
        for share in (self._by_response, *map(self._share_of, work.hosts)):
            share.end(work, now_s)
        if work in self._unresponsive.running:
            self._unresponsive.end(work, now_s)
        took_s = self._all.end(work, now_s)
        self._used_s[work.hosts] += took_s
        return took_s

    def used_steps(self, lane: Lane[Any], now_s: float) -> int:
        """How much time of workers its hosts have used in this run, in steps of ten seconds.

        A host that an API is probed for counts apart, so that a slow API slows nobody else down.
        """
        running = self.list_running(lane.host).items()
        running_s = sum(now_s - began_s for work, began_s in running if work.hosts == lane.hosts)
        return int((self._used_s[lane.hosts] + running_s) // STEP_S)

    def select_ready(self, lanes: list[Lane[Any]]) -> list[Lane[Any]]:
        """The lanes whose hosts have a free worker in their shares."""
        renewing = {name for lane in lanes if self._is_renewing(lane) for name in lane.hosts}
        ready = [lane for lane in lanes if self._has_room(lane, renewing)]
        if not any(self.is_responsive(lane) and lane.kind != "probe" for lane in ready):
            return ready
        unresponsive = [lane for lane in lanes if not self.is_responsive(lane)]
        is_renewing = any(map(self._is_renewing, unresponsive))
        return [
            lane
            for lane in ready
            if self.is_responsive(lane) or self._may_hang(lane, is_renewing=is_renewing)
        ]

    def _share_of(self, host: str) -> Share:
        return self._of_host.setdefault(host, Share(self._per_host))

    def _has_room(self, lane: Lane[Any], renewing: set[str]) -> bool:
        is_minor = lane.kind == "recover"
        if any(
            self._hosts[name].is_tried_singly and self.list_running(name) for name in lane.hosts
        ):
            return False
        return self._all.has_room(is_minor=is_minor, is_other_waiting=bool(renewing)) and all(
            self._share_of(name).has_room(
                is_minor=is_minor,
                is_other_waiting=name in renewing,
                by_turns=self._hosts[name].is_in_doubt,
            )
            for name in lane.hosts
        )

    def _may_hang(self, lane: Lane[Any], *, is_renewing: bool) -> bool:
        """Whether a host that has not responded may have a worker that others could use.

        Bindings without a valid token may have filled that half before any host responded. So those
        with one always get half as many.
        """
        is_minor, share = lane.kind == "recover", self._unresponsive
        if not is_minor and len(share.running) - len(share.minor) < share.limit // 2:
            return True
        return self._by_response.has_room(is_minor=True, is_other_waiting=True) and share.has_room(
            is_minor=is_minor, is_other_waiting=is_renewing
        )

    def _is_renewing(self, lane: Lane[Any]) -> bool:
        """Whether a binding with a valid token waits; at a host in doubt, of an untried client."""
        was_tried = self._hosts[lane.host].is_in_doubt and lane.heap[0][0].failed > 0
        return lane.kind == "renew" and not was_tried
