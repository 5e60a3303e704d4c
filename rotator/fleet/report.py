"""The outcome of each binding of a fleet, and their summary."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rotator.errors import RotatorError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rotator.model.binding import Binding
    from rotator.rotation.result import RotationResult

__all__ = [
    "BindingReport",
    "DeferredError",
    "Reports",
    "find_outage",
    "shorten_list",
    "summarize",
    "to_report",
]

MAX_NAMED = 10


class DeferredError(RotatorError):
    """The run did not get to this binding: it ended first, or skipped its client or host.

    `cause` says which.
    """

    def __init__(self, binding: Binding, cause: str) -> None:
        super().__init__(
            f"token secret {binding.token_secret}: {cause}; the next run tries again",
            retryable=True,
        )


@dataclass(frozen=True, slots=True)
class BindingReport:
    """The outcome of one binding: a result, or an error.

    `is_confirmed` is false if only a tag declares the binding: its credentials do not name it, or
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
    """Collects the report of each binding, from any thread; calls `on_report` with each."""

    def __init__(self, on_report: Callable[[BindingReport], None]) -> None:
        self._on_report = on_report
        self._lock = threading.Lock()
        self._reports: list[BindingReport] = []

    def add(self, report: BindingReport) -> None:
        """Add a report; an exception of `on_report` is dropped, as it must not stop a rotation."""
        with self._lock:
            self._reports.append(report)
            with suppress(Exception):
                self._on_report(report)

    def all(self) -> list[BindingReport]:
        """All reports, in the order in which they were added."""
        return list(self._reports)


def to_report(binding: Binding, outcome: RotationResult | RotatorError) -> BindingReport:
    """The report on a binding, from its result or error."""
    if isinstance(outcome, RotatorError):
        return BindingReport(binding, error=outcome)
    return BindingReport(binding, result=outcome)


def find_outage(reports: Iterable[BindingReport]) -> RotatorError | None:
    """The error, if no secret of any binding could be read; None if one was."""
    errors = []
    for each in reports:
        if each.was_read or each.error is None:
            return None
        errors.append(each.error)
    return next((each for each in errors if isinstance(each, StoreError)), next(iter(errors), None))


def summarize(reports: Iterable[BindingReport]) -> dict[str, Any]:
    """The number of bindings, and of those with each outcome."""
    counts = Counter(each.outcome for each in reports)
    names = ("rotated", "not_due", "superseded", "would_rotate", "failed", "deferred")
    return {"bindings": counts.total(), **{name: counts[name] for name in names}}


def shorten_list(names: Sequence[str]) -> str:
    """The first ten names for a message, and how many more there are."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"
