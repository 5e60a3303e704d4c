"""The AWS Lambda function: `rotator.lambda_handler.handler`, one run of the job per invocation.

Failures are raised, so that Lambda counts them, retries and sends them to the on-failure
destination. Every failure logs one event. Every run of the binding that the environment names logs
one line of metrics, unless the event or the settings are refused.
"""

# ruff: noqa: E402 - the garbage collector is configured before anything is imported
from __future__ import annotations

import gc

# With the default threshold, the collector takes a seventh of a cold start and finds no garbage. A
# run leaves a few thousand objects, so that this threshold still means a collection every few dozen
# runs.
gc.set_threshold(100_000)

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from rotator.app import Rotator, open_store
from rotator.app.aws_lambda.context import remaining_s, require_time
from rotator.aws.metrics import DIMENSION, print_metrics
from rotator.config import environment_names, load_fleet, load_log_settings, load_settings, logs
from rotator.errors import ConfigError, RotatorError, describe_unexpected, name_hint
from rotator.model.instants import format_instant, parse_instant
from rotator.model.rotation_step import parse_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.app.aws_lambda.context import Context
    from rotator.config import Settings
    from rotator.model.rotation_step import RotationStep
    from rotator.rotation.rotate import RotationResult

__all__ = ["handler"]

SECRETS = ("credentials_secret", "token_secret")
FIELDS = (*SECRETS, "force")
"""The fields of an explicit event. The probe's URL is not one of them: whoever may invoke the
function could have a fresh token sent anywhere."""

KNOWN_FIELDS = (*FIELDS, "rotate_client_secret")

SCHEDULERS = frozenset({"aws.scheduler", "aws.events"})
"""The `source` of the default events of EventBridge Scheduler and of EventBridge rules."""


def handler(event: object, context: Context) -> dict[str, Any]:
    """Do what the event requests, and return the outcome.

    `event` is one of these:
    - a schedule's event or an empty one: the environment names the secrets, or selects a fleet;
    - `{"credentials_secret": ID, "token_secret": ID}`, with `"force": true` to rotate a token that
      is not due;
    - a batch of the queue of a fleet; the response names the messages to retry;
    - a step of a rotation that Secrets Manager has started;
    - `{"rotate_client_secret": true}`, which needs a separate role.

    Raises RotatorError; for a fleet only if nothing could be read.
    """
    logs.configure()  # for errors in the settings of the log itself
    with logs.bound_fields(request_id=context.aws_request_id):
        progress = _Progress()
        problem: RotatorError
        try:
            return _work(event, context, progress)
        except RotatorError as error:
            problem = error
        except Exception as error:  # noqa: BLE001 - its text could contain a secret value
            problem = RotatorError(describe_unexpected(error))
        logs.logger().error(
            progress.failure_event,
            outcome="failed",
            **progress.subject,
            **logs.error_fields(problem),
        )
        if progress.settings is not None:
            _emit_metrics(_failure_metrics(problem), progress.settings, context)
        # Without the frames below, whose local variables a crash reporter could show.
        raise problem.with_traceback(None)


class _Progress:
    """What the event and the metrics of a failure need, as far as it is known by then."""

    def __init__(self) -> None:
        self.failure_event = "rotator.rotation_failed"
        self.subject: dict[str, str | None] = {"binding": None}
        self.settings: Settings | None = None

    def add(self, settings: Settings) -> None:
        self.subject, self.settings = {"binding": settings.token_secret}, settings


def _work(event: object, context: Context, progress: _Progress) -> dict[str, Any]:
    """Do what the event requests, and return the response.

    Imports what a function with one binding doesn't need only on use.
    """
    if isinstance(event, dict) and "rotate_client_secret" in event:
        from rotator.app.aws_lambda.client_secret import handle_event, parse_event

        progress.failure_event = "rotator.client_secret_rotation_failed"
        progress.subject = {"credentials_secret": None}
        _configure_logs()
        name, emits_metrics = parse_event(event)
        progress.subject = {"credentials_secret": name}
        return handle_event(name, context, emits_metrics=emits_metrics)
    records = _queue_records(event)
    if records is not None:
        from rotator.app.aws_lambda.messages import rotate_messages

        _configure_logs()
        return rotate_messages(records, context)
    step = parse_step(event)
    if step is not None:
        return _take_step(step, context, progress)
    fields = _parse_event(event)
    force = fields.pop("force", False)
    selector = load_fleet(fields)
    if selector is not None:
        from rotator.app.aws_lambda.fleet import rotate_fleet

        _configure_logs()
        return rotate_fleet(selector, context, force=force)
    settings = load_settings(fields)
    progress.add(settings)
    _configure_logs()
    require_time(context)
    result = _rotator(settings.region).rotate(
        settings, force=force, remaining_s=lambda: remaining_s(context)
    )
    _emit_metrics(_metrics(result), settings, context)
    return _summary(result)


