"""What a status knows of one binding of a fleet, and which binding is the most urgent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rotator.errors import RotatorError
    from rotator.model.binding import Binding
    from rotator.model.status import Health, TokenStatus

_DAY = timedelta(days=1)
"""How long after its expiry a token still counts, if only a tag declares its binding."""

__all__ = ["BindingStatus", "urgency"]


@dataclass(frozen=True, slots=True)
class BindingStatus:
    """The health of one token, or the `error` for which a run refuses the binding.

    With an error, `status` is what consumers find in the token secret, None if that was not read.
    `is_confirmed` is false if only a tag declares the binding, as in `BindingReport`.
    """

    binding: Binding
    status: TokenStatus | None = None
    error: RotatorError | None = None
    is_confirmed: bool = True

    @property
    def health(self) -> Health | Literal["unknown"]:
        """The health that is shown: `unknown` for a binding that a run refuses."""
        if self.status is None or self.error is not None:
            return "unknown"
        return self.status.health

    @property
    def token_health(self) -> Health | None:
        """The health of the token for monitors, whether a run accepts the binding or not.

        None if it is not known, or if only a tag declares a refused binding: whoever may tag a
        secret can't set off an alarm.
        """
        if self.status is None or (self.error is not None and not self.is_confirmed):
            return None
        return self.status.health

    @property
    def counts(self) -> bool:
        """Whether the stored token's life is of interest to monitors, as in the fleet's metrics."""
        if self.error is None or self.is_confirmed or self.status is None:
            return True
        return self.status.remaining is not None and self.status.remaining >= -_DAY


def urgency(each: BindingStatus) -> tuple[int, timedelta, str]:
    """The sort key: what consumers lack first, then what the job doesn't replace, then the healthy.

    Tokens that have ended, or were never there, come first. Valid tokens that the job can't replace
    or has not replaced follow, the soonest end first; those of which nothing is known come before
    them. Healthy ones come last, by when they are due.
    """
    rank, left = _rank(each)
    return rank, left, each.binding.token_secret


def _rank(each: BindingStatus) -> tuple[int, timedelta]:
    status = each.status
    if status is None:
        return 1, timedelta.min
    if status.remaining is None:
        # Anybody who may tag secrets can have an empty one listed: nobody is waiting for it.
        return (0, timedelta.min) if each.is_confirmed else (1, timedelta.max)
    if status.health == "unusable":
        return 0, status.remaining
    if each.health != "healthy":
        return 1, status.remaining
    # Relative to the expiry, so that all healthy ones have the same origin: now.
    due_at, ends_at = status.next_rotation_at, status.expires_at
    until_due = status.remaining - (ends_at - due_at) if due_at and ends_at else status.remaining
    return 2, until_due
