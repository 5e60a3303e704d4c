"""How the bindings of a fleet went: each, and all together."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rotator.errors import RotatorError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rotator.errors import RotatorError as Failure
    from rotator.model.binding import Binding
    from rotator.rotation.result import RotationResult

__all__ = ["BindingReport", "DeferredError", "Reports", "outage_of", "report_of", "summarize"]


class DeferredError(RotatorError):
    """The run ended, or gave up on its client or host, before this binding's turn came.

    `cause` says which.
    """

    def __init__(self, binding: Binding, cause: str) -> None:
        super().__init__(
            f"token secret {binding.token_secret}: {cause}; the next run tries again",
            retryable=True,
        )


@dataclass(frozen=True, slots=True)
class BindingReport:
    """How one binding of the fleet went: a result, or an error.

    `is_confirmed` is false for what only a tag calls a binding: its credentials do not name it, or
    could not be read. `was_read` is false if neither of its secrets could be read.
    """

    binding: Binding
    result: RotationResult | None = None
    error: RotatorError | None = None
    is_confirmed: bool = True
    was_read: bool = True

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


class Reports:
    """The report of each binding, told as it comes, from any thread."""

    def __init__(self, told: Callable[[BindingReport], None]) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._reports: list[BindingReport] = []

    def add(self, report: BindingReport) -> None:
        """Keep a report and tell of it; who cannot listen costs nobody a token."""
        with self._lock:
            self._reports.append(report)
            with suppress(Exception):
                self._told(report)

    def all(self) -> list[BindingReport]:
        """In the order in which they came."""
        return list(self._reports)


def report_of(binding: Binding, outcome: RotationResult | Failure) -> BindingReport:
    """The report on a binding that ended like that."""
    if isinstance(outcome, RotatorError):
        return BindingReport(binding, error=outcome)
    return BindingReport(binding, result=outcome)


def outage_of(reports: Iterable[BindingReport]) -> RotatorError | None:
    """The error of a run in which no secret of any binding could be read, None if one was."""
    errors = []
    for each in reports:
        if each.was_read or each.error is None:
            return None
        errors.append(each.error)
    return next((each for each in errors if isinstance(each, StoreError)), next(iter(errors), None))


def summarize(reports: Iterable[BindingReport]) -> dict[str, Any]:
    """How many bindings ended in which way."""
    counts = Counter(each.outcome for each in reports)
    names = ("rotated", "not_due", "superseded", "would_rotate", "failed", "deferred")
    return {"bindings": counts.total(), **{name: counts[name] for name in names}}
