"""Says what is stored if a run is interrupted after the provider was asked to change something."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.rotation.secret_run import SecretRun

__all__ = ["log_interruption"]


@contextmanager
def log_interruption(run: SecretRun, summary: str) -> Iterator[None]:
    """Log `summary` if Ctrl-C or SIGTERM ends this context."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        log = structlog.get_logger().bind(credentials_secret=run.credentials_secret)
        log.warning("rotator.client_secret_rotation_interrupted", summary=summary)
        raise
