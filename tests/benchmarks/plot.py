"""A bar chart as SVG, by hand: a plotting library would be heavier than all that it draws."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bars"]

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 190, 70, 48, 30
OURS, THEIRS, INK, GRID = "#1a7f5a", "#9aa5b1", "#24292f", "#d8dee4"


def bars(
    values: Mapping[str, float], *, title: str, caption: str, marker: tuple[str, float]
) -> str:
    """Horizontal bars on a logarithmic scale; the first is ours, `marker` is a vertical line."""
    low = 10 ** math.floor(math.log10(min(marker[1], *values.values())))
    high = 10 ** math.ceil(math.log10(max(values.values())))
    bottom = TOP + ROW * len(values)
    captions = textwrap.wrap(caption, 112)
    height = bottom + 58 + 16 * len(captions)

    def x(value: float) -> float:
        share = (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' font-family="system-ui, sans-serif" font-size="13" fill="{INK}" role="img">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
    ]
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        at = x(10.0**power)
        parts += [
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}" stroke="{GRID}"/>',
            f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{10**power:,}</text>',
        ]
    for index, (name, value) in enumerate(values.items()):
        y = TOP + ROW * index + 5
        color = THEIRS if index else OURS
        weight = "400" if index else "600"
        parts += [
            (
                f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end" font-weight="{weight}">'
                f"{escape(name)}</text>"
            ),
            (
                f'<rect x="{LEFT}" y="{y}" width="{x(value) - LEFT:.1f}" height="{ROW - 10}"'
                f' rx="2" fill="{color}"/>'
            ),
            f'<text x="{x(value) + 6:.1f}" y="{y + 15}" font-weight="{weight}">{value:,.0f}</text>',
        ]
    label, value = marker
    parts += [
        (
            f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" y2="{bottom}"'
            f' stroke="{INK}" stroke-dasharray="4 3"/>'
        ),
        f'<text x="{x(value) + 4:.1f}" y="{bottom + 36}">{escape(label)}, {value:,.0f}</text>',
    ]
    parts += [
        f'<text x="20" y="{bottom + 60 + 16 * index}" font-size="11">{escape(line)}</text>'
        for index, line in enumerate(captions)
    ]
    return "\n".join([*parts, "</svg>", ""])
