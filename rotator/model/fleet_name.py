"""Validates the name of a fleet, which becomes the value of a dimension in CloudWatch."""

from __future__ import annotations

__all__ = ["MAX_NAME_CHARS", "check_fleet_name"]

MAX_NAME_CHARS = 1024


def check_fleet_name(text: str) -> str:
    """The name, if CloudWatch accepts it (API reference, Dimension); raises ValueError otherwise.

    CloudWatch drops metrics with any other name, and the alarm on missing data goes off.
    """
    is_plain = text.isascii() and text.isprintable() and bool(text.strip())
    if not is_plain or text.startswith(":") or len(text) > MAX_NAME_CHARS:
        raise ValueError(
            f"must be printable ASCII, {MAX_NAME_CHARS} characters at most, not blank, and not"
            " begin with a colon"
        )
    return text
