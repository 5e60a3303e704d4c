"""A reader whose clocks and chance are given: for tests, and for simulations."""

from __future__ import annotations

import time

from rotator.reader import TokenReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rotator.reader.snapshot import Snapshot

__all__ = ["ClockedReader"]


class ClockedReader(TokenReader):
    """As `TokenReader`, with `now` (epoch seconds), `monotonic` (seconds) and `uniform` (0 to 1).

    Not in TokenReader itself: looking up the clock would be a tenth of its warm read.
    """

    def __init__(
        self,
        token_secret: str,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(token_secret, **options)
        self._now = now
        self._monotonic = monotonic
        if uniform is not None:
            self._uniform = uniform

    def token(self) -> str:
        """As `TokenReader.token`, by the given clock."""
        return self._token if self._now() < self._fresh_until else self._look().token

    def current(self) -> Snapshot:
        """As `TokenReader.current`, by the given clock."""
        return self._snapshot if self._now() < self._fresh_until else self._look()
