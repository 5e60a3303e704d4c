"""One run over many bindings: read in batches, rotate what is due, keep troubles apart.

The same use case as for one binding does the work (`rotator.rotation.rotate`). Around it stand the
batches and `rotator.fleet.pool`, so that no failure, slowness or malice of one binding costs
another its token.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from rotator.errors import RotatorError, replace_error
from rotator.fleet.active_clients import ActiveClients
from rotator.fleet.consent import is_confirmed, require_consent
from rotator.fleet.guard import guard
from rotator.fleet.pool import Assessed, Pool
from rotator.fleet.probes import FleetProbes
from rotator.fleet.read import ReadAlready, read_bindings, refuse_other_region, secrets_of
from rotator.fleet.refused import report_refused, token_secrets_of, with_life
from rotator.fleet.report import BindingReport, Reports, summarize
from rotator.fleet.roles import SecretRoles
from rotator.model.secret import StoredSecret
from rotator.rotation.assess import assess_unprobed
from rotator.rotation.rotate import untouched
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.errors import RotatorError as Failure
    from rotator.fleet.pacer import Pacer
    from rotator.fleet.read import BatchStore
    from rotator.fleet.settings import FleetBinding, FleetSettings, Selection
    from rotator.model.clock import Clock
    from rotator.model.policy import RenewalPolicy
    from rotator.rotation.assess import Assessment
    from rotator.rotation.ports import Endpoint, Store
    from rotator.rotation.result import RotationResult

__all__ = ["FleetRun", "run_fleet"]

MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What a run over a fleet works with.

    `policy_of` gives the policy of a binding. `remaining_s` are the seconds that the run may take.
    `told` is called with each report as soon as there is one, from any thread.
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
    told: Callable[[BindingReport], None] = lambda _: None


def run_fleet(fleet: FleetRun, selection: Selection) -> list[BindingReport]:
    """Rotate every token that is due, and report on each binding, what is most urgent last.

    Raises ConfigError or StoreError only where nothing at all could be read. Logs one event for
    each binding that did something or failed, and one for the run.
    """
    if not gc.isenabled():  # what one command leaves to its end is too much a thousand times
        gc.freeze()  # what the SDK has loaded stays to the end
        gc.enable()
    started_s, began_at = fleet.clock.monotonic(), fleet.clock.now()
    reports = Reports(fleet.told)
    pool = Pool(
        reports,
        workers=fleet.settings.workers,
        ends_at_s=started_s + fleet.remaining_s,
        clock=fleet.clock,
        dry_run=fleet.dry_run,
    )
    try:
        _read_and_rotate(fleet, selection, began_at, reports, pool)
    except (KeyboardInterrupt, SystemExit):  # whoever ends the process does not wait for threads
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
    """Log what is known of a run that is ended from outside, and what it leaves open."""
    ended = {each.binding for each in reports}
    every = [each.binding for each in selection.bindings]
    every += [each.binding for each in selection.refused]
    left = [each.token_secret for each in every if each not in ended]
    structlog.get_logger().warning(
        "rotator.fleet_interrupted",
        **summarize(reports),
        unfinished=len(left),
        problem=f"ended from outside, without the outcome of {', '.join(left[:MAX_NAMED])}"
        f"{f' and {len(left) - MAX_NAMED} more' if len(left) > MAX_NAMED else ''}; the next run"
        " goes on with them",
        fleet=fleet.settings.name,
    )


def _read_and_add(
    fleet: FleetRun, selection: Selection, began_at: datetime, reports: Reports, pool: Pool
) -> None:
    """Read everything before the first token is rotated, so that the most urgent goes first.

    What keeps the others waiting does not: they are rotated meanwhile.
    """
    assessed: list[Assessed] = []
    active_clients, roles = ActiveClients(), SecretRoles(selection.bindings)
    classify = partial(
        _classify, fleet, began_at=began_at, active_clients=active_clients, roles=roles
    )
    unusable: dict[str, StoredSecret | Failure] = {}
    to_read = [*selection.bindings, *token_secrets_of(selection.refused)]
    for read in read_bindings(fleet.batches, to_read):
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
        elif isinstance(outcome, RotatorError):
            reports.add(_report_failure(fleet_binding, found, outcome))
        else:
            reports.add(BindingReport(binding, result=outcome))
    for report in report_refused(selection.refused, unusable):
        reports.add(report)
    active_clients.warn()
    pool.add(assessed)


def _classify(
    fleet: FleetRun,
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | Failure],
    *,
    began_at: datetime,
    active_clients: ActiveClients,
    roles: SecretRoles,
) -> Assessed | RotationResult:
    """Decide by what was read; what is not due is done, unless an API may know better."""
    binding, read_at_s = fleet_binding.binding, fleet.clock.monotonic()
    versions = replace_error(
        lambda: _usable_versions(fleet, roles, fleet_binding, found),
        RotatorError,
        lambda error: with_life(error, found[binding.token_secret]),
    )
    run = Run(
        binding=binding,
        store=ReadAlready(fleet.store, versions, fleet.puts),
        endpoint=fleet.endpoint,
        policy=fleet.policy_of(fleet_binding),
        clock=fleet.clock,
        ends_at_s=read_at_s,  # until its turn comes
        forced_at=began_at if fleet.force else None,
        is_tagged=fleet_binding.needs_consent,
        probe=fleet.probes.of_new_token(fleet_binding),
        stored_probe=fleet.probes.of_stored_token(fleet_binding),
    )
    allow = partial(_allow, fleet_binding)
    try:
        assessment = assess_unprobed(run)
        allow(assessment)
        active_clients.note(assessment)
    except RotatorError as error:
        error.details |= run.details
        raise
    due = assessment.decision.due
    if (due and fleet.dry_run) or (not due and run.stored_probe is None):
        return untouched(run, assessment)
    return Assessed(
        run,
        assessment,
        read_at_s=read_at_s,
        allow=allow,
        probe_host=fleet.probes.host(fleet_binding),
    )


def _report_failure(
    fleet_binding: FleetBinding, found: Mapping[str, StoredSecret | Failure], error: Failure
) -> BindingReport:
    return BindingReport(
        fleet_binding.binding,
        error=error,
        is_confirmed=is_confirmed(fleet_binding, found),
        was_read=any(isinstance(each, StoredSecret) for each in found.values()),
    )


def _usable_versions(
    fleet: FleetRun,
    roles: SecretRoles,
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | Failure],
) -> dict[str, StoredSecret]:
    """Both secrets as they were read; raises what keeps the binding from being worked on."""
    refuse_other_region(fleet.region, fleet_binding.binding)
    versions = {}
    for secret_id in secrets_of(fleet_binding.binding):
        version = found[secret_id]
        if isinstance(version, RotatorError):
            raise version
        versions[secret_id] = version
    roles.check(fleet_binding, versions)
    return versions


def _allow(fleet_binding: FleetBinding, assessment: Assessment) -> None:
    """Raise ConfigError if the binding needs the consent of the credentials and has none."""
    if fleet_binding.needs_consent:
        require_consent(
            assessment.credentials,
            credentials_version=assessment.credentials_version,
            token_version=assessment.token_version,
        )
