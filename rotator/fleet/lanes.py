"""Queues of work by host and kind, with the circuit breakers of clients and hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

from rotator.fleet.breaker import ClientState, HostState

if TYPE_CHECKING:
    from collections.abc import Hashable

    from rotator.fleet.breaker import Failure
    from rotator.fleet.token_requests import TokenRequest

__all__ = ["Kind", "Lane", "Lanes", "Priority", "Work"]

T = TypeVar("T")

Kind = Literal["recover", "renew", "probe"]
"""A due binding without a valid token, one with a valid token, and a probe of a stored token."""


@dataclass(frozen=True, slots=True, eq=False)
class Work(Generic[T]):
    """What to do for one binding, at the `host` of its token endpoint and that of its probe.

    `client` identifies the client at that host, `name` is its name in messages. `request` is the
    same for equal token requests. The smallest `urgency` comes first.
    """

    item: T
    host: str
    client: Hashable = None
    name: str = ""
    kind: Kind = "renew"
    urgency: tuple[object, ...] = ()
    probe_host: str | None = None
    request: TokenRequest | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that it calls."""
        return frozenset({self.host, self.probe_host or self.host})


class Priority(NamedTuple):
    """Due bindings come before probes, then by `failed`, then by urgency.

    `failed` is 1 if the client has failed, 2 if equal requests have too.
    """

    is_probe: bool
    failed: int
    urgency: tuple[object, ...]
    number: int


@dataclass(slots=True)
class Lane(Generic[T]):
    """Work of the same kind that waits for the same hosts, as a heap by priority."""

    host: str
    hosts: frozenset[str]
    kind: Kind
    heap: list[tuple[Priority, Work[T]]] = field(default_factory=list)


class Lanes(Generic[T]):
    """All lanes, and the work whose client was asked to wait.

    `deferred` is the work that this run will not do, each with the reason.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.clients: dict[Hashable, ClientState] = {}
        self._requests: dict[Hashable, ClientState] = {}
        self.deferred: list[tuple[Work[T], str]] = []
        self._paused: list[tuple[float, int, Work[T]]] = []
        self._lanes: dict[tuple[str, str | None, Kind], Lane[T]] = {}
        self._numbers = count()

    def push(self, work: Work[T]) -> None:
        """Add work to its lane."""
        for name in work.hosts:
            self.hosts.setdefault(name, HostState())
        self.clients.setdefault(work.client, ClientState())
        self._requests.setdefault((work.client, work.request), ClientState())
        self.hosts[work.host].clients.add(work.client)
        key = (work.host, work.probe_host, work.kind)
        lane = self._lanes.setdefault(key, Lane(work.host, work.hosts, work.kind))
        priority = Priority(
            work.kind == "probe", self._failure_rank(work), work.urgency, next(self._numbers)
        )
        heappush(lane.heap, (priority, work))

    def note_response(self, work: Work[T], took_s: float) -> None:
        """Note that its token endpoint responded: what failed before was not the client."""
        self._requests[work.client, work.request].note_response()
        self.clients[work.client] = ClientState()
        self.hosts[work.host].note_response(took_s)

    def note_failure(
        self, work: Work[T], failure: Failure, *, now_s: float, ends_at_s: float, took_s: float
    ) -> None:
        """Note a temporary failure of its token endpoint, after `took_s`."""
        client = self.clients[work.client]
        for state in (client, self._requests[work.client, work.request]):
            state.note_failure(failure, work.host, work.name, now_s=now_s, ends_at_s=ends_at_s)
        if client.failures == 1:
            self.hosts[work.host].note_failure(
                failure,
                work.host,
                work.client,
                now_s=now_s,
                ends_at_s=ends_at_s,
                took_s=took_s,
            )

    def _states(self, work: Work[T]) -> list[ClientState]:
        """What applies to it: its client's state only if equal requests failed as well."""
        request = self._requests[work.client, work.request]
        return [request, self.clients[work.client]] if request.failures else [request]

    def _failure_rank(self, work: Work[T]) -> int:
        request = self._requests[work.client, work.request]
        return (self.clients[work.client].failures > 0) + (request.failures > 0)

    def _skip_reason(self, work: Work[T]) -> str | None:
        reasons = (each.skip_reason for each in self._states(work))
        return next((each for each in reasons if each is not None), None)

    def can_test_host(self, work: Work[T], now_s: float) -> bool:
        """Whether neither its client nor equal requests have failed or have to wait."""
        states = self.clients[work.client], self._requests[work.client, work.request]
        return all(each.can_test_host(now_s) for each in states)

    def list_waiting(self, now_s: float) -> list[Lane[T]]:
        """The lanes with work that may start, the next of it at the front."""
        while self._paused and self._paused[0][0] <= now_s:
            self.push(heappop(self._paused)[-1])
        return [lane for lane in self._lanes.values() if self._bring_to_front(lane, now_s)]

    def skip_paused(self, waiting: list[Lane[T]], now_s: float) -> list[Lane[T]]:
        """Those of `waiting` none of whose hosts has asked for a pause."""
        hosts = self.hosts
        return [
            lane
            for lane in waiting
            if all(now_s >= hosts[name].resumes_at_s for name in lane.hosts)
        ]

    def has_paused(self) -> bool:
        """Whether any work waits for the pause of its client and may still start."""
        return any(self.hosts[work.host].skip_reason is None for *_, work in self._paused)

    def _bring_to_front(self, lane: Lane[T], now_s: float) -> bool:
        """Bring work that may start to the front; False if there is none."""
        if self.hosts[lane.host].skip_reason is not None:
            return False
        while lane.heap:
            priority, work = lane.heap[0]
            skip_reason, failed = self._skip_reason(work), self._failure_rank(work)
            resumes_at_s = max(each.resumes_at_s for each in self._states(work))
            if skip_reason is not None:
                heappop(lane.heap)
                self.deferred.append((work, skip_reason))
            elif resumes_at_s > now_s:
                heappop(lane.heap)
                heappush(self._paused, (resumes_at_s, priority.number, work))
            elif failed > priority.failed:
                heapreplace(lane.heap, (priority._replace(failed=failed), work))
            else:
                return True
        return False

    def next_resumption_s(self, waiting: list[Lane[T]], now_s: float) -> float:
        """When the next pause of a host or a client ends, on the monotonic clock."""
        times = [self.hosts[name].resumes_at_s for lane in waiting for name in lane.hosts]
        times += [resumes_at_s for resumes_at_s, *_ in self._paused[:1]]
        return min((each for each in times if each > now_s), default=float("inf"))

    def defer_all(self, cause: str) -> None:
        """Defer all work that waits, for `cause` unless its host or client is skipped."""
        entries = [entry for lane in self._lanes.values() for entry in lane.heap]
        left = [work for _, work in sorted(entries, key=lambda entry: entry[0])]
        for work in [*left, *(work for *_, work in sorted(self._paused, key=lambda p: p[:2]))]:
            skip_reason = self.hosts[work.host].skip_reason or self._skip_reason(work)
            self.deferred.append((work, skip_reason or cause))
        self._paused.clear()
        self._lanes.clear()
