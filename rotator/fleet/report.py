"""How the bindings of a fleet went: each, and all together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.model.binding import Binding
    from rotator.rotation.result import RotationResult

__all__ = ["BindingReport", "DeferredError", "summarize"]


class DeferredError(RotatorError):
    """The run ended, or gave up on the provider's host, before this binding's turn came."""

    def __init__(self, binding: Binding) -> None:
        super().__init__(
            f"token secret {binding.token_secret}: was not reached in this run; the next one takes"
            " it in the order of expiry",
            retryable=True,
        )


@dataclass(frozen=True, slots=True)
class BindingReport:
    """How one binding of the fleet went: a result, or an error."""

    binding: Binding
    result: RotationResult | None = None
    error: RotatorError | None = None

    @property
    def outcome(self) -> str:
        """The outcome of its run, `failed` or `deferred`."""
        if self.result is not None:
            return self.result.outcome
        return "deferred" if isinstance(self.error, DeferredError) else "failed"

    @property
    def expires_at(self) -> datetime | None:
        """When the stored token ends; None if there is none, or it could not be read."""
        if self.result is not None:
            return self.result.expires_at
        text = self.error.details.get("expires_at") if self.error is not None else None
        return datetime.fromisoformat(text) if isinstance(text, str) else None


def summarize(reports: Iterable[BindingReport]) -> dict[str, Any]:
    """How many bindings ended in which way."""
    counts = Counter(each.outcome for each in reports)
    names = ("rotated", "not_due", "superseded", "would_rotate", "failed", "deferred")
    return {"bindings": counts.total(), **{name: counts[name] for name in names}}
