"""A scheduled run over many bindings: rotates what is due, or sends it to the workers' queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rotator.app import PUBLISH_S
from rotator.app.aws_lambda.context import remaining_s, require_time
from rotator.app.fleet import Fleet
from rotator.aws.metrics import FLEET_DIMENSION, print_metrics
from rotator.aws.queue import send_messages
from rotator.config import logs
from rotator.errors import copy_error
from rotator.fleet.report import BindingReport, find_outage, summarize
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
    """The fleet, kept between the invocations of an environment, as is its AWS client."""
    return Fleet(selector)


def rotate_fleet(
    selector: FleetSelector, context: Context, *, force: bool = False
) -> dict[str, Any]:
    """Rotate what is due, or send it to the queue that the environment names; returns the counts.

    Prints one line of metrics. Raises RotatorError if nothing at all could be read or sent, and at
    the end if not all bindings could be listed.
    """
    require_time(context)
    fleet = open_fleet(selector)
    selection = fleet.select(remaining_s=remaining_s(context))
    sends = selector.queue_url is not None
    reports = fleet.rotate(
        selection,
        force=force,
        dry_run=sends,
        # Half of the time for reading, the other half for sending.
        remaining_s=remaining_s(context) / (2 if sends else 1),
    )
    counts: dict[str, int] = {}
    problem = find_outage(reports) or selection.broken_off
    if selector.queue_url is not None:
        due = {each.binding for each in reports if each.outcome == "would_rotate"}
        messages = [each for each in selection.bindings if each.binding in due]
        failed = _send(selector.queue_url, messages, fleet, context)
        reports = [_report_unsent(each, failed) for each in reports]
        counts = {"sent": len(messages) - len(failed)}
        if failed and not counts["sent"]:
            problem = next(iter(failed.values()))
    name = fleet.settings.name
    values = _metrics(reports, datetime.now(UTC))
    print_metrics(values, FLEET_DIMENSION, name, request_id=context.aws_request_id)
    if problem is not None:
        raise problem
    return {"fleet": name, **summarize(reports), **counts}


def _send(
    queue_url: str, messages: Sequence[FleetBinding], fleet: Fleet, context: Context
) -> dict[Binding, RotatorError]:
    """Send a message for each; logs and returns the errors of those that were not sent."""
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


def _report_unsent(report: BindingReport, failed: Mapping[Binding, RotatorError]) -> BindingReport:
    """The report, turned into a failure if the binding's message was not sent."""
    error, result = failed.get(report.binding), report.result
    if error is None or result is None or result.outcome != "would_rotate":
        return report
    problem = copy_error(error)
    expires_at = format_instant(result.expires_at) if result.expires_at is not None else None
    problem.details = {"reason": result.reason, "expires_at": expires_at}
    return BindingReport(report.binding, error=problem)


def _message(fleet_binding: FleetBinding) -> str:
    """The event for one binding, without its probe's URL, to which a token would be sent."""
    binding = fleet_binding.binding
    event = {
        "credentials_secret": binding.credentials_secret,
        "token_secret": binding.token_secret,
    }
    if fleet_binding.cadence is not None:
        event["cadence"] = f"{int(fleet_binding.cadence.total_seconds())}s"
    return json.dumps(event)


def _metrics(reports: Sequence[BindingReport], now: datetime) -> dict[str, float]:
    """The values of the fleet's metrics."""
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
    """Seconds that consumers still have a token; None for a report that must not count.

    A binding that only a tag declares counts until a day after its token expired. So a binding that
    was damaged by a wrong tag or an edit of its credentials is noticed, and whoever may only tag
    secrets can't trigger the alarm. Any other binding counts, unless its token secret could not be
    read for a moment.
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
