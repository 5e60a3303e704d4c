"""The event that rotates a client secret: `{"rotate_client_secret": true}`."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.app import open_store_for
from rotator.app.aws_lambda.context import remaining_s
from rotator.app.client_secret import run_client_secret_rotation
from rotator.aws.metrics import CLIENT_SECRET_DIMENSION, print_metrics
from rotator.config import load_secret_id, load_secret_rotation
from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.app.aws_lambda.context import Context
    from rotator.rotation.secret_result import SecretRotationResult

__all__ = ["EVENT", "handle_event", "parse_event"]

EVENT = "rotate_client_secret"
FIELDS = (EVENT, "credentials_secret")


def parse_event(event: Mapping[str, Any]) -> tuple[str, bool]:
    """The credentials secret that the event or the environment names, and whether to emit metrics.

    A secret that the event names gets none: each name would be a new dimension, which CloudWatch
    bills. Raises ConfigError.
    """
    if event.get(EVENT) is not True:
        raise ConfigError(f"event: {EVENT} must be true")
    if not event.keys() <= set(FIELDS):
        raise ConfigError(f"event: has an unknown field; known are {', '.join(FIELDS)}")
    name = event.get("credentials_secret")
    if name is not None and not isinstance(name, str):
        raise ConfigError("event: credentials_secret must be a secret's name or ARN")
    found = load_secret_id("credentials_secret", {"event: credentials_secret": name})
    return found, name is None


def handle_event(
    credentials_secret: str, context: Context, *, emits_metrics: bool
) -> dict[str, Any]:
    """Take the next steps on the client secret in this credentials secret.

    The environment's token secret counts as one that these credentials mint for. With
    `emits_metrics` prints one line of metrics if the client secret's age is known. Raises
    RotatorError.
    """
    token_secrets: tuple[str, ...] = ()
    with suppress(ConfigError):  # the credentials may name them all
        token_secrets = (load_secret_id("token_secret", {}),)
    result = run_client_secret_rotation(
        credentials_secret,
        load_secret_rotation(),
        store=open_store_for(credentials_secret),
        token_secrets=token_secrets,
        remaining_s=lambda: remaining_s(context),
    )
    values = _metrics(result, datetime.now(UTC))
    if values and emits_metrics:
        request_id = context.aws_request_id
        print_metrics(values, CLIENT_SECRET_DIMENSION, credentials_secret, request_id=request_id)
    return {"credentials_secret": credentials_secret, **result.log_fields()}


def _metrics(result: SecretRotationResult, now: datetime) -> dict[str, float]:
    """The age of the newest stored client secret, and its remaining lifetime."""
    newest = result.rotation.stored if result.rotation else None
    values: dict[str, float] = {}
    if newest is not None and newest.created_at is not None:
        age_s = (now - newest.created_at).total_seconds()
        values["ClientSecretAgeSeconds"] = max(0.0, round(age_s))
    if newest is not None and newest.expires_at is not None:
        left_s = (newest.expires_at - now).total_seconds()
        values["ClientSecretRemainingSeconds"] = max(0.0, round(left_s))
    return values
