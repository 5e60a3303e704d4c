"""What waits for its turn, by the hosts that it needs; and what is known of clients and hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from rotator.fleet.breaker import ClientState, HostState

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

__all__ = ["Kind", "Lane", "Lanes", "Work"]

T = TypeVar("T")

Kind = Literal["recover", "renew", "probe"]
"""A due binding without a valid token, one with a valid token, and a probe of a stored token."""


@dataclass(frozen=True, slots=True, eq=False)
class Work(Generic[T]):
    """One binding and the host that decides how it ends; `probe_host` is called as well.

    `client` tells the clients of a host apart, `name` is what a person is told of it. The least
    `urgency` comes first.
    """

    item: T
    host: str
    client: Hashable = None
    name: str = ""
    kind: Kind = "renew"
    urgency: tuple[object, ...] = ()
    probe_host: str | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """All that are called for it."""
        return frozenset({self.host, self.probe_host or self.host})


@dataclass(slots=True)
class Lane(Generic[T]):
    """What waits for the same hosts and is of the same kind.

    Each has its place: probes last, before them whose client failed in this run, else by urgency.
    """

    host: str
    hosts: frozenset[str]
    kind: Kind
    heap: list[tuple[tuple[bool, bool, tuple[object, ...], int], Work[T]]] = field(
        default_factory=list
    )


class Lanes(Generic[T]):
    """All lanes; what its client has to wait for stands aside, `paused`.

    `deferred` is what will not get its turn in this run, each with the reason.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.clients: dict[Hashable, ClientState] = {}
        self.paused: list[Work[T]] = []
        self.deferred: list[tuple[Work[T], str]] = []
        self._lanes: dict[tuple[str, str | None, Kind], Lane[T]] = {}
        self._numbers = count()

    def push(self, work: Work[T]) -> None:
        """Put it in its place."""
        for name in work.hosts:
            self.hosts.setdefault(name, HostState())
        client = self.clients.setdefault(work.client, ClientState())
        client.has_worked |= work.kind == "renew"
        self.hosts[work.host].clients.add(work.client)
        key = (work.host, work.probe_host, work.kind)
        lane = self._lanes.setdefault(key, Lane(work.host, work.hosts, work.kind))
        place = (work.kind == "probe", client.failures > 0, work.urgency, next(self._numbers))
        heappush(lane.heap, (place, work))

    def waiting(self, now_s: float) -> list[Lane[T]]:
        """The lanes in which something may go next, which is then at the front."""
        paused, self.paused = self.paused, []
        for work in paused:
            self.push(work)  # aside again, if it still has to wait
        return [lane for lane in self._lanes.values() if self._settle(lane, now_s)]

    def recoveries(self, host: str) -> Iterator[Work[T]]:
        """The bindings without a valid token that wait for this host."""
        for lane in self._lanes.values():
            if lane.host == host and lane.kind == "recover":
                yield from (work for _, work in lane.heap)

    def renewals(self, host: str, now_s: float) -> Iterator[Work[T]]:
        """The bindings with a valid token that are next at this host."""
        for lane in self._lanes.values():
            if lane.host == host and lane.kind == "renew" and self._settle(lane, now_s):
                yield lane.heap[0][1]

    def _settle(self, lane: Lane[T], now_s: float) -> bool:
        """Bring to the front what may go next; whether there is anything."""
        host_closed = self.hosts[lane.host].closed
        while lane.heap:
            (is_probe, is_last, urgency, number), work = lane.heap[0]
            client = self.clients[work.client]
            cause = host_closed or client.closed
            if cause is not None:
                heappop(lane.heap)
                self.deferred.append((work, cause))
            elif client.resumes_at_s > now_s:
                heappop(lane.heap)
                self.paused.append(work)
            elif client.failures and not is_last:
                heapreplace(lane.heap, ((is_probe, True, urgency, number), work))
            else:
                return True
        return False

    def next_resumption_s(self, waiting: list[Lane[T]], now_s: float) -> float:
        """When something that waits for a pause to end can go on."""
        times = [self.hosts[name].resumes_at_s for lane in waiting for name in lane.hosts]
        times += [self.clients[work.client].resumes_at_s for work in self.paused]
        return min((each for each in times if each > now_s), default=float("inf"))

    def defer_all(self, cause: str) -> None:
        """Give nothing its turn any more; `cause` is the reason where there is no better one."""
        entries = [entry for lane in self._lanes.values() for entry in lane.heap]
        left = [work for _, work in sorted(entries, key=lambda entry: entry[0])] + self.paused
        for work in left:
            closed = self.hosts[work.host].closed or self.clients[work.client].closed
            self.deferred.append((work, closed or cause))
        self.paused.clear()
        self._lanes.clear()
