"""What a reader has in one process: no lock or connection outlives a fork."""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

    from rotator.errors import RotatorError
    from rotator.reader.snapshot import Snapshot
    from rotator.reader.sources import Source

__all__ = ["Process", "importing", "renewed"]

importing = _thread.RLock()
"""Held while a module is imported, and by a fork.

A child that is forked in the middle of an import inherits that module's lock, and whoever imports
it there waits for a thread that does not exist.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=importing.acquire,
        after_in_parent=importing.release,
        after_in_child=importing.release,
    )


class Process:
    """The lock under which one thread asks for all, and how that went."""

    __slots__ = (
        "attempts",
        "failure",
        "failures",
        "flight",
        "owner",
        "reading",
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
        self.reading: tuple[AbstractEventLoop, Future[Snapshot | RotatorError]] | None = None


def renewed(error: RotatorError) -> RotatorError:
    """The same error without its traceback: raised twice, one object would tell of both places."""
    twin = error.__class__.__new__(error.__class__, *error.args)
    twin.__dict__.update(error.__dict__)
    return twin
