"""A reader's state in each process, so that no lock or connection is used after a fork."""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
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
    "try_refresh_lock",
]

# The SDK's timeouts are between two bytes, so a response that trickles may never end. A thread that
# has waited this long for another thread's read makes one over a new connection.
_STUCK_AFTER_S = 10.0

_MAX_IMPORT_S = 5.0  # a fork that is blocked for longer would be worse than the risk


class _ImportLock(_thread.RLock):  # type: ignore[misc]  # final in the stubs alone
    """A reentrant lock that is free in a forked child.

    `with` acquires and releases it in C, where no signal handler can run in between.
    """

    def acquire_before_fork(self) -> None:
        self.acquire(timeout=_MAX_IMPORT_S)

    def release_after_fork(self) -> None:
        try:
            self.release()
        except RuntimeError:
            return  # not acquired: it took too long, or was registered during a fork

    def renew_in_child(self) -> None:
        try:
            self.release()
        except RuntimeError:
            self._at_fork_reinit()  # type: ignore[attr-defined]  # what `threading` does
        _forks[0] += 1


importing = _ImportLock()
"""Hold it while a thread imports modules, and only then, because it blocks forks.

A child that is forked during another thread's import inherits that module's lock, and waits forever
if it imports the module.
"""

_registered: list[bool] = []
_forks = [0]  # from the first process to this one


def make_forks_wait_for_imports() -> None:
    """Make every fork wait for `importing`, from now on.

    Called when a reader is created, not at import: by then a program has imported `logging`, whose
    fork hook takes a lock that the SDK's modules need. The hook that is registered last runs first,
    so a fork waits here before it takes that lock.
    """
    if _registered or not hasattr(os, "register_at_fork"):
        return
    _registered.append(True)
    os.register_at_fork(
        before=importing.acquire_before_fork,
        after_in_parent=importing.release_after_fork,
        after_in_child=importing.renew_in_child,
    )
    with importing:
        import datetime  # noqa: F401, ICN001 - or the first thread to use the clock would


def process_key() -> tuple[int, int]:
    """Identifies this process among those it was forked from.

    The process id alone doesn't: each namespace has a process 1, and ids are reused.
    """
    return os.getpid(), _forks[0]


class ProcessState:
    """The lock for single flight, and the outcome of the reads."""

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
        self.refresh_lock = _thread.allocate_lock()  # to read upstream or plan the next refresh
        self.given_up = _thread.allocate_lock()  # taken once, by the thread that replaces the state
        self.owner = 0  # the thread that reads upstream
        self.sources: tuple[Source, ...] = ()
        self.attempts = 0
        self.failures = 0  # in a row
        self.failure: RotatorError | None = None
        self.retry_at = float("-inf")  # this and the next on the monotonic clock
        self.reread_at = float("-inf")
        # By kind of job: the event loop with the arguments, and the future in its executor.
        self.jobs: dict[str, Job] = {}


def state_of(states: dict[tuple[int, int], ProcessState]) -> ProcessState:
    """The state of this process, created if there is none."""
    key = process_key()
    # setdefault is atomic, so all threads get the same state.
    return states.get(key) or states.setdefault(key, ProcessState())


def take_refresh_lock(states: dict[tuple[int, int], ProcessState]) -> ProcessState:
    """Take the refresh lock of this process; if its holder is stuck, that of a new state."""
    key = process_key()
    while True:
        state = state_of(states)
        taken = _acquire(state.refresh_lock, timeout_s=_STUCK_AFTER_S)
        try:
            if taken and states.get(key) is state:
                return state
        except BaseException:  # of a signal handler
            if taken:
                state.refresh_lock.release()
            raise
        if taken:
            state.refresh_lock.release()  # given up while this thread waited
        elif state.given_up.acquire(blocking=False):
            states.pop(key, None)


def try_refresh_lock(state: ProcessState) -> bool:
    """Take the refresh lock if it is free."""
    return _acquire(state.refresh_lock, timeout_s=0.0)


def _acquire(lock: LockType, *, timeout_s: float) -> bool:
    """Acquire the lock within that time; released again if a signal handler raises meanwhile."""
    taken: list[bool] = []
    try:
        # Acquired and recorded in one C call: a handler runs before or after it.
        taken.extend(map(lock.acquire, (timeout_s > 0,), (timeout_s or -1,)))
        return taken[0]
    except BaseException:
        if any(taken):
            lock.release()
        raise
