"""A bounded pool of threads that mints, publishes and probes, the most urgent binding first.

Due bindings go before probes of stored tokens, and the earliest expiry goes first. Each host, and
the bindings without a valid token, get a share of the threads, so that a slow one costs no other
binding its token.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from rotator.errors import RotatorError
from rotator.fleet.guard import guard
from rotator.fleet.lanes import Kind, Work
from rotator.fleet.observed import ObservedEndpoint
from rotator.fleet.report import BindingReport, DeferredError, to_report
from rotator.fleet.token_requests import Refusals, TokenRequest
from rotator.fleet.work import WorkQueue
from rotator.model.access_token import AccessToken
from rotator.model.policy import RUN_BUDGET
from rotator.model.urls import endpoint_host
from rotator.rotation.assess import probe_stored
from rotator.rotation.result import RunWarning
from rotator.rotation.rotate import log_warnings, rotate_assessed, unchanged_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.clock import Clock
    from rotator.fleet.report import Reports
    from rotator.fleet.work import Observation
    from rotator.rotation.assess import Assessment
    from rotator.rotation.run import Run

__all__ = ["Assessed", "Pool"]

HOST_SHARE = 1 / 4
"""The largest share of the workers for one host, so that one that hangs leaves the rest."""

MOST_URGENT = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Assessed:
    """A binding that is due, or whose stored token is to be probed at `probe_host`.

    Its secrets were read at `read_at_s` on the monotonic clock. `allow` raises ConfigError for an
    assessment that must not be acted on.
    """

    run: Run
    assessment: Assessment
    read_at_s: float
    allow: Callable[[Assessment], None]
    probe_host: str | None = None

    def as_work(self) -> Work[Assessed]:
        """The work item: a probe needs the API's host only, a rotation the token endpoint's too."""
        if not self.assessment.decision.due:
            urgency = (self._expires_at,)
            return Work(self, self.probe_host or "", kind="probe", urgency=urgency)
        credentials = self.assessment.credentials
        request = TokenRequest.of(credentials)
        kind = self._kind
        return Work(
            self,
            endpoint_host(request.client[0]),
            client=request.client,
            request=request,
            name=self.run.binding.credentials_secret,
            kind=kind,
            urgency=(self._expires_at if kind == "renew" else MOST_URGENT, self._tie_breaker),
            probe_host=self.probe_host,
        )

    @property
    def _expires_at(self) -> datetime:
        stored = self.assessment.stored
        return stored.expires_at if isinstance(stored, AccessToken) else MOST_URGENT

    @property
    def _kind(self) -> Kind:
        """Whether consumers still have a token that works."""
        is_rejected = self.assessment.decision.reason == "rejected"
        return "recover" if is_rejected or self._expires_at <= self.run.clock.now() else "renew"

    @property
    def _tie_breaker(self) -> float:
        """A random order, because bindings without a token are equally urgent.

        In a fixed order, those that have failed for weeks could go first in every run and keep
        others from their first token.
        """
        return self.run.clock.uniform(0, 1)


class Pool:
    """Rotates and probes with `workers` threads until `ends_at_s` on the monotonic clock.

    In a dry run nothing is minted: only stored tokens are probed.
    """

    def __init__(
        self, reports: Reports, *, workers: int, ends_at_s: float, clock: Clock, dry_run: bool
    ) -> None:
        self._reports = reports
        self._workers = workers
        self._ends_at_s = ends_at_s
        self._clock = clock
        self._dry_run = dry_run
        self._refusals = Refusals()
        self._threads: list[threading.Thread] = []
        self._queue: WorkQueue[Assessed] = WorkQueue(
            workers=workers,
            per_host=max(1, int(workers * HOST_SHARE)),
            ends_at_s=ends_at_s,
            clock=clock,
            refusals=self._refusals,
        )

    def add(self, assessed: list[Assessed]) -> None:
        """Queue these, and start threads for them."""
        self._queue.add(each.as_work() for each in assessed)
        for _ in range(min(len(assessed), self._workers - len(self._threads))):
            name = f"rotator-fleet-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self) -> None:
        """Wait until each binding has a report; those not started in time are deferred."""
        self._queue.close()
        for thread in self._threads:
            thread.join()
        for left, cause in self._queue.defer_rest():
            self._defer(left.item, cause)

    def _work(self) -> None:
        while (taken := self._queue.take()) is not None:
            if taken.item.assessment.decision.due:
                report, observation = self._rotate(taken.item)
                self._queue.end(taken, observation)
                self._reports.add(report)
            else:
                self._probe(taken)

    def _rotate(self, due: Assessed) -> tuple[BindingReport, Observation]:
        """Rotate a due token; returns the report, and what the token endpoint has shown."""
        budget_ends_at_s = self._clock.monotonic() + RUN_BUDGET.total_seconds()
        stored = due.assessment.stored
        token = stored.access_token if isinstance(stored, AccessToken) else None
        endpoint = ObservedEndpoint(due.run.endpoint, self._refusals, token)
        ends_at_s = min(self._ends_at_s, budget_ends_at_s)
        run = replace(due.run, endpoint=endpoint, ends_at_s=ends_at_s)
        outcome = guard(
            lambda: rotate_assessed(run, due.assessment, read_at_s=due.read_at_s, allow=due.allow)
        )
        return to_report(run.binding, outcome), endpoint.observation

    def _probe(self, taken: Work[Assessed]) -> None:
        """Probe a stored token; one that its API rejects is queued again, as due."""
        each = taken.item
        found = guard(partial(probe_stored, each.run, each.assessment))
        if isinstance(found, RotatorError):
            self._reports.add(BindingReport(each.run.binding, error=found))
        elif found.decision.due and not self._dry_run:
            self._queue.add([replace(each, assessment=found).as_work()])
        else:
            self._reports.add(_report_unchanged(each.run, found))
        self._queue.end(taken, "unknown")

    def _defer(self, left: Assessed, cause: str) -> None:
        run = left.run
        if left.assessment.decision.due:
            error = DeferredError(run.binding, cause)
            error.details |= run.details
            self._reports.add(BindingReport(run.binding, error=error))
            return
        problem = "API: the stored token was not verified, because the run ended first"
        run.warnings.append(RunWarning("rotator.stored_token_unverified", problem))
        self._reports.add(_report_unchanged(run, left.assessment))


def _report_unchanged(run: Run, assessment: Assessment) -> BindingReport:
    """The report of a binding whose token stays; logs the warnings only."""
    result = replace(unchanged_result(run, assessment), warnings=log_warnings(run))
    return to_report(run.binding, result)
