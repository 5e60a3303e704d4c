"""Values in providers' responses, read strictly; a wrong one raises ValueError or TypeError."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.model.fields import load_object
from rotator.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_date_time", "parse_items", "parse_milliseconds", "parse_text", "parse_value"]


def parse_items(body: bytes) -> Mapping[str, Any]:
    """A JSON object, or an array as the member `items`; raises ValueError."""
    if body.lstrip().startswith(b"["):
        return load_object(b'{"items":' + body + b"}")
    return load_object(body)


def parse_text(value: object) -> str:
    """A string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def parse_value(value: object) -> Secret:
    """The value of a new client secret, which may be one that can't be stored.

    Empty if there is none: the client secret exists nevertheless, and has to be deleted.
    """
    return Secret(value if isinstance(value, str) else "")


def parse_milliseconds(value: object) -> datetime:
    """Milliseconds since 1970, as a number or a string, in whole seconds."""
    return datetime.fromtimestamp(int(str(value)) // 1000, UTC)


def parse_date_time(value: object) -> datetime | None:
    """RFC 3339 with or without a fraction, in whole seconds; None for null."""
    if value is None:
        return None
    instant = datetime.fromisoformat(parse_text(value))
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC).replace(microsecond=0)
