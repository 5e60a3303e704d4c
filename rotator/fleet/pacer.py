"""A rate limiter, for quotas that others share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.clock import Clock

__all__ = ["Pacer"]

THROTTLED_PAUSE_S = 1.0
"""Quotas count by the second, so a throttled call can only succeed in the next one."""


class Pacer:
    """Lets through `per_s` calls a second, from any number of threads."""

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._gap_s = 1 / per_s
        self._clock = clock
        self._lock = threading.Lock()
        self._next_s = float("-inf")

    def wait(self) -> None:
        """Wait for this call's turn."""
        with self._lock:
            now_s = self._clock.monotonic()
            turn_s = max(now_s, self._next_s)
            self._next_s = turn_s + self._gap_s
        if turn_s > now_s:
            self._clock.sleep(turn_s - now_s)

    def back_off(self) -> None:
        """Pause all threads for a second, because the service throttled a call."""
        with self._lock:
            paused_until_s = self._clock.monotonic() + THROTTLED_PAUSE_S
            self._next_s = max(self._next_s, paused_until_s)
