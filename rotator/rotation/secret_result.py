"""The result of a run that rotates a client secret, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rotator.model.instants import format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.secret_rotation import SecretRotation
    from rotator.rotation.secret_gate import Condition

__all__ = ["SecretOutcome", "SecretRotationResult"]

SecretOutcome = Literal[
    "not_due", "started", "waiting", "retired", "finished", "reverted", "abandoned", "would_change"
]
"""`started`: a new client secret is stored too. `waiting`: the gate is closed.
`retired`: the old one is switched off. `finished`: the old one is gone. `reverted`: the new one was
gone at the provider, and the old one serves alone again. `abandoned`: somebody stored another
client secret meanwhile. `would_change`: a dry run that has found something to do."""


@dataclass(frozen=True, slots=True)
class SecretRotationResult:
    """The outcome, a sentence about it, and the gate's conditions. Nothing in it is secret."""

    credentials_secret: str
    outcome: SecretOutcome
    summary: str
    rotation: SecretRotation | None = None
    gate: tuple[Condition, ...] = ()

    def log_fields(self) -> dict[str, Any]:
        """The fields of the outcome's log event."""
        rotation = self.rotation
        new, old = (rotation.new, rotation.old) if rotation else (None, None)
        return {
            "outcome": self.outcome,
            "summary": self.summary,
            "step": rotation.step if rotation else None,
            "new_id": new.id if new else None,
            "old_id": old.id if old else None,
            "created_at": _text(new.created_at if new else None),
            "expires_at": _text(new.expires_at if new else None),
            "unmet": [each.reason for each in self.gate if not each.is_met],
        }


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
