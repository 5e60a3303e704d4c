"""A reader's slow reads on an event loop: calls to AWS run in the loop's executor."""

from __future__ import annotations

import asyncio

from rotator.errors import RotatorError, TokenUnavailable, copy_error, signal_error
from rotator.reader.refresher import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from rotator.reader.refresher import Refresher
    from rotator.reader.snapshot import Snapshot

    T = TypeVar("T")

__all__ = ["invalidate", "read"]


async def read(refresher: Refresher) -> Snapshot:
    """As `Refresher.read`, but returns at once while the token is valid.

    All waiting tasks share one thread of the loop's executor.
    """
    # A loop, because a task may wake late, or have joined a read that started before it.
    while (snapshot := refresher.serve_valid(_starter(refresher))) is None:
        found = await _run_once_in_executor(refresher, "read", _read_or_error, refresher)
        if isinstance(found, RotatorError):
            raise copy_error(found)
    return snapshot


async def invalidate(refresher: Refresher, rejected_token: str) -> bool:
    """As `Refresher.invalidate`."""
    if not refresher.cache.needs_read_after(rejected_token):
        return refresher.invalidate(rejected_token)  # which does not block here
    try:
        return await _run_once_in_executor(
            refresher, "invalidate", refresher.invalidate, rejected_token
        )
    except TokenUnavailable:
        return False  # no executor: the caller has the response, which says more


def _starter(refresher: Refresher) -> Callable[[Callable[[], None]], object]:
    """A function that starts a refresh without blocking the loop."""
    if refresher.background is True:
        return start_thread
    loop = asyncio.get_running_loop()
    if refresher.background is False:
        return lambda work: loop.run_in_executor(None, work)
    start = refresher.background  # the caller's own, which may block
    return lambda work: loop.run_in_executor(None, start, work)


def _read_or_error(refresher: Refresher) -> Snapshot | RotatorError:
    try:
        return refresher.read()
    except RotatorError as error:
        return copy_error(error)


async def _run_once_in_executor(
    refresher: Refresher, kind: str, work: Callable[..., T], *args: Any
) -> T:
    """Run `work` in the loop's executor, once for all tasks with the same arguments.

    Raises TokenUnavailable if the executor was shut down.
    """
    loop = asyncio.get_running_loop()
    jobs, key = refresher.state().jobs, (loop, args)
    job = jobs.get(kind)
    if job is None or job[0] != key or job[1].done():
        job = jobs[kind] = key, _submit(refresher, loop, work, *args)
    return await asyncio.shield(job[1])


def _submit(
    refresher: Refresher, loop: asyncio.AbstractEventLoop, work: Callable[..., T], *args: Any
) -> asyncio.Future[T]:
    try:
        return loop.run_in_executor(None, work, *args)
    except RuntimeError as error:  # also where the interpreter shuts down
        own = signal_error(error)
    raise own or TokenUnavailable(
        f"secret {refresher.token_secret}: the executor of the event loop was shut down; read the"
        " token before that, or call token() in a thread",
        expires_at=refresher.cache.cached.snapshot.expires_at,
        retryable=False,
    )
