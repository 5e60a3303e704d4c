"""The reader's clock: like `rotator.model.clock`, without its imports."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol

    class Clock(Protocol):
        """The reader's source of time and randomness, as in `rotator.model.clock`."""

        def now(self) -> datetime:
            """The wall clock, as aware UTC."""

        def monotonic(self) -> float:
            """Seconds since some fixed moment."""

        def sleep(self, seconds: float) -> None:
            """Wait."""

        def uniform(self, low: float, high: float) -> float:
            """A random number between the two."""


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
        """As in `Clock`; differs between forks, and does without `random`, which loads slowly."""
        return low + (high - low) * int.from_bytes(os.urandom(4)) / 2**32


SYSTEM_CLOCK = SystemClock()
