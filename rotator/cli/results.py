"""Results, failures and statuses, as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import exit_code

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.errors import RotatorError
    from rotator.model.status import ClientSecretStatus, TokenStatus
    from rotator.rotation.rotate import RotationResult
    from rotator.rotation.secret_result import SecretRotationResult

__all__ = [
    "client_secret_fields",
    "client_secret_text",
    "failure_fields",
    "instant_text",
    "remaining_text",
    "result_fields",
    "secret_result_fields",
    "status_fields",
]


_STEPS = {
    "adding": "a new one was requested",
    "overlap": "both are in use",
    "retired": "the old one is disabled",
}


def result_fields(result: RotationResult) -> dict[str, object]:
    """The JSON object of a run."""
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "credentials_secret": result.binding.credentials_secret,
        "token_secret": result.binding.token_secret,
        "version_id": result.version_id,
        "issued_at": instant_text(result.issued_at),
        "expires_at": instant_text(result.expires_at),
        "next_rotation_at": instant_text(result.next_rotation_at),
        "duration_s": result.duration_s,
    }


def secret_result_fields(result: SecretRotationResult) -> dict[str, object]:
    """The JSON object of a run on a client secret."""
    rotation = result.rotation
    new, old = (rotation.new, rotation.old) if rotation else (None, None)
    return {
        "outcome": result.outcome,
        "summary": result.summary,
        "credentials_secret": result.credentials_secret,
        "step": rotation.step if rotation else None,
        "started_at": instant_text(rotation.started_at if rotation else None),
        "stored_at": instant_text(rotation.stored_at if rotation else None),
        "new": new.to_fields() if new else None,
        "old": old.to_fields() if old else None,
        "conditions": [
            {"name": each.name, "is_met": each.is_met, "reason": each.reason}
            for each in result.gate
        ],
    }


def failure_fields(error: RotatorError) -> dict[str, Any]:
    """The JSON object of a run that failed."""
    from rotator.config import logs

    return {"outcome": "failed", "exit_code": exit_code(error), **logs.error_fields(error)}


def status_fields(status: TokenStatus) -> dict[str, object]:
    """The JSON object of a status."""
    remaining = status.remaining
    return {
        "token_secret": status.token_secret,
        "health": status.health,
        "reason": status.reason,
        "expires_at": instant_text(status.expires_at),
        "remaining_s": None if remaining is None else int(remaining.total_seconds()),
        "next_rotation_at": instant_text(status.next_rotation_at),
        "version_id": status.version_id,
        "previous_version_id": status.previous_version_id,
        "client_id": status.client_id,
        "client_secret": client_secret_fields(known) if (known := status.client_secret) else None,
    }


def client_secret_fields(status: ClientSecretStatus) -> dict[str, object]:
    """The JSON object of what is known of the client secret."""
    return {
        "id": status.id,
        "created_at": instant_text(status.created_at),
        "expires_at": instant_text(status.expires_at),
        "rotation_step": status.step,
        "rotation_started_at": instant_text(status.started_at),
        "old_expires_at": instant_text(status.old_expires_at),
    }


def client_secret_text(status: ClientSecretStatus, now: datetime) -> str:
    """The age of the client secret at `now`, its expiry, and a rotation under way, as text."""
    from rotator.model.instants import format_duration

    parts = [f"{format_duration(now - status.created_at)} old" if status.created_at else status.id]
    both = (("", status.expires_at), ("the old one ", status.old_expires_at))
    for which, at in both:
        if at is not None:
            ends = "expired at" if now >= at else "expires at"
            parts.append(f"{which}{ends} {instant_text(at)}")
    if status.step is not None:
        began = instant_text(status.started_at)
        step = _STEPS.get(status.step, status.step)
        if status.step == "overlap" and not status.has_both:
            step = "only one of the two is stored"
        parts.append(f"rotation under way since {began} ({step})")
    return ", ".join(parts)


def instant_text(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, None for None."""
    from rotator.model.instants import format_instant

    return None if at is None else format_instant(at)


def remaining_text(status: TokenStatus) -> str | None:
    """The remaining life as text, None if there is no token."""
    from rotator.model.instants import format_duration

    if status.remaining is None:
        return None
    if status.health == "unusable":
        return f"none, expired {format_duration(-status.remaining)} ago"
    remaining = format_duration(status.remaining)
    return f"{remaining} (AWSPREVIOUS)" if status.previous_version_id else remaining
