"""One run over many bindings: read in batches, rotate what is due, keep troubles apart.

The same use case as for one binding does the work (`rotator.rotation.rotate`). Around it stand the
batches, the order (soonest expiry first), the pace, and a bounded share of the threads for each
host, so that no failure, slowness or malice of one binding costs another its token.
"""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from rotator.aws.secret_ids import arn_region
from rotator.errors import ConfigError, RotatorError
from rotator.fleet.consent import require_consent
from rotator.fleet.guard import guard
from rotator.fleet.observed import ObservedEndpoint
from rotator.fleet.read import ReadAlready, read_bindings
from rotator.fleet.report import BindingReport, DeferredError, summarize
from rotator.fleet.work import Work, WorkQueue
from rotator.model.access_token import AccessToken
from rotator.model.policy import RETRY_BUDGET
from rotator.rotation.assess import assess
from rotator.rotation.rotate import rotate_assessed, untouched
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.errors import MintError
    from rotator.errors import RotatorError as Failure
    from rotator.fleet.pacer import Pacer
    from rotator.fleet.read import BatchStore
    from rotator.fleet.settings import FleetBinding, FleetSettings, Selection
    from rotator.model.binding import Binding
    from rotator.model.clock import Clock
    from rotator.model.policy import RenewalPolicy
    from rotator.model.secret import StoredSecret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.ports import Endpoint, Store
    from rotator.rotation.result import RotationResult

    Probe = Callable[[AccessToken], str | None]

__all__ = ["FleetRun", "run_fleet"]

HOST_SHARE = 4
"""A host gets at most a fourth of the workers, so that one that hangs leaves three fourths."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What a run over a fleet works with.

    `policy_of` gives the policy of a binding, `probe_of` its probe. `remaining_s` are the seconds
    that the run may take. `told` is called with each report as soon as there is one, from any
    thread.
    """

    store: Store
    batches: BatchStore
    endpoint: Endpoint
    settings: FleetSettings
    policy_of: Callable[[FleetBinding], RenewalPolicy]
    clock: Clock
    puts: Pacer
    remaining_s: float
    region: str | None = None
    force: bool = False
    dry_run: bool = False
    probe_of: Callable[[FleetBinding], Probe | None] = lambda _: None
    told: Callable[[BindingReport], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class _Due:
    """A binding that is due; `expires_at` is when consumers run out of a token."""

    run: Run
    assessment: Assessment
    expires_at: datetime
    host: str


class _Reports:
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


def run_fleet(fleet: FleetRun, selection: Selection) -> list[BindingReport]:
    """Rotate every token that is due, and report on each binding, what is most urgent last.

    Raises ConfigError or StoreError only where nothing at all could be read. Logs one event for
    each binding that did something or failed, and one for the run.
    """
    if not gc.isenabled():  # what one command leaves to its end is too much a thousand times
        gc.freeze()  # what the SDK has loaded stays to the end
        gc.enable()
    started_s = fleet.clock.monotonic()
    reports = _Reports(fleet.told)
    for refused in selection.refused:
        reports.add(BindingReport(refused.binding, error=refused.error))
    due = []
    for fleet_binding, found in read_bindings(fleet.batches, selection.bindings):
        binding = fleet_binding.binding
        outcome = guard(partial(_classify, fleet, fleet_binding, found))
        if isinstance(outcome, _Due):
            due.append(outcome)
        else:
            reports.add(_report(binding, outcome))
    _rotate_due(fleet, due, reports, ends_at_s=started_s + fleet.remaining_s)
    done = reports.all()
    duration_s = round(fleet.clock.monotonic() - started_s, 3)
    summary = {**summarize(done), "fleet": fleet.settings.name, "duration_s": duration_s}
    structlog.get_logger().info("rotator.fleet_finished", **summary)
    return done


def _classify(
    fleet: FleetRun, fleet_binding: FleetBinding, found: Mapping[str, StoredSecret | Failure]
) -> _Due | RotationResult:
    """Decide by what was read; what is not due is done."""
    binding = fleet_binding.binding
    _refuse_other_region(fleet.region, binding)
    versions = {}
    for secret_id, version in found.items():
        if isinstance(version, RotatorError):
            raise version
        versions[secret_id] = version
    run = Run(
        binding=binding,
        store=ReadAlready(fleet.store, versions, fleet.puts),
        endpoint=fleet.endpoint,
        policy=fleet.policy_of(fleet_binding),
        clock=fleet.clock,
        ends_at_s=fleet.clock.monotonic(),
        force=fleet.force,
        probe=fleet.probe_of(fleet_binding),
    )
    try:
        assessment = assess(run)
        if fleet_binding.needs_consent:
            require_consent(
                assessment.credentials,
                credentials_secret=assessment.credentials_version.secret_id,
                token_secret_arn=assessment.token_version.arn,
            )
    except RotatorError as error:
        error.details |= run.details
        raise
    if not assessment.decision.due or fleet.dry_run:
        return untouched(run, assessment)
    stored = assessment.stored
    expires_at = stored.expires_at if isinstance(stored, AccessToken) else NEVER
    return _Due(run, assessment, expires_at, _host(assessment))


def _refuse_other_region(region: str | None, binding: Binding) -> None:
    for label, secret_id in (
        ("credentials secret", binding.credentials_secret),
        ("token secret", binding.token_secret),
    ):
        if region is not None and arn_region(secret_id) not in {None, region}:
            raise ConfigError(
                f"{label} {secret_id}: is in another region than this run ({region}); run a fleet"
                " per region"
            )


def _host(assessment: Assessment) -> str:
    url = assessment.provider.token_url or assessment.credentials.issuer or ""
    return urlsplit(url).hostname or ""


def _rotate_due(fleet: FleetRun, due: list[_Due], reports: _Reports, *, ends_at_s: float) -> None:
    """Rotate what is due in a bounded pool, soonest expiry first; the rest is deferred."""
    due.sort(key=lambda each: each.expires_at)
    queue = WorkQueue(
        [Work(each, each.host) for each in due],
        per_host=max(1, fleet.settings.workers // HOST_SHARE),
        ends_at_s=ends_at_s,
        clock=fleet.clock,
    )

    def work() -> None:
        while (taken := queue.take()) is not None:
            report, failure = _rotate_one(fleet, taken.item, ends_at_s)
            queue.end(
                taken,
                "temporary" if failure is not None and failure.retryable else "done",
                retry_after_s=(failure and failure.retry_after_s) or 0.0,
            )
            reports.add(report)

    threads = [
        threading.Thread(target=work, name=f"rotator-fleet-{number}", daemon=True)
        for number in range(min(fleet.settings.workers, len(due)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for left in queue.deferred:
        error = DeferredError(left.item.run.binding)
        error.details |= left.item.run.details
        reports.add(BindingReport(left.item.run.binding, error=error))


def _rotate_one(
    fleet: FleetRun, due: _Due, ends_at_s: float
) -> tuple[BindingReport, MintError | None]:
    """How the binding went, and how its host failed, if that is what happened last."""
    budget_ends_at_s = fleet.clock.monotonic() + RETRY_BUDGET.total_seconds()
    endpoint = ObservedEndpoint(due.run.endpoint)
    run = replace(due.run, endpoint=endpoint, ends_at_s=min(ends_at_s, budget_ends_at_s))
    outcome = guard(lambda: rotate_assessed(run, due.assessment))
    return _report(run.binding, outcome), endpoint.failure


def _report(binding: Binding, outcome: RotationResult | Failure) -> BindingReport:
    if isinstance(outcome, RotatorError):
        return BindingReport(binding, error=outcome)
    return BindingReport(binding, result=outcome)
