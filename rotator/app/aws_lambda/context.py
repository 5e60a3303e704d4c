"""Lambda's context object, and the time that it leaves for work."""

from __future__ import annotations

from typing import Protocol

from rotator.errors import ConfigError

__all__ = ["Context", "remaining_s", "require_time"]

RESERVE_S = 15.0
"""The part of the remaining time that is kept for publishing (`rotator.app.PUBLISH_S`) and
reporting."""


class Context(Protocol):
    """The members of Lambda's context object that rotator uses."""

    @property
    def aws_request_id(self) -> str:
        """The invocation's id; a retry has the same."""

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take."""


def remaining_s(context: Context) -> float:
    """The seconds that are left for minting."""
    return context.get_remaining_time_in_millis() / 1000 - RESERVE_S


def require_time(context: Context) -> None:
    """Raise ConfigError if the function's timeout leaves no time to mint; call it at the start."""
    if remaining_s(context) <= 0:
        raise ConfigError(
            f"function: its timeout leaves no time to mint, as {RESERVE_S:.0f} seconds are kept for"
            " publishing and reporting; raise the function's timeout, to 120 seconds for one"
            " binding or 300 for a fleet"
        )
