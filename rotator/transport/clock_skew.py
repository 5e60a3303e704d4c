"""Compares this host's clock with a server's, by the `Date` of its response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.wire.dates import parse_http_date, parse_whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["explain_clock_skew", "response_age", "seconds_ahead"]

TOLERANCE_S = 60.0
"""Assertions live for a minute, so a smaller difference is not why a server refuses one."""


def response_age(headers: Mapping[str, str]) -> int:
    """The seconds that the response spent in caches, by its `Age` (RFC 9111 section 5.1)."""
    # Of a list, the first value counts; a value that is no number is ignored, as that section says.
    age_s = parse_whole_number(headers.get("age", "").partition(",")[0].strip())
    return max(0, age_s or 0)


def seconds_ahead(headers: Mapping[str, str], *, asked_at: datetime) -> float:
    """How far the server's clock was ahead of ours, by its `Date`; negative if it was behind.

    In seconds, 0 without a `Date`. `Date` has no fractions: the server's clock showed up to a
    second more, at `asked_at` or later. So a clock is at least this much behind, or at most this
    much ahead.
    """
    server_s = parse_http_date(headers.get("date"))
    if server_s is None:
        return 0.0
    ahead_s = server_s + response_age(headers) - asked_at.timestamp()
    return max(0.0, ahead_s) or min(0.0, ahead_s + 1)


def explain_clock_skew(headers: Mapping[str, str], *, now: datetime) -> str:
    """A hint for the end of a message; empty if the clocks agree or the server sends no `Date`.

    `headers` are by lower-case name. RFC 9110 section 6.6.1: `Date` is when the response was made.
    """
    server_s = parse_http_date(headers.get("date"))
    if server_s is None:
        return ""
    ahead_s = now.timestamp() - server_s
    if abs(ahead_s) < TOLERANCE_S:
        return ""
    minutes, seconds = divmod(round(abs(ahead_s)), 60)
    side = "ahead of" if ahead_s > 0 else "behind"
    return (
        f"; this host's clock is {minutes} min {seconds} s {side} the server's: correct it, and"
        " keep it synchronized with NTP"
    )
