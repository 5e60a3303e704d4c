"""Validates the calls per second in a manifest or a setting."""

from __future__ import annotations

__all__ = ["MAX_CALLS_PER_S", "MIN_CALLS_PER_S", "check_pace", "parse_pace"]

MIN_CALLS_PER_S = 0.1
"""At a slower pace, a run could process only a few bindings."""

MAX_CALLS_PER_S = 10_000


def check_pace(calls_per_s: float) -> float:
    """`calls_per_s` itself; raises ValueError unless it is within the bounds."""
    if not MIN_CALLS_PER_S <= calls_per_s <= MAX_CALLS_PER_S:  # which NaN never is
        raise ValueError(f"must be a number, {MIN_CALLS_PER_S} to {MAX_CALLS_PER_S}")
    return calls_per_s


def parse_pace(text: str) -> float:
    """Read `40` or `0.5`; raises ValueError as `check_pace` does."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    return check_pace(number)
