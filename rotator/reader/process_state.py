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

__all__ = ["Process", "importing", "let_forks_wait_for_imports", "renewed"]
_LONGEST_IMPORT_S = 5.0  # a fork that waits for ever would be worse than what this prevents

importing = _thread.RLock()
"""To be held while modules are imported, in a thread that a fork may not know of.

A child that is forked in the middle of an import inherits that module's lock, and whoever imports
it there waits for a thread that does not exist.
"""

_registered: list[bool] = []


def let_forks_wait_for_imports() -> None:
    """Make every fork take `importing`, from now on.

    Not when this module is imported but when a reader is made: by then a program has imported
    `logging`, whose hook takes a lock that the SDK's modules need. The hook registered last runs
    first, so a fork waits here before it takes that lock.
    """
    if _registered or not hasattr(os, "register_at_fork"):
        return
    _registered.append(True)
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)


def _acquire() -> None:
    importing.acquire(timeout=_LONGEST_IMPORT_S)


def _release() -> None:
    try:
        importing.release()
    except RuntimeError:
        return  # it was not acquired: too slow, or registered in the middle of this fork


class Process:
    """The lock under which one thread asks for all, and how that went."""

    __slots__ = (
        "attempts",
        "beside",
        "failure",
        "failures",
        "flight",
        "owner",
        "reread_at",
        "retry_at",
        "sources",
    )

    def __init__(self) -> None:
        self.flight = _thread.allocate_lock()  # held by whoever asks upstream, or plans the next
        self.owner = 0  # the thread that asks upstream
        self.sources: tuple[Source, ...] = ()
        self.attempts = 0
        self.failures = 0  # in a row
        self.failure: RotatorError | None = None
        self.retry_at = float("-inf")  # both of the monotonic clock
        self.reread_at = float("-inf")
        # By kind, what runs beside an event loop: that loop and the arguments, and its future.
        self.beside: dict[str, tuple[tuple[AbstractEventLoop, tuple[str, ...]], Future[Any]]] = {}


def renewed(error: RotatorError) -> RotatorError:
    """The same error without its traceback: raised twice, one object would tell of both places."""
    twin = error.__class__.__new__(error.__class__, *error.args)
    twin.__dict__.update(error.__dict__)
    return twin
