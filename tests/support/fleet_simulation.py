"""A queue of work and the threads that serve it, played through without any thread or waiting."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

from rotator.fleet.breaker import Failure
from rotator.fleet.lanes import Work
from rotator.fleet.work import Observation, WorkQueue
from tests.support.clock import FunctionClock

HEALTHY_S = 0.3
Outcome = tuple[float, Observation]
"""How long a binding takes, and how it ends."""

HEALTHY: Outcome = (HEALTHY_S, "responded")
SICK: dict[str, Outcome] = {
    # A run repeats for at most a minute what fails, and asks again only when it may.
    "503": (3.5, Failure("HTTP 503")),
    "429 for a day": (0.1, Failure("HTTP 429", 86400)),
    "429 for two minutes": (0.1, Failure("HTTP 429", 120)),
    "429 for half a minute": (30.0, Failure("HTTP 429", 30)),
    "hangs": (60.0, Failure("no valid response")),
}


@dataclass
class Simulation:
    """Works off `works` with `workers`, of which a fourth serve one host, within `lasts_s`.

    `outcome_of` says how each goes that begins at that second. `done` are those that were answered,
    `begun` all that were begun, `deferred` the others with the reason.
    """

    works: Iterable[Work[str]]
    outcome_of: Callable[[Work[str], float], Outcome]
    workers: int = 16
    lasts_s: float = 840.0
    seed: int = 1

    def __post_init__(self) -> None:
        self.now_s = 0.0
        chances = random.Random(self.seed)  # noqa: S311 - a fixed order
        clock = FunctionClock(lambda: self.now_s, chance=chances.random)
        self.queue: WorkQueue[str] = WorkQueue(
            workers=self.workers,
            per_host=max(1, self.workers // 4),
            ends_at_s=self.lasts_s,
            clock=clock,
        )
        self.begun: list[str] = []
        self.done: dict[str, float] = {}
        self.queue.add(self.works)
        self.queue.close()
        self._running: list[tuple[float, int, Work[str], Observation]] = []
        while self.now_s < self.lasts_s:
            self._begin()
            self._advance()
        self.deferred = {work.item: cause for work, cause in self.queue.defer_rest()}

    def _begin(self) -> None:
        while len(self._running) < self.workers:
            work = self.queue.take(block=False)
            if work is None:
                return
            self.begun.append(work.item)
            duration_s, ended = self.outcome_of(work, self.now_s)
            ends_at_s = self.now_s + duration_s
            heappush(self._running, (ends_at_s, len(self.begun), work, ended))

    def _advance(self) -> None:
        """To the next end, or by a second, as a pause may end."""
        if not self._running or self._running[0][0] > self.now_s + 1:
            self.now_s += 1
            return
        self.now_s, _, work, ended = heappop(self._running)
        if self.now_s < self.lasts_s and ended == "responded":
            self.done[work.item] = self.now_s
        self.queue.end(work, ended)
