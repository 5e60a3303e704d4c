"""Retries of token requests, with pauses and a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rotator.errors import MintError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.clock import Clock

__all__ = ["Retry"]

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 8.0
MAX_ATTEMPTS = 4

T = TypeVar("T")


class Retry(NamedTuple):
    """Jittered retries until `ends_at_s` on the monotonic clock."""

    ends_at_s: float
    clock: Clock

    def call(self, attempt: Callable[[float], T]) -> T:
        """Call `attempt` with the seconds that are left; retry while its MintError is retryable.

        Raises the last MintError after the last attempt, or when the pause before the next one,
        which is at least the provider's `Retry-After`, would reach the deadline.
        """
        number = 0
        while True:
            left_s = self.ends_at_s - self.clock.monotonic()
            if left_s <= 0:
                raise MintError("token endpoint: no time left to call it", retryable=True)
            number += 1
            try:
                return attempt(left_s)
            except MintError as error:
                refused = error
            pause_s = self._pause_s(number, refused)
            is_last = number == MAX_ATTEMPTS or self.clock.monotonic() + pause_s >= self.ends_at_s
            if not refused.retryable or is_last:
                raise refused
            self.clock.sleep(pause_s)

    def is_over(self) -> bool:
        """Whether no time is left for another attempt."""
        return self.clock.monotonic() >= self.ends_at_s

    def _pause_s(self, number: int, refused: MintError) -> float:
        longest_s = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (number - 1))
        return max(self.clock.uniform(longest_s / 2, longest_s), refused.retry_after_s or 0.0)
