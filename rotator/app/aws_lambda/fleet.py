"""A scheduled run over many bindings: rotate what is due, or send it to the workers' queue."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rotator import logs
from rotator.app import PUBLISH_S
from rotator.app.aws_lambda.context import remaining_s
from rotator.app.fleet import Fleet
from rotator.aws.metrics import fleet_line
from rotator.aws.queue import send_messages
from rotator.errors import copy_error
from rotator.fleet.report import BindingReport, outage_of, summarize
from rotator.model.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.app.aws_lambda.context import Context
    from rotator.config import FleetSelector
    from rotator.errors import RotatorError
    from rotator.fleet.settings import FleetBinding
    from rotator.model.binding import Binding

__all__ = ["open_fleet", "rotate_fleet"]

DAY_S = 86_400


@lru_cache(maxsize=4)
def open_fleet(selector: FleetSelector) -> Fleet:
    """Kept between the invocations of an environment: its AWS client keeps its connections."""
    return Fleet(selector)


def rotate_fleet(
    selector: FleetSelector, context: Context, *, force: bool = False
) -> dict[str, Any]:
    """Rotate what is due, or send it to the queue that the environment names; the counts.

    Raises RotatorError where nothing at all could be read, or sent, and after all else where not
    all bindings could be listed. Prints one line of metrics.
    """
    fleet = open_fleet(selector)
    selection = fleet.select(remaining_s=remaining_s(context))
    sends = selector.queue_url is not None
    reports = fleet.rotate(
        selection,
        force=force,
        dry_run=sends,
        # What can be read in half of the time has the other half to be sent.
        remaining_s=remaining_s(context) / (2 if sends else 1),
    )
    counts: dict[str, int] = {}
    problem = outage_of(reports) or selection.broken_off
    if selector.queue_url is not None:
        due = {each.binding for each in reports if each.outcome == "would_rotate"}
        messages = [each for each in selection.bindings if each.binding in due]
        failed = _send(selector.queue_url, messages, fleet, context)
        reports = [_unsent(each, failed) for each in reports]
        counts = {"sent": len(messages) - len(failed)}
        if failed and not counts["sent"]:
            problem = next(iter(failed.values()))
    _print_metrics(fleet.settings.name, reports, context)
    if problem is not None:
        raise problem
    return {"fleet": fleet.settings.name, **summarize(reports), **counts}


def _send(
    queue_url: str, messages: Sequence[FleetBinding], fleet: Fleet, context: Context
) -> dict[Binding, RotatorError]:
    """Send a message for each; logs and returns the errors of those not in the queue."""
    found = send_messages(
        queue_url,
        [_message(each) for each in messages],
        region=fleet.region,
        remaining_s=remaining_s(context),
        grace_s=PUBLISH_S,
    )
    failed = {messages[at].binding: error for at, error in found.items()}
    for binding, error in failed.items():
        logs.logger().error(
            "rotator.dispatch_failed",
            outcome="failed",
            binding=binding.token_secret,
            **logs.error_fields(error),
        )
    sent = len(messages) - len(failed)
    logs.logger().info("rotator.fleet_dispatched", sent=sent, failed=len(failed))
    return failed


def _unsent(report: BindingReport, failed: Mapping[Binding, RotatorError]) -> BindingReport:
    """The report on a binding: failed where its message is not in the queue."""
    error, result = failed.get(report.binding), report.result
    if error is None or result is None or result.outcome != "would_rotate":
        return report
    problem = copy_error(error)
    expires_at = format_instant(result.expires_at) if result.expires_at is not None else None
    problem.details = {"reason": result.reason, "expires_at": expires_at}
    return BindingReport(report.binding, error=problem)


def _message(fleet_binding: FleetBinding) -> str:
    """The event for one binding; never its probe's URL, to which a token would be sent."""
    binding = fleet_binding.binding
    event = {
        "credentials_secret": binding.credentials_secret,
        "token_secret": binding.token_secret,
    }
    if fleet_binding.cadence is not None:
        event["cadence"] = f"{int(fleet_binding.cadence.total_seconds())}s"
    return json.dumps(event)


def _print_metrics(name: str, reports: Sequence[BindingReport], context: Context) -> None:
    now = datetime.now(UTC)
    values = _metrics(reports, now)
    line = fleet_line(values, fleet=name, now=now, request_id=context.aws_request_id)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _metrics(reports: Sequence[BindingReport], now: datetime) -> dict[str, float]:
    """What the alarms of a fleet watch."""
    outcomes = [each.outcome for each in reports]
    served = {each.binding.token_secret for each in reports if each.error is None}
    alone = [r for r in reports if r.error is None or r.binding.token_secret not in served]
    known = [(each, life) for each in alone if (life := _life_s(each, now)) is not None]
    lives = [life for _, life in known]
    late = [(each, life) for each, life in known if each.error is not None and _is_due(each)]
    values: dict[str, float] = {
        "Bindings": len(reports),
        "Due": len(late) + sum(map(outcomes.count, ("rotated", "superseded", "would_rotate"))),
        "Rotated": outcomes.count("rotated"),
        "Failed": outcomes.count("failed"),
        "Deferred": outcomes.count("deferred"),
        "Overdue": sum(life > 0 for _, life in late),
        "Unusable": sum(life <= 0 for life in lives),
    }
    if lives:
        values["MinRemainingSeconds"] = round(max(0.0, min(lives)))
    return values


def _life_s(report: BindingReport, now: datetime) -> float | None:
    """How long consumers still have a token; None for what says nothing of any consumer's.

    What only a tag calls a binding counts while there is a token in it, and for a day after: so a
    binding whose tag or credentials are spoilt is noticed, and whoever may only tag a secret can
    neither set the alarm off nor hold it. Any other binding counts unless a moment's failure kept
    its token secret from being read.
    """
    at, error = report.expires_at, report.error
    left_s = None if at is None else (at - now).total_seconds()
    if error is None:
        return left_s or 0.0
    if not report.is_confirmed:
        return None if left_s is None or left_s < -DAY_S else left_s
    if left_s is None and error.retryable and "expires_at" not in error.details:
        return None
    return left_s or 0.0


def _is_due(report: BindingReport) -> bool:
    reason = report.error.details.get("reason") if report.error is not None else None
    return reason not in {None, "fresh"}
