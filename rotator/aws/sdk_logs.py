"""Keeps secrets out of the AWS SDK's debug logs.

botocore logs whole requests and responses at debug level, `SecretString` included. A root logger at
DEBUG is enough, and a Lambda function's `ApplicationLogLevel` sets that. Standard library only,
because the reader uses this too.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hide_bodies"]

_LOGGERS = ("botocore.endpoint", "botocore.parsers")
_calling = ContextVar("rotator_is_calling", default=False)


def _may_be_logged(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not _calling.get()


@contextmanager
def hide_bodies() -> Iterator[None]:
    """Within it, botocore logs no request and no response of this thread or task.

    Other calls of the process are logged as before.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_may_be_logged)  # adding it again changes nothing
    before = _calling.set(True)
    try:
        yield
    finally:
        _calling.reset(before)
