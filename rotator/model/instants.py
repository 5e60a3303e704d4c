"""Formats and parses instants and durations."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

__all__ = ["format_duration", "format_instant", "parse_duration", "parse_instant"]

LONGEST = timedelta(days=366)
DURATION = r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?"


class TypedDuration(timedelta):
    """A duration that is formatted as it was typed: `24h` does not become `1d`."""

    text: str


def format_instant(at: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC, whole seconds: `2026-01-31T09:00:00Z`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# `datetime.fromisoformat` also accepts week dates, bare hours and other forms that readers in other
# languages do not.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def parse_instant(text: str) -> datetime:
    """Read what `format_instant` writes; raises ValueError for anything else."""
    if _INSTANT.fullmatch(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    raise ValueError("is not an RFC 3339 instant in UTC and whole seconds")


def parse_duration(text: str) -> TypedDuration:
    """Read `23h`, `22h30m`, `90s` or `1d`: whole numbers with units, the largest unit first.

    Raises ValueError if it is none, zero, or longer than a year.
    """
    match = re.fullmatch(DURATION, text.strip(), re.ASCII)
    if match is None or not any(match.groups()) or len(text) > 20:  # noqa: PLR2004
        raise ValueError("is not a duration; write it with its unit, such as 23h or 22h30m")
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    total_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 0 < total_s <= LONGEST.total_seconds():
        raise ValueError("is zero, or longer than a year; write one in between, such as 23h")
    duration = TypedDuration(seconds=total_s)
    duration.text = text.strip()
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration in the form that settings take, with its two largest units: `22h43m`."""
    if isinstance(duration, TypedDuration):
        return duration.text
    seconds = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
