"""Time, waiting and randomness behind one object, so that tests can pass their own.

The reader imports it, so it loads neither `typing` nor `random`.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol

    class Clock(Protocol):
        """Time, waiting and randomness; always passed, so that no test has to patch it."""

        def now(self) -> datetime:
            """The wall clock, as aware UTC: for instants that are stored."""

        def monotonic(self) -> float:
            """Seconds since some fixed moment: for durations and deadlines."""

        def sleep(self, seconds: float) -> None:
            """Wait."""

        def uniform(self, low: float, high: float) -> float:
            """A random number between the two: for jitter."""


__all__ = ["SYSTEM_CLOCK", "SystemClock"]


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """As in `Clock`."""
        from datetime import UTC, datetime

        return datetime.now(UTC)

    def monotonic(self) -> float:
        """As in `Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """As in `Clock`."""
        time.sleep(seconds)

    def uniform(self, low: float, high: float) -> float:
        """As in `Clock`; a fork gets other numbers than its parent."""
        return low + (high - low) * int.from_bytes(os.urandom(4)) / 2**32


SYSTEM_CLOCK = SystemClock()
