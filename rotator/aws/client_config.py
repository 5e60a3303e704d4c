"""The configuration of the job's AWS clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.config import Config

__all__ = ["client_config"]


def client_config(*, attempts: int) -> Config:
    """Timeouts of seconds, and at most `attempts` of each request."""
    from botocore.config import Config

    return Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # By default, botocore builds it twice for each request, a tenth of a call's time.
        user_agent="rotator",
    )
