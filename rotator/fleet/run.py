"""One run over many bindings: reads in batches, and rotates what is due.

Each binding is rotated as in a run of its own (`rotator.rotation.rotate`). The batches and
`rotator.fleet.pool` see to it that no failure, slowness or malice of one binding costs another its
token.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from rotator.errors import RotatorError
from rotator.fleet.active_clients import ActiveClients
from rotator.fleet.consent import check_assessment, is_confirmed
from rotator.fleet.descriptions import Descriptions, NotDescribedError
from rotator.fleet.guard import guard
from rotator.fleet.missing_consent import MissingConsent
from rotator.fleet.pool import Assessed, Pool
from rotator.fleet.probes import FleetProbes
from rotator.fleet.read import PrefetchedStore, read_bindings
from rotator.fleet.refused import list_token_secrets, report_refused
from rotator.fleet.report import BindingReport, Reports, shorten_list, summarize
from rotator.fleet.roles import SecretRoles, usable_versions
from rotator.model.secret import StoredSecret
from rotator.rotation.assess import assess_unprobed
from rotator.rotation.rotate import unchanged_result
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.clock import Clock
    from rotator.fleet.pacer import Pacer
    from rotator.fleet.read import BatchStore
    from rotator.fleet.settings import FleetBinding, FleetSettings, Selection
    from rotator.model.policy import RenewalPolicy
    from rotator.rotation.ports import Endpoint, Store
    from rotator.rotation.result import RotationResult

__all__ = ["FleetRun", "run_fleet"]


@dataclass(frozen=True, slots=True)
class FleetRun:
    """The settings and services of a run over a fleet.

    `policy_of` returns the policy of a binding. The run may take `remaining_s` seconds. `on_report`
    is called with each report as soon as there is one, from any thread.
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
    probes: FleetProbes = field(default_factory=FleetProbes)
    on_report: Callable[[BindingReport], None] = lambda _: None


def run_fleet(fleet: FleetRun, selection: Selection) -> list[BindingReport]:
    """Rotate every token that is due; returns a report on each binding.

    Raises ConfigError or StoreError if nothing at all could be read. Logs one event for each
    binding that was rotated or failed, and one for the run.
    """
    if not gc.isenabled():  # which commands disable; a fleet makes too much garbage
        gc.freeze()  # modules of the SDK are never freed
        gc.enable()
    started_s, began_at = fleet.clock.monotonic(), fleet.clock.now()
    reports = Reports(fleet.on_report)
    pool = Pool(
        reports,
        workers=fleet.settings.workers,
        ends_at_s=started_s + fleet.remaining_s,
        clock=fleet.clock,
        dry_run=fleet.dry_run,
    )
    try:
        _read_and_rotate(fleet, selection, began_at, reports, pool)
    except (KeyboardInterrupt, SystemExit):  # the process ends without waiting for its threads
        _log_interruption(fleet, selection, reports.all())
        raise
    done = reports.all()
    duration_s = round(fleet.clock.monotonic() - started_s, 3)
    summary = {**summarize(done), **selection.summary_fields(), "fleet": fleet.settings.name}
    structlog.get_logger().info("rotator.fleet_finished", **summary, duration_s=duration_s)
    return done


def _read_and_rotate(
    fleet: FleetRun, selection: Selection, began_at: datetime, reports: Reports, pool: Pool
) -> None:
    try:
        _read_and_add(fleet, selection, began_at, reports, pool)
    except Exception:
        pool.finish()
        raise
    pool.finish()


def _log_interruption(fleet: FleetRun, selection: Selection, reports: list[BindingReport]) -> None:
    """Log the outcomes of a run that was interrupted, and the bindings without one."""
    ended = {each.binding for each in reports}
    every = [each.binding for each in selection.bindings]
    every += [each.binding for each in selection.refused]
    left = [each.token_secret for each in every if each not in ended]
    structlog.get_logger().warning(
        "rotator.fleet_interrupted",
        **{**summarize(reports), "bindings": len(every)},
        unfinished=len(left),
        problem=f"interrupted before the outcome of {shorten_list(left)}; the next run goes on with"
        " them",
        fleet=fleet.settings.name,
    )