def _take_step(step: RotationStep, context: Context, progress: _Progress) -> dict[str, Any]:
    """Take one of the four steps of Secrets Manager's native rotation."""
    from rotator.app.native import prepare_step

    progress.subject = {"binding": step.secret_id}
    _configure_logs()
    require_time(context)
    left_s = partial(remaining_s, context)
    prepared = prepare_step(step, remaining_s=left_s)
    progress.add(prepared.settings)
    result = prepared.take(remaining_s=left_s)
    values = _metrics(result)
    values.pop("MintDuration", None)  # one step mints, another publishes
    _emit_metrics(values, prepared.settings, context)
    return {"step": step.name, **_summary(result)}


def _configure_logs() -> None:
    log_settings = load_log_settings()
    logs.configure(level=log_settings.level, form=log_settings.form)


def _queue_records(event: object) -> Sequence[Mapping[str, Any]] | None:
    """The messages of an SQS event, None for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records:
        return None
    sources = {each.get("eventSource") if isinstance(each, dict) else None for each in records}
    return records if sources == {"aws:sqs"} else None


def _parse_event(event: object) -> dict[str, Any]:
    """The fields of an explicit event, none for a schedule's; raises ConfigError for any other."""
    if event is None:  # invoked by hand, without a payload
        return {}
    if not isinstance(event, dict):
        raise ConfigError("event: must be a JSON object")
    source = event.get("source")
    if isinstance(source, str) and source in SCHEDULERS:
        return {}
    for name, value in event.items():
        if name not in FIELDS:
            raise ConfigError(f"event: has an unknown field; {name_hint(str(name), KNOWN_FIELDS)}")
        if not isinstance(value, bool if name == "force" else str):
            kind = "true or false" if name == "force" else "a secret's name or ARN"
            raise ConfigError(f"event: {name} must be {kind}")
    if len(event.keys() & set(SECRETS)) == 1:
        raise ConfigError("event: must name both secrets, or neither")
    return dict(event)


@lru_cache(maxsize=8)
def _rotator(region: str | None) -> Rotator:
    """Cached between the invocations of an execution environment, with the client's connections."""
    return Rotator(open_store(region))


def _summary(result: RotationResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "token_secret": result.binding.token_secret,
        "version_id": result.version_id,
        "expires_at": format_instant(result.expires_at) if result.expires_at else None,
    }


def _metrics(result: RotationResult) -> dict[str, float]:
    rotated = result.outcome == "rotated"
    values: dict[str, float] = {"RotationSucceeded": int(rotated), "RotationFailed": 0}
    if result.expires_at is not None:
        values["TokenRemainingSeconds"] = _remaining_s(result.expires_at)
    if rotated:
        values["MintDuration"] = round(result.duration_s * 1000)
    return values


def _failure_metrics(error: RotatorError) -> dict[str, float]:
    values: dict[str, float] = {"RotationSucceeded": 0, "RotationFailed": 1}
    expires_at = error.details.get("expires_at")
    if isinstance(expires_at, str):
        values["TokenRemainingSeconds"] = _remaining_s(parse_instant(expires_at))
    return values


def _remaining_s(expires_at: datetime) -> float:
    return max(0.0, round((expires_at - datetime.now(UTC)).total_seconds()))


def _emit_metrics(values: dict[str, float], settings: Settings, context: Context) -> None:
    """Log a line of metrics for the binding that the environment names, and for no other.

    Each secret that an event names would be another dimension, which CloudWatch bills.
    """
    if not environment_names(settings.token_secret):
        return
    print_metrics(values, DIMENSION, settings.token_secret, request_id=context.aws_request_id)
