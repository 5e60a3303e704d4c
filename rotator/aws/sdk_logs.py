"""Keeps the AWS SDK's own debug logs away from what our calls carry.

botocore logs whole requests and answers at debug level, `SecretString` included. A root logger at
DEBUG is all it takes, and a Lambda function's `ApplicationLogLevel` sets just that. Standard
library only: the reader uses this too.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["without_bodies"]

_LOGGERS = ("botocore.endpoint", "botocore.parsers")
_calling = ContextVar("rotator_is_calling", default=False)


def _may_be_logged(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not _calling.get()


@contextmanager
def without_bodies() -> Iterator[None]:
    """While it lasts, botocore logs no request and no response of this thread.

    Other calls that the process makes are logged as before.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_may_be_logged)  # once: a second time changes nothing
    before = _calling.set(True)
    try:
        yield
    finally:
        _calling.reset(before)
