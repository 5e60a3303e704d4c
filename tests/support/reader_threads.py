"""Many threads at one reader, and a clock that knows how far they have come."""

import threading
import time
from collections.abc import Callable

PATIENCE_S = 20.0
"""For what has to happen at once; a test that waits this long has failed."""


class CountingClock:
    """Tells how often it was asked, so that a test knows how far the threads have come."""

    def __init__(self, start: float) -> None:
        self.at = float(start)
        self._asked = 0
        self._changed = threading.Condition()

    def __call__(self) -> float:
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
        return self.at

    def wait_until_asked(self, times: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._asked >= times, PATIENCE_S)


def in_threads(count: int, work: Callable[[], object]) -> Callable[[], list[object]]:
    """Start the work in threads; the function returned waits for what it gave or raised."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - the result that is asserted on
            results.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()

    def join() -> list[object]:
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        return results

    return join


def eventually(condition: Callable[[], object]) -> None:
    """Wait for what another thread or process does, within a bound."""
    pause, give_up_at = threading.Event(), time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up_at
        pause.wait(0.01)


def join_refresh() -> None:
    for thread in threading.enumerate():
        if thread.name == "rotator-reader":
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
