"""A batch from the workers' queue: each message names one binding that is due."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rotator.app.aws_lambda.context import remaining_s, require_time
from rotator.app.aws_lambda.fleet import open_fleet
from rotator.config import load_fleet_options, load_settings, logs
from rotator.errors import ConfigError, RotatorError
from rotator.fleet.settings import FleetBinding, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.app.aws_lambda.context import Context

__all__ = ["rotate_messages"]

FIELDS = ("credentials_secret", "token_secret", "cadence")


def rotate_messages(records: Sequence[Mapping[str, Any]], context: Context) -> dict[str, Any]:
    """Rotate the bindings of all messages; a failure of one does not affect the others.

    Returns the messages that go back to the queue (Lambda developer guide, "partial batch
    responses"): those that failed temporarily or were deferred. Other failures are logged; the next
    run of the dispatcher sends those bindings again.
    """
    require_time(context)
    by_message: dict[str, FleetBinding] = {}
    for record in records:
        try:
            by_message[str(record.get("messageId"))] = _parse_message(record.get("body"))
        except RotatorError as error:
            logs.logger().error(
                "rotator.rotation_failed", outcome="failed", **logs.error_fields(error)
            )
    bindings = tuple({each.binding: each for each in by_message.values()}.values())
    reports = open_fleet(load_fleet_options()).rotate(
        Selection(bindings), remaining_s=remaining_s(context)
    )
    again = {each.binding for each in reports if each.error is not None and each.error.retryable}
    failures = [
        {"itemIdentifier": message_id}
        for message_id, each in by_message.items()
        if each.binding in again
    ]
    return {"batchItemFailures": failures}


def _parse_message(body: object) -> FleetBinding:
    fields: object = None
    try:
        fields = json.loads(body) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not fields.keys() <= set(FIELDS):
        raise ConfigError(
            "message: is not the event of a binding; its body was not sent by rotator"
        )
    if not all(isinstance(value, str) for value in fields.values()):
        raise ConfigError("message: its fields must be strings")
    settings = load_settings({name: fields.get(name) for name in FIELDS}, environ={})
    return FleetBinding(settings.binding(), cadence=settings.job.cadence)
