"""The result of a run, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rotator.model.instants import format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.binding import Binding
    from rotator.model.policy import Reason

__all__ = ["Outcome", "RotationResult", "RunWarning"]

Outcome = Literal["rotated", "not_due", "superseded", "would_rotate", "staged", "tested"]
"""`staged` (a new token waits as AWSPENDING) and `tested` (that token has passed its test) are
outcomes of native rotation only."""


class RunWarning(NamedTuple):
    """A problem that did not stop a run: the name of its log event, and a sentence."""

    event: str
    problem: str


@dataclass(frozen=True, slots=True)
class RotationResult:
    """The result of a run. Nothing in it is secret.

    `version_id` and the instants are those of the token that is now stored, None if there is none
    (`would_rotate` on an empty secret).
    """

    binding: Binding
    outcome: Outcome
    reason: Reason
    version_id: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    next_rotation_at: datetime | None = None
    duration_s: float = 0.0
    warnings: tuple[RunWarning, ...] = ()

    def log_fields(self) -> dict[str, Any]:
        """The fields of the outcome's log event."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "version_id": self.version_id,
            "expires_at": format_instant(self.expires_at) if self.expires_at else None,
            "duration_s": self.duration_s,
        }
