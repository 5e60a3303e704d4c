"""A call of the AWS SDK that ends in time, whatever it waits for."""

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
    """Call it, and wait for its result for so many seconds; raises TimeoutError after them.

    The SDK's own timeouts are those of a client, bound one attempt on one connection, and leave out
    the look-up of the host's name and the fetching of AWS credentials. So the call has a thread of
    its own, which is left to itself when time is up: what it still does is what any call can do
    whose response is lost.
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
