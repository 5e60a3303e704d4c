"""How every client of AWS that the job makes behaves: patient for seconds, not for minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.config import Config

__all__ = ["client_config"]


def client_config(*, attempts: int) -> Config:
    """Bounded timeouts, and `attempts` in all where a request fails or gets no response."""
    from botocore.config import Config

    return Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # By default, botocore builds it twice for each request: a tenth of a call's cost.
        user_agent="rotator",
    )
