"""The AWS Lambda function: `rotator.lambda_handler.handler`, one run of the job per invocation.

Failures are raised, so that Lambda counts them, tries again and hands them to the on-failure
destination. Every failure logs one event. Every run of the binding that the environment names logs
one line of metrics, except where the event or the settings are refused.
"""

# ruff: noqa: E402 - the garbage collector is set before anything is imported
from __future__ import annotations

import gc

# By default the collector takes a seventh of a cold start, and finds no cycle in what the first
# invocation imports and makes. A run leaves a few thousand objects, so that this threshold still
# means a collection every few dozen runs.
gc.set_threshold(100_000)

import sys
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from rotator import logs
from rotator.app import Rotator, open_store
from rotator.app.aws_lambda.context import remaining_s
from rotator.aws.metrics import embedded
from rotator.config import environment_names, load_fleet, load_log_settings, load_settings
from rotator.errors import ConfigError, RotatorError, describe_unexpected, name_hint
from rotator.model.instants import format_instant, parse_instant
from rotator.model.rotation_step import parse_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.app.aws_lambda.context import Context
    from rotator.config import FleetSelector, Settings
    from rotator.model.rotation_step import RotationStep
    from rotator.rotation.rotate import RotationResult

__all__ = ["handler"]

SECRETS = ("credentials_secret", "token_secret")
FIELDS = (*SECRETS, "force")
"""What an event can have. Not the probe's URL: whoever may invoke the function could have a fresh
token sent anywhere."""

SCHEDULERS = frozenset({"aws.scheduler", "aws.events"})
"""The `source` in the default events of EventBridge Scheduler and of EventBridge's rules."""


def handler(event: object, context: Context) -> dict[str, Any]:
    """Rotate the token if it is due, and answer with the outcome.

    `event` is a schedule's own or empty, and then the environment names the secrets or selects a
    fleet; or it is `{"credentials_secret": ID, "token_secret": ID}`, with `"force": true` to rotate
    a token that is not due; or a batch of the workers' queue, and then the response names the
    messages to try again; or a step of a rotation that Secrets Manager has started; or
    `{"rotate_client_secret": true}`, for which a role of its own is needed. Raises RotatorError, of
    a fleet only where nothing could be read.
    """
    logs.configure()  # for what is wrong with the settings of the log itself
    with logs.bound_fields(request_id=context.aws_request_id):
        known = _Known()
        problem: RotatorError
        try:
            return _work(event, context, known)
        except RotatorError as error:
            problem = error
        except Exception as error:  # noqa: BLE001 - its text could hold a value
            problem = RotatorError(describe_unexpected(error))
        logs.logger().error(
            known.failed,
            outcome="failed",
            **known.subject,
            **logs.error_fields(problem),
        )
        if known.settings is not None:
            _emit_metrics(_failure_metrics(problem), known.settings, context)
        # Without the frames below, whose local variables a crash reporter could show.
        raise problem.with_traceback(None)


class _Known:
    """What is known of the work by the time that it fails."""

    def __init__(self) -> None:
        self.subject: dict[str, str | None] = {"binding": None}
        self.settings: Settings | None = None
        self.failed = "rotator.rotation_failed"

    def tell(self, settings: Settings) -> None:
        self.subject, self.settings = {"binding": settings.token_secret}, settings


def _work(event: object, context: Context, known: _Known) -> dict[str, Any]:
    """Do what the event asks for, and return the response."""
    if isinstance(event, dict) and "rotate_client_secret" in event:
        from rotator.app.aws_lambda.client_secret import parse_event, rotate_client_secret

        known.failed = "rotator.client_secret_rotation_failed"
        known.subject = {"credentials_secret": None}
        _configure_logs()
        name, emits_metrics = parse_event(event)
        known.subject = {"credentials_secret": name}
        return rotate_client_secret(name, context, emits_metrics=emits_metrics)
    records = _queue_records(event)
    step = parse_step(event) if records is None else None
    if step is not None:
        return _take_step(step, context, known)
    fields = _parse_event(event) if records is None else {}
    force = fields.pop("force", False)
    selector = load_fleet(fields) if records is None else None
    if records is not None or selector is not None:
        _configure_logs()
        return _rotate_many(records, selector, context, force=force)
    settings = load_settings(fields)
    known.tell(settings)
    _configure_logs()
    result = _rotator(settings.region).rotate(
        settings, force=force, remaining_s=lambda: remaining_s(context)
    )
    _emit_metrics(_metrics(result), settings, context)
    return _summary(result)


def _take_step(step: RotationStep, context: Context, known: _Known) -> dict[str, Any]:
    """One of the four steps by which Secrets Manager rotates a secret itself."""
    from rotator.app.native import prepare_step

    known.subject = {"binding": step.secret_id}
    _configure_logs()
    left_s = partial(remaining_s, context)
    prepared = prepare_step(step, remaining_s=left_s)
    known.tell(prepared.settings)
    result = prepared.take(remaining_s=left_s)
    values = _metrics(result)
    values.pop("MintDuration", None)  # minting and publishing are two steps
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


def _rotate_many(
    records: Sequence[Mapping[str, Any]] | None,
    selector: FleetSelector | None,
    context: Context,
    *,
    force: bool,
) -> dict[str, Any]:
    """Run a fleet or a queue's messages; a function with one binding never imports these."""
    if records is not None:
        from rotator.app.aws_lambda.messages import rotate_messages

        return rotate_messages(records, context)
    from rotator.app.aws_lambda.fleet import rotate_fleet

    assert selector is not None  # noqa: S101 - one of the two is given
    return rotate_fleet(selector, context, force=force)


def _parse_event(event: object) -> dict[str, Any]:
    """The event's fields; none for a schedule's own event. Raises ConfigError for any other."""
    if event is None:  # invoked by hand, without a payload
        return {}
    if not isinstance(event, dict):
        raise ConfigError("event: must be a JSON object")
    source = event.get("source")
    if isinstance(source, str) and source in SCHEDULERS:
        return {}
    for name, value in event.items():
        if name not in FIELDS:
            raise ConfigError(f"event: has an unknown field; {name_hint(str(name), FIELDS)}")
        if not isinstance(value, bool if name == "force" else str):
            kind = "true or false" if name == "force" else "a secret's name or ARN"
            raise ConfigError(f"event: {name} must be {kind}")
    if len(event.keys() & set(SECRETS)) == 1:
        raise ConfigError("event: must name both secrets, or neither")
    return dict(event)


@lru_cache(maxsize=8)
def _rotator(region: str | None) -> Rotator:
    """Kept between the invocations of an environment: its AWS client keeps its connections."""
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
    """Log a line of metrics, for the binding that the environment names.

    Not for one that an event names: each name would be a new dimension, which CloudWatch bills.
    """
    if not environment_names(settings.token_secret):
        return
    line = embedded(
        values,
        token_secret=settings.token_secret,
        now=datetime.now(UTC),
        request_id=context.aws_request_id,
    )
    # Standard output: CloudWatch reads metrics from any line, and logs stay apart from them.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
