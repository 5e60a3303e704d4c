"""A bounded pool of threads that mints, publishes and probes: the most urgent binding first.

What is due goes before the probes of stored tokens, and of these what expires soonest. Each host
has a share of the threads, so that no slowness of one costs the bindings of another their tokens.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from rotator.errors import RotatorError
from rotator.fleet.guard import guard
from rotator.fleet.observed import ObservedEndpoint
from rotator.fleet.report import BindingReport, DeferredError, report_of
from rotator.fleet.work import Work, WorkQueue
from rotator.model.access_token import AccessToken
from rotator.model.policy import RETRY_BUDGET
from rotator.rotation.assess import probe_stored
from rotator.rotation.result import RunWarning
from rotator.rotation.rotate import rotate_assessed, untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rotator.errors import MintError
    from rotator.fleet.report import Reports
    from rotator.model.clock import Clock
    from rotator.rotation.assess import Assessment
    from rotator.rotation.result import RotationResult
    from rotator.rotation.run import Run

__all__ = ["Assessed", "Pool"]

HOST_SHARE = 4
"""A host gets at most a fourth of the workers, so that one that hangs leaves three fourths."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Assessed:
    """A binding that is due, or whose stored token is to be probed at `probe_host`.

    Its secrets were read at `read_at_s`; `allow` raises what speaks against an assessment of it.
    """

    run: Run
    assessment: Assessment
    read_at_s: float
    allow: Callable[[Assessment], None]
    probe_host: str | None = None

    @property
    def urgency(self) -> tuple[bool, datetime]:
        """The least comes first: what is due, by when consumers run out of a token."""
        stored = self.assessment.stored
        expires_at = stored.expires_at if isinstance(stored, AccessToken) else NEVER
        return not self.assessment.decision.due, expires_at

    def as_work(self) -> Work[Assessed]:
        """The hosts that it needs: of a probe the API's, else also that of the token endpoint."""
        if not self.assessment.decision.due:
            return Work(self, self.probe_host or "")
        assessment = self.assessment
        url = assessment.provider.token_url or assessment.credentials.issuer or ""
        return Work(self, urlsplit(url).hostname or "", self.probe_host)


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

    def work_through(self, assessed: Iterable[Assessed]) -> None:
        """Report on every one of them; what there is no time for is deferred."""
        work = [each.as_work() for each in sorted(assessed, key=lambda each: each.urgency)]
        queue = WorkQueue(
            work,
            per_host=max(1, self._workers // HOST_SHARE),
            ends_at_s=self._ends_at_s,
            clock=self._clock,
        )
        threads = [
            threading.Thread(
                target=self._work, args=(queue,), name=f"rotator-fleet-{number}", daemon=True
            )
            for number in range(min(self._workers, len(work)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for left in queue.deferred:
            self._defer(left.item)

    def _work(self, queue: WorkQueue[Assessed]) -> None:
        while (taken := queue.take()) is not None:
            if taken.item.assessment.decision.due:
                self._rotate(queue, taken)
            else:
                self._probe(queue, taken)

    def _rotate(self, queue: WorkQueue[Assessed], taken: Work[Assessed]) -> None:
        report, failure = self._rotate_one(taken.item)
        queue.end(
            taken,
            "temporary" if failure is not None and failure.retryable else "done",
            retry_after_s=(failure and failure.retry_after_s) or 0.0,
        )
        self._reports.add(report)

    def _rotate_one(self, due: Assessed) -> tuple[BindingReport, MintError | None]:
        """How the binding went, and how its host failed, if that is what happened last."""
        budget_ends_at_s = self._clock.monotonic() + RETRY_BUDGET.total_seconds()
        endpoint = ObservedEndpoint(due.run.endpoint)
        ends_at_s = min(self._ends_at_s, budget_ends_at_s)
        run = replace(due.run, endpoint=endpoint, ends_at_s=ends_at_s)
        outcome = guard(
            lambda: rotate_assessed(run, due.assessment, read_at_s=due.read_at_s, allow=due.allow)
        )
        return report_of(run.binding, outcome), endpoint.failure

    def _probe(self, queue: WorkQueue[Assessed], taken: Work[Assessed]) -> None:
        """A stored token that its API rejects is due, and more urgent than all others."""
        each = taken.item
        found = guard(partial(probe_stored, each.run, each.assessment))
        queue.end(taken, "probed")
        if isinstance(found, RotatorError):
            self._reports.add(BindingReport(each.run.binding, error=found))
        elif found.decision.due and not self._dry_run:
            queue.add(replace(each, assessment=found).as_work())
        else:
            self._reports.add(report_of(each.run.binding, _keep_token(each.run, found)))

    def _defer(self, left: Assessed) -> None:
        run = left.run
        if left.assessment.decision.due:
            error = DeferredError(run.binding)
            error.details |= run.details
            self._reports.add(BindingReport(run.binding, error=error))
            return
        problem = "API: not called with the stored token, as this run ended before"
        run.warnings.append(RunWarning("rotator.stored_token_unverified", problem))
        self._reports.add(report_of(run.binding, _keep_token(run, left.assessment)))


def _keep_token(run: Run, assessment: Assessment) -> RotationResult:
    log = structlog.get_logger().bind(binding=run.binding.token_secret)
    for warning in run.warnings:
        log.warning(warning.event, problem=warning.problem)
    return replace(untouched(run, assessment), warnings=tuple(run.warnings))
