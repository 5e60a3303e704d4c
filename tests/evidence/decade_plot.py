"""The decade as a drawing: hours without a valid token, added up over the years."""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.evidence.decade import YEARS, Design, explained, live, while_short_lived
from tests.evidence.decade_world import DAY_S, HOUR_S, World
from tests.evidence.row import Effort

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 340, 50, 40
YEAR_S = 365 * DAY_S
TITLE = "Hours without a valid token, added up (simulated; lower is better)"
COLOURS = ("#1f6feb", "#6ca5f5", "#c2410c", "#ea9a6b", "#6b21a8", "#b08ad6")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-size:15px;fill:#24292f}"
    ".grid{stroke:#8c959f;stroke-opacity:.25}"
    "@media(prefers-color-scheme:dark){text{fill:#9ea7b3}.title{fill:#e6edf3}}"
)


def draw(world: World, designs: list[Design]) -> str:
    """An SVG of all designs, the real one in front."""
    most_h = max(design.without_s for design in designs) / HOUR_S
    step_h = next(step for step in (50, 100, 200, 500, 1000, 2000) if most_h / step <= 6)
    top_h = step_h * (int(most_h / step_h) + 1)

    def x(at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at_s / world.ends_at

    def y(hours: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * hours / top_h

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="24">{TITLE}</text>',
    ]
    parts += [
        f'<path class="grid" d="M{LEFT} {y(hours):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 8}" y="{y(hours) + 4:.1f}" text-anchor="end">{hours}</text>'
        for hours in range(0, top_h + 1, step_h)
    ]
    years = int(world.ends_at / YEAR_S)
    parts += [
        f'<text x="{x(year * YEAR_S):.1f}" y="{HEIGHT - 14}" text-anchor="middle">{year}</text>'
        for year in range(0, years + 1, max(1, years // 5))
    ]
    parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{HEIGHT - 14}">years</text>')
    for place, label_y in zip(_ranked(designs), _spread(designs, y), strict=True):
        design, colour = designs[place], COLOURS[place % len(COLOURS)]
        line = " ".join(f"{x(at):.1f},{y(hours):.1f}" for at, hours in _sums(design, world))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}"'
            f' stroke-width="{3 if place == 0 else 1.6}"/>'
            f'<text x="{WIDTH - RIGHT + 12}" y="{label_y:.1f}" style="fill:{colour}">'
            f"{design.without_s / HOUR_S:.0f} h  {design.name}</text>"
        )
    return "\n".join([*parts, "</svg>\n"])


def _sums(design: Design, world: World) -> list[tuple[float, float]]:
    """The sum of hours at the end of each fortnight."""
    sums, total_s, pending = [(0.0, 0.0)], 0.0, list(design.without)
    at = 0.0
    while at < world.ends_at:
        at = min(at + 14 * DAY_S, world.ends_at)
        while pending and pending[0][0] < at:
            start, end = pending.pop(0)
            total_s += end - start
        sums.append((at, total_s / HOUR_S))
    return sums


def _ranked(designs: list[Design]) -> list[int]:
    return sorted(range(len(designs)), key=lambda place: -designs[place].without_s)


def _spread(designs: list[Design], y: Callable[[float], float]) -> list[float]:
    """Where the labels go: beside the ends of their lines, and not on top of each other."""
    places: list[float] = []
    for place in _ranked(designs):
        wanted = y(designs[place].without_s / HOUR_S) + 4
        places.append(max(wanted, places[-1] + 17) if places else wanted)
    overflow = max(0.0, places[-1] - (HEIGHT - BOTTOM + 4))
    return [place - overflow for place in places]


def main() -> int:
    """Live through the decade, write the drawing to the file that is named, print the table."""
    world, designs = live(Effort(), turn=0, days=YEARS * 365)
    Path(sys.argv[1]).write_text(draw(world, designs), "utf-8")
    print("| design | with a valid token | without, h | while tokens live shorter, h | mints |")
    print("|---|---|---|---|---|")
    for design in designs:
        print(
            f"| {design.name} | {design.share(world):.3%} | {design.without_s / HOUR_S:,.1f}"
            f" | {while_short_lived(design, world) / HOUR_S:,.1f} | {design.vault.minted:,} |"
        )
    print()
    for cause, seconds in explained(designs[0], world).items():
        print(f"- {seconds / HOUR_S:.1f} h: {cause}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
