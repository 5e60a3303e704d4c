"""The one maker of token documents: from the description of the format, never by the product."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.clock import NOW

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
CADENCE = timedelta(hours=23)


def token_document(
    text: str = "first",
    *,
    issued_at: datetime | float = NOW,
    lifetime: timedelta = DAY,
    **changes: object,
) -> dict[str, Any]:
    """The value of a token secret, as an object; a change to None leaves a member out.

    A token that does not live a day has no `next_rotation_at` unless one is given.
    """
    begin = (
        datetime.fromtimestamp(issued_at, UTC) if not isinstance(issued_at, datetime) else issued_at
    )
    end = begin + lifetime
    members = {
        "schema": 1,
        "access_token": text,
        "token_type": "bearer",
        "issued_at": instant(begin),
        "expires_at": instant(end),
        "expires_at_epoch": int(end.timestamp()),
        "next_rotation_at": instant(begin + CADENCE) if lifetime > CADENCE else None,
        "client_id": "my-client",
        "scope": "granted",
        "token_url": "https://ims.example/token",
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


def token_version(text: str = "first", **details: Any) -> dict[str, Any]:
    """What GetSecretValue answers where the value is this token document."""
    return {
        "SecretString": json.dumps(token_document(text, **details)),
        "VersionId": f"version-of-{text}",
    }


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