def _read_and_add(
    fleet: FleetRun, selection: Selection, began_at: datetime, reports: Reports, pool: Pool
) -> None:
    """Read all secrets before the first rotation, so that the most urgent binding goes first.

    If reads hang, those of metadata too, the bindings that are complete are rotated meanwhile.
    """
    assessed: list[Assessed] = []
    active_clients, roles = ActiveClients(), SecretRoles(selection.bindings)
    missing_consent = MissingConsent()
    descriptions = Descriptions()
    classify = partial(
        _classify,
        fleet,
        began_at=began_at,
        active_clients=active_clients,
        missing_consent=missing_consent,
        roles=roles,
        descriptions=descriptions,
    )
    unusable: dict[str, StoredSecret | RotatorError] = {}
    to_read = [*selection.bindings, *list_token_secrets(selection.refused)]
    for read in read_bindings(fleet.batches, to_read, descriptions):
        if read is None:
            pool.add(assessed)
            assessed = []
            continue
        fleet_binding, found = read
        binding = fleet_binding.binding
        if fleet_binding.is_refused:
            unusable |= found
            continue
        outcome = guard(partial(classify, fleet_binding, found))
        if isinstance(outcome, Assessed):
            assessed.append(outcome)
        elif isinstance(outcome, NotDescribedError):
            descriptions.request(outcome.secret_id, read)
        elif isinstance(outcome, RotatorError):
            reports.add(_report_failure(fleet_binding, found, outcome))
        else:
            reports.add(BindingReport(binding, result=outcome))
    for report in report_refused(selection.refused, unusable):
        reports.add(report)
    active_clients.warn()
    missing_consent.warn()
    pool.add(assessed)


def _classify(
    fleet: FleetRun,
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | RotatorError],
    *,
    began_at: datetime,
    active_clients: ActiveClients,
    missing_consent: MissingConsent,
    roles: SecretRoles,
    descriptions: Descriptions,
) -> Assessed | RotationResult:
    """Assess a binding: returns work for the pool, or the result if there is none to do."""
    binding, read_at_s = fleet_binding.binding, fleet.clock.monotonic()
    versions = usable_versions(fleet_binding, found, roles=roles, region=fleet.region)
    run = Run(
        binding=binding,
        store=PrefetchedStore(fleet.store, versions, fleet.puts, descriptions),
        endpoint=fleet.endpoint,
        policy=fleet.policy_of(fleet_binding),
        clock=fleet.clock,
        ends_at_s=read_at_s,  # the pool sets it when it starts the binding
        forced_at=began_at if fleet.force else None,
        is_tagged=fleet_binding.needs_consent,
        probe=fleet.probes.new_token_probe(fleet_binding),
        stored_probe=fleet.probes.stored_token_probe(fleet_binding),
    )
    allow = partial(check_assessment, is_tagged=fleet_binding.needs_consent)
    try:
        assessment = assess_unprobed(run)
        allow(assessment)
        active_clients.note(assessment)
        missing_consent.note(run, assessment)
    except RotatorError as error:
        error.details |= run.details
        raise
    due = assessment.decision.due
    if (due and fleet.dry_run) or (not due and run.stored_probe is None):
        return unchanged_result(run, assessment)
    return Assessed(
        run,
        assessment,
        read_at_s=read_at_s,
        allow=allow,
        probe_host=fleet.probes.host(fleet_binding),
    )


def _report_failure(
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | RotatorError],
    error: RotatorError,
) -> BindingReport:
    return BindingReport(
        fleet_binding.binding,
        error=error,
        is_confirmed=is_confirmed(fleet_binding, found),
        was_read=any(isinstance(each, StoredSecret) for each in found.values()),
    )
