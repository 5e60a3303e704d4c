"""What the commands print of a fleet as text: rows in columns, and the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.terminal import printable_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.errors import RotatorError
    from rotator.model.binding import Binding

__all__ = ["binding_name", "summary_text", "table"]

MAX_WIDTH = 64
"""A longer name widens its own row, not the others."""


def binding_name(binding: Binding, error: RotatorError | None = None) -> str:
    """The token secret of a binding, or its number in the manifest if it has no valid name."""
    number = error.details.get("manifest_binding") if error is not None else None
    return binding.token_secret or f"binding {number}"


def table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """The rows as lines, in columns."""
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    first, second = (min(width, MAX_WIDTH) for width in widths)
    return [f"{a:<{first}}  {b:<{second}}  {printable_name(c)}" for a, b, c in rows]


def summary_text(summary: dict[str, Any]) -> str:
    """The counts that are not zero."""
    counts = [
        f"{count} {name.replace('_', ' ')}"
        for name, count in summary.items()
        if count and name not in {"bindings", "discovery_incomplete"}
    ]
    return f"{summary['bindings']} bindings: {', '.join(counts)}"
