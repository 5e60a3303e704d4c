"""The world that the simulated decade is lived in: outages, clocks, lifetimes, all from one seed.

Times are seconds since the start; nothing here looks at the real clock.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_S = 60.0
HOUR_S = 3_600.0
DAY_S = 86_400.0


class Intervals:
    """Disjoint half-open intervals in their order."""

    def __init__(self, pairs: list[tuple[float, float]]) -> None:
        merged: list[tuple[float, float]] = []
        for start, end in sorted(pairs):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        self.pairs = merged
        self._starts = [start for start, _ in merged]

    def holds(self, at: float) -> bool:
        index = bisect_right(self._starts, at) - 1
        return index >= 0 and at < self.pairs[index][1]

    def total_s(self) -> float:
        return sum(end - start for start, end in self.pairs)


@dataclass(frozen=True, slots=True)
class World:
    """What happens outside: when services are down, ticks are lost, clocks are off.

    `botched` is when the provider takes a new client secret that the team has not stored yet.
    `lifetime_s` is how long a token minted at an instant lives. `job_skew_s` and `reader_skew_s`
    are by how much those clocks are ahead of the true time.
    """

    ends_at: float
    provider_down: Intervals
    aws_down: Intervals
    scheduler_down: Intervals
    botched: Intervals
    lost_ticks: frozenset[int]
    short_lived: tuple[tuple[float, float, float], ...]
    job_skews: tuple[float, ...]
    reader_skews: tuple[float, ...]

    def lifetime_s(self, at: float) -> float:
        for start, end, lifetime_s in self.short_lived:
            if start <= at < end:
                return lifetime_s
        return DAY_S

    def job_skew_s(self, at: float) -> float:
        return self.job_skews[int(at // DAY_S)]

    def reader_skew_s(self, at: float) -> float:
        return self.reader_skews[int(at // DAY_S)]

    def can_mint(self, at: float) -> bool:
        return not self.provider_down.holds(at) and not self.botched.holds(at)

    def can_rotate(self, at: float) -> bool:
        return self.can_mint(at) and not self.aws_down.holds(at)


def calm_world(days: int) -> World:
    """Nothing goes wrong, and all tokens live a day."""
    nothing, calm = Intervals([]), (0.0,) * (days + 1)
    return World(days * DAY_S, nothing, nothing, nothing, nothing, frozenset(), (), calm, calm)


def draw_world(choices: random.Random, *, days: int, tick_s: float) -> World:
    """A world of so many days.

    The provider fails about every 20 days for a quarter of an hour (median, with a long tail), and
    every other year for one to two days; AWS every 60 days for ten minutes; the scheduler every 90
    days for up to an hour and a half, and one tick in fifty is lost. Every four months tokens live
    shorter for three days. Every 90 days the client secret is replaced, one time in five so that
    the provider does not take the stored one for a while.
    """
    ends_at = days * DAY_S
    draw = _Draw(choices, ends_at)
    provider = draw.outages(20, lambda: draw.lasts(15 * MINUTE_S, 1.3, most=20 * HOUR_S))
    provider += draw.outages(730, lambda: choices.uniform(26, 48) * HOUR_S)
    short = [
        (start, end, choices.choice((12.0, 6.0, 2.0)) * HOUR_S)
        for start, end in Intervals(draw.outages(120, lambda: 3 * DAY_S)).pairs
    ]
    replaced = draw.outages(90, lambda: draw.lasts(30 * MINUTE_S, 0.8, most=6 * HOUR_S))
    return World(
        ends_at=ends_at,
        provider_down=Intervals(provider),
        aws_down=Intervals(
            draw.outages(60, lambda: draw.lasts(10 * MINUTE_S, 1.2, most=8 * HOUR_S))
        ),
        scheduler_down=Intervals(draw.outages(90, lambda: choices.uniform(10, 90) * MINUTE_S)),
        botched=Intervals([pair for pair in replaced if choices.random() < 1 / 5]),
        lost_ticks=frozenset(
            number for number in range(int(ends_at // tick_s) + 1) if choices.random() < 1 / 50
        ),
        short_lived=tuple(short),
        job_skews=draw.skews(days),
        reader_skews=draw.skews(days),
    )


class _Draw:
    def __init__(self, choices: random.Random, ends_at: float) -> None:
        self._choices = choices
        self._ends_at = ends_at

    def outages(
        self, every_days: float, length_s: Callable[[], float]
    ) -> list[tuple[float, float]]:
        found, at = [], 0.0
        while (at := at + self._choices.expovariate(1 / (every_days * DAY_S))) < self._ends_at:
            found.append((at, at + length_s()))
        return found

    def lasts(self, median_s: float, sigma: float, *, most: float) -> float:
        return min(most, self._choices.lognormvariate(math.log(median_s), sigma))

    def skews(self, days: int) -> tuple[float, ...]:
        """Of each day: a second or two, and sometimes more than half a minute."""
        return tuple(
            self._choices.uniform(-45, 45)
            if self._choices.random() < 1 / 60
            else self._choices.gauss(0, 1.5)
            for _ in range(days + 1)
        )
