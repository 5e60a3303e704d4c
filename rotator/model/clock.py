"""Time, waiting and randomness behind one object, so that tests can pass their own."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]


class Clock(Protocol):
    """Time, waiting and randomness. A clock is always passed, so that no test has to patch one."""

    def now(self) -> datetime:
        """The wall clock, as aware UTC: for instants that are stored."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment: for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def uniform(self, low: float, high: float) -> float:
        """A random number between the two: for jitter."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """As in `Clock`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """As in `Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """As in `Clock`."""
        time.sleep(seconds)

    def uniform(self, low: float, high: float) -> float:
        """As in `Clock`."""
        return random.uniform(low, high)  # noqa: S311 - jitter, nothing to guess


SYSTEM_CLOCK = SystemClock()
