"""One run over many bindings: read in batches, rotate what is due, keep troubles apart.

The same use case as for one binding does the work (`rotator.rotation.rotate`). Around it stand the
batches and `rotator.fleet.pool`, so that no failure, slowness or malice of one binding costs
another its token.
"""

from __future__ import annotations

import gc
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from rotator.errors import RotatorError
from rotator.fleet.active_clients import ActiveClients
from rotator.fleet.consent import require_consent
from rotator.fleet.guard import guard
from rotator.fleet.pool import Assessed, Pool
from rotator.fleet.probes import FleetProbes
from rotator.fleet.read import ReadAlready, read_bindings, refuse_other_region, secrets_of
from rotator.fleet.report import BindingReport, Reports, summarize
from rotator.model.access_token import AccessToken
from rotator.model.instants import format_instant
from rotator.model.stored import parse_token
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
    from rotator.model.secret import StoredSecret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.ports import Endpoint, Store
    from rotator.rotation.result import RotationResult

__all__ = ["FleetRun", "run_fleet"]


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
    for refused in selection.refused:
        reports.add(BindingReport(refused.binding, error=refused.error))
    assessed, active_clients = [], ActiveClients()
    for fleet_binding, found in read_bindings(fleet.batches, selection.bindings):
        binding = fleet_binding.binding
        outcome = guard(partial(_classify, fleet, began_at, active_clients, fleet_binding, found))
        if isinstance(outcome, Assessed):
            assessed.append(outcome)
        elif isinstance(outcome, RotatorError):
            is_confirmed = not fleet_binding.needs_consent
            reports.add(BindingReport(binding, error=outcome, is_confirmed=is_confirmed))
        else:
            reports.add(BindingReport(binding, result=outcome))
    active_clients.warn()
    pool = Pool(
        reports,
        workers=fleet.settings.workers,
        ends_at_s=started_s + fleet.remaining_s,
        clock=fleet.clock,
        dry_run=fleet.dry_run,
    )
    pool.work_through(assessed)
    done = reports.all()
    duration_s = round(fleet.clock.monotonic() - started_s, 3)
    summary = {**summarize(done), "fleet": fleet.settings.name, "duration_s": duration_s}
    structlog.get_logger().info("rotator.fleet_finished", **summary)
    return done


def _classify(
    fleet: FleetRun,
    began_at: datetime,
    active_clients: ActiveClients,
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | Failure],
) -> Assessed | RotationResult:
    """Decide by what was read; what is not due is done, unless an API may know better."""
    binding, read_at_s = fleet_binding.binding, fleet.clock.monotonic()
    refuse_other_region(fleet.region, binding)
    versions = {}
    for secret_id in secrets_of(binding):
        version = found[secret_id]
        if isinstance(version, RotatorError):
            raise _with_details(version, found[binding.token_secret])
        versions[secret_id] = version
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


def _allow(fleet_binding: FleetBinding, assessment: Assessment) -> None:
    """Raise ConfigError if the binding needs the consent of the credentials and has none."""
    if fleet_binding.needs_consent:
        require_consent(
            assessment.credentials,
            credentials_secret=assessment.credentials_version.secret_id,
            token_secret_arn=assessment.token_version.arn,
        )


def _with_details(error: Failure, token_version: StoredSecret | Failure) -> Failure:
    """The error of one read for one binding, with what is known of its token.

    A copy: a call that failed as a whole has the same error for each of its secrets.
    """
    copied = copy(error)
    copied.details = dict(error.details)
    if not isinstance(token_version, RotatorError):
        stored = parse_token(token_version)
        expires_at = format_instant(stored.expires_at) if isinstance(stored, AccessToken) else None
        copied.details.update(version_id=token_version.version_id, expires_at=expires_at)
    return copied
