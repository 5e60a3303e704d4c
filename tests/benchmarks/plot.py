"""A bar chart as SVG, by hand: a plotting library would be heavier than all that it draws."""

import math
import textwrap
from collections.abc import Callable, Container, Mapping
from xml.sax.saxutils import escape

WIDTH, RIGHT, TOP, ROW = 860, 70, 48, 30
CHARACTER = 7.2
"""How wide one is, in the middle and in bold: names of any length stand before their bars."""

OURS, THEIRS, INK, GRID = "#1a7f5a", "#9aa5b1", "#24292f", "#d8dee4"
TICKS = 5


def bars(
    values: Mapping[str, float],
    *,
    title: str,
    caption: str,
    ours: Container[str],
    marker: tuple[str, float] | None = None,
    logarithmic: bool = False,
) -> str:
    """Horizontal bars, one for each value; those of `ours` stand out.

    `marker` is a vertical line across all of them.
    """
    left = 30 + CHARACTER * max(map(len, values))
    marked = [marker[1]] if marker else []
    scale = _logarithmic if logarithmic else _linear
    ticks, x = scale([*marked, *values.values()], left)
    bottom = TOP + ROW * len(values)
    captions = textwrap.wrap(caption, 112)
    height = bottom + 58 + 16 * len(captions)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' font-family="system-ui, sans-serif" font-size="13" fill="{INK}" role="img">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
    ]
    for tick in ticks:
        at = x(tick)
        parts += [
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}" stroke="{GRID}"/>',
            f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:,.10g}</text>',
        ]
    for index, (name, value) in enumerate(values.items()):
        y = TOP + ROW * index + 5
        parts += _bar(name, value, y, (left, x(value)), is_ours=name in ours)
    if marker:
        label, at = marker[0], x(marker[1])
        parts += [
            (
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}"'
                f' stroke="{INK}" stroke-dasharray="4 3"/>'
            ),
            f'<text x="{at + 4:.1f}" y="{bottom + 36}">{escape(label)}, {marker[1]:,.3g}</text>',
        ]
    parts += [
        f'<text x="20" y="{bottom + 60 + 16 * index}" font-size="11">{escape(line)}</text>'
        for index, line in enumerate(captions)
    ]
    return "\n".join([*parts, "</svg>", ""])


def _bar(name: str, value: float, y: int, ends: tuple[float, float], *, is_ours: bool) -> list[str]:
    left, right = ends
    weight = "600" if is_ours else "400"
    number = f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    return [
        (
            f'<text x="{left - 10:.1f}" y="{y + 15}" text-anchor="end" font-weight="{weight}">'
            f"{escape(name)}</text>"
        ),
        (
            f'<rect x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{ROW - 10}"'
            f' rx="2" fill="{OURS if is_ours else THEIRS}"/>'
        ),
        f'<text x="{right + 6:.1f}" y="{y + 15}" font-weight="{weight}">{number}</text>',
    ]


def _logarithmic(values: list[float], left: float) -> tuple[list[float], Callable[[float], float]]:
    """The powers of ten around the values, and where a value stands."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(value: float) -> float:
        return left + (math.log10(value) - low) / (high - low) * (WIDTH - left - RIGHT)

    return [10.0**power for power in range(low, high + 1)], x


def _linear(values: list[float], left: float) -> tuple[list[float], Callable[[float], float]]:
    """Round numbers from zero on, and where a value stands."""
    most = max(values)
    rough = most / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    high = step * math.ceil(most / step)

    def x(value: float) -> float:
        return left + value / high * (WIDTH - left - RIGHT)

    return [step * index for index in range(round(high / step) + 1)], x
