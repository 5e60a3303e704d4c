"""Calls the AWS SDK with a deadline."""

from __future__ import annotations

import threading
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NO_LIMIT", "call_within"]

T = TypeVar("T")

NO_LIMIT = float("inf")


def call_within(limit_s: float, call: Callable[[], T]) -> T:
    """Call it, and return its result within `limit_s` seconds; raises TimeoutError after that.

    The SDK's timeouts belong to a client, bound one attempt, and cover neither the lookup of the
    host's name nor the fetching of AWS credentials. So the call runs in a thread, which is
    abandoned at the deadline; what it still does equals a call whose response was lost.
    """
    if limit_s == NO_LIMIT:
        return call()
    if limit_s <= 0:
        raise TimeoutError
    ended: SimpleQueue[Callable[[], T]] = SimpleQueue()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            ended.put(partial(_raise, error))
        else:
            ended.put(lambda: result)

    threading.Thread(target=work, name="rotator-aws-call", daemon=True).start()
    try:
        finish = ended.get(timeout=limit_s)
    except Empty:
        raise TimeoutError from None
    return finish()


def _raise(error: BaseException) -> NoReturn:
    raise error
