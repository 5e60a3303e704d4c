"""The one clock of the tests: it moves when a test moves it, and nothing waits for real."""

from collections.abc import Callable
from datetime import UTC, datetime

from rotator.clock import SystemClock

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


class ManualClock:
    """A `rotator.clock.Clock` that stands still unless it is moved.

    `advance` moves both the wall clock and the monotonic one, `set_wall` the wall clock alone, as
    NTP or a person does. Sleeping advances, and `slept_s` keeps each pause. `uniform` answers the
    upper bound, or the share `chance` of the way to it. `on_look` runs before each look at either
    clock: it may count them, or move time on.
    """

    def __init__(self, start: datetime | float = NOW, *, chance: float = 1.0) -> None:
        self._wall_s = _epoch(start)
        self._monotonic_s = 0.0
        self.chance = chance
        self.slept_s: list[float] = []
        self.on_look: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.epoch(), UTC)

    def epoch(self) -> float:
        """The wall clock in seconds since 1970, for who takes `now` like that."""
        self.on_look()
        return self._wall_s

    def monotonic(self) -> float:
        self.on_look()
        return self._monotonic_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.advance(seconds)

    def uniform(self, low: float, high: float) -> float:
        return low + self.chance * (high - low)

    def advance(self, seconds: float) -> None:
        self._wall_s += seconds
        self._monotonic_s += seconds

    def advance_to(self, moment: datetime | float) -> None:
        """Let time pass until the wall clock says so."""
        self.advance(_epoch(moment) - self._wall_s)

    def set_wall(self, moment: datetime | float) -> None:
        """Set the wall clock, without any time passing."""
        self._wall_s = _epoch(moment)


class FunctionClock(SystemClock):
    """A `Clock` made of functions, for who keeps the time already.

    `now` answers an instant or epoch seconds, `monotonic` seconds (those of `now` by default),
    `chance` the share of the way from `low` to `high`. Waiting takes no time unless `wait` does.
    """

    def __init__(
        self,
        now: Callable[[], datetime | float],
        *,
        monotonic: Callable[[], float] | None = None,
        chance: Callable[[], float] = lambda: 0.5,
        wait: Callable[[float], object] = lambda _: None,
    ) -> None:
        self._now = now
        self._monotonic = monotonic or (lambda: _epoch(now()))
        self._chance = chance
        self._wait = wait

    def now(self) -> datetime:
        return datetime.fromtimestamp(_epoch(self._now()), UTC)

    def monotonic(self) -> float:
        return self._monotonic()

    def sleep(self, seconds: float) -> None:
        self._wait(seconds)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._chance()


def _epoch(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
