"""What a reader has in one process: no lock or connection outlives a fork."""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from typing import Any

    from rotator.errors import RotatorError
    from rotator.reader.source import Source

    Job = tuple[tuple[AbstractEventLoop, tuple[Any, ...]], Future[Any]]

__all__ = [
    "ProcessState",
    "importing",
    "make_forks_wait_for_imports",
    "process_key",
    "state_of",
    "take_refresh_lock",
]

# The SDK's time-outs are between two bytes: a response that trickles has no end. Who waits for
# another thread's read takes it for lost after this long, and makes one over a new connection.
_STUCK_AFTER_S = 10.0

_MAX_IMPORT_S = 5.0  # after that, a fork that never happens would be the greater harm


class _ImportLock:
    """A reentrant lock that is new in each child."""

    def __init__(self) -> None:
        self._lock = _thread.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire_before_fork(self) -> None:
        self._lock.acquire(timeout=_MAX_IMPORT_S)

    def release(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            return  # not acquired: too slow, registered in the middle of a fork, or a new one

    def renew_in_child(self) -> None:
        self._lock = _thread.RLock()
        _forks[0] += 1


importing = _ImportLock()
"""Acquire it while modules are imported, in a thread that a fork may not know of.

A child that is forked in the middle of an import inherits that module's lock, and whoever imports
it there waits for a thread that does not exist. Nothing else is done under it: whatever may wait
for a program or a network would keep forks waiting.
"""

_registered: list[bool] = []
_forks = [0]  # between the first process and this one


def make_forks_wait_for_imports() -> None:
    """Make every fork take `importing`, from now on.

    Not when this module is imported but when a reader is made: by then a program has imported
    `logging`, whose hook takes a lock that the SDK's modules need. The hook registered last runs
    first, so a fork waits here before it takes that lock.
    """
    if _registered or not hasattr(os, "register_at_fork"):
        return
    _registered.append(True)
    os.register_at_fork(
        before=importing.acquire_before_fork,
        after_in_parent=importing.release,
        after_in_child=importing.renew_in_child,
    )
    with importing:
        import datetime  # noqa: F401, ICN001 - the clock's, whichever thread looks at it first


def process_key() -> tuple[int, int]:
    """What tells this process from those it was forked from.

    The process id alone does not: a namespace has a process 1 of its own, and ids are used again.
    """
    return os.getpid(), _forks[0]


class ProcessState:
    """The lock under which one thread asks for all, and how that went."""

    __slots__ = (
        "attempts",
        "failure",
        "failures",
        "given_up",
        "jobs",
        "owner",
        "refresh_lock",
        "reread_at",
        "retry_at",
        "sources",
    )

    def __init__(self) -> None:
        self.refresh_lock = _thread.allocate_lock()  # of who asks upstream, or plans the next look
        self.given_up = _thread.allocate_lock()  # taken by the one who gives the lock above up
        self.owner = 0  # the thread that asks upstream
        self.sources: tuple[Source, ...] = ()
        self.attempts = 0
        self.failures = 0  # in a row
        self.failure: RotatorError | None = None
        self.retry_at = float("-inf")  # both of the monotonic clock
        self.reread_at = float("-inf")
        # By kind, what an event loop has in its executor: that loop and the arguments, its future.
        self.jobs: dict[str, Job] = {}


def state_of(states: dict[tuple[int, int], ProcessState]) -> ProcessState:
    """The state of this process, made if there is none."""
    key = process_key()
    # Of the threads that come here at once, setdefault lets one win, without a lock of its own.
    return states.get(key) or states.setdefault(key, ProcessState())


def take_refresh_lock(states: dict[tuple[int, int], ProcessState]) -> ProcessState:
    """Take the refresh lock of this process; where its holder is stuck, that of a new state."""
    key = process_key()
    while True:
        state = state_of(states)
        if state.refresh_lock.acquire(timeout=_STUCK_AFTER_S):
            if states.get(key) is state:
                return state
            state.refresh_lock.release()  # given up while this thread waited
        elif state.given_up.acquire(blocking=False):
            states.pop(key, None)
