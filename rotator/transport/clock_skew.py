"""Whether this host's clock differs from a server's, by the `Date` of its response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.dates import parse_http_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["explain_clock_skew"]

TOLERANCE_S = 60.0
"""Assertions live for a minute, so a smaller difference is not why a server refuses one."""


def explain_clock_skew(headers: Mapping[str, str], *, now: datetime) -> str:
    """A hint to end a message with; empty if the clocks agree, or if the server sends no `Date`.

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
        f"; this host's clock is {minutes} min {seconds} s {side} the server's: set it, and let NTP"
        " keep it right"
    )
