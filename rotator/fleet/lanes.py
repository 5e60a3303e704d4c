"""What waits for its turn, by the hosts that it needs; and what is known of clients and hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

from rotator.fleet.breaker import ClientState, HostState

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from rotator.model.clock import Clock

__all__ = ["Kind", "Lane", "Lanes", "Place", "Work"]

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


class Place(NamedTuple):
    """Where a work stands: probes last, before them whose client has failed, else by urgency."""

    is_probe: bool
    has_failed: bool
    urgency: tuple[object, ...]
    number: int


@dataclass(slots=True)
class Lane(Generic[T]):
    """What waits for the same hosts and is of the same kind, each in its place."""

    host: str
    hosts: frozenset[str]
    kind: Kind
    heap: list[tuple[Place, Work[T]]] = field(default_factory=list)


class Lanes(Generic[T]):
    """All lanes; what its client has to wait for stands aside.

    `deferred` is what will not get its turn in this run, each with the reason.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.clients: dict[Hashable, ClientState] = {}
        self.deferred: list[tuple[Work[T], str]] = []
        self._paused: list[tuple[float, int, Work[T]]] = []
        self._lanes: dict[tuple[str, str | None, Kind], Lane[T]] = {}
        self._numbers = count()

    def push(self, work: Work[T]) -> None:
        """Put it in its place."""
        for name in work.hosts:
            self.hosts.setdefault(name, HostState())
        client = self.clients.setdefault(work.client, ClientState())
        self.hosts[work.host].clients.add(work.client)
        key = (work.host, work.probe_host, work.kind)
        lane = self._lanes.setdefault(key, Lane(work.host, work.hosts, work.kind))
        place = Place(work.kind == "probe", client.failures > 0, work.urgency, next(self._numbers))
        heappush(lane.heap, (place, work))

    def waiting(self, now_s: float) -> list[Lane[T]]:
        """The lanes in which something may go next, which is then at the front."""
        while self._paused and self._paused[0][0] <= now_s:
            self.push(heappop(self._paused)[-1])
        return [lane for lane in self._lanes.values() if self._settle(lane, now_s)]

    def has_paused(self) -> bool:
        """Whether something stands aside that may still get its turn."""
        return any(self.hosts[work.host].closed is None for *_, work in self._paused)

    def draw(
        self, lanes: list[Lane[T]], busy: Collection[Hashable], clock: Clock
    ) -> Work[T] | None:
        """Take what is first of a client drawn at random, of those that can speak for the host.

        None if each has failed or is among the `busy`.
        """
        now_s = clock.monotonic()
        firsts: dict[Hashable, tuple[Place, Work[T], Lane[T]]] = {}
        for lane in lanes:
            for place, work in lane.heap:
                client = work.client
                if client in busy or not self.clients[client].speaks_for_host(now_s):
                    continue
                if client not in firsts or place < firsts[client][0]:
                    firsts[client] = (place, work, lane)
        if not firsts:
            return None
        drawn = min(int(clock.uniform(0, len(firsts))), len(firsts) - 1)
        place, work, lane = list(firsts.values())[drawn]
        lane.heap.remove((place, work))
        heapify(lane.heap)
        return work

    def _settle(self, lane: Lane[T], now_s: float) -> bool:
        """Bring to the front what may go next; whether there is anything."""
        if self.hosts[lane.host].closed is not None:
            return False
        while lane.heap:
            place, work = lane.heap[0]
            client = self.clients[work.client]
            if client.closed is not None:
                heappop(lane.heap)
                self.deferred.append((work, client.closed))
            elif client.resumes_at_s > now_s:
                heappop(lane.heap)
                heappush(self._paused, (client.resumes_at_s, place.number, work))
            elif client.failures and not place.has_failed:
                heapreplace(lane.heap, (place._replace(has_failed=True), work))
            else:
                return True
        return False

    def next_resumption_s(self, waiting: list[Lane[T]], now_s: float) -> float:
        """When something that waits for a pause to end can go on."""
        times = [self.hosts[name].resumes_at_s for lane in waiting for name in lane.hosts]
        times += [resumes_at_s for resumes_at_s, *_ in self._paused[:1]]
        return min((each for each in times if each > now_s), default=float("inf"))

    def defer_all(self, cause: str) -> None:
        """Give nothing its turn any more; `cause` is the reason where there is no better one."""
        entries = [entry for lane in self._lanes.values() for entry in lane.heap]
        left = [work for _, work in sorted(entries, key=lambda entry: entry[0])]
        for work in [*left, *(work for *_, work in sorted(self._paused, key=lambda p: p[:2]))]:
            closed = self.hosts[work.host].closed or self.clients[work.client].closed
            self.deferred.append((work, closed or cause))
        self._paused.clear()
        self._lanes.clear()
