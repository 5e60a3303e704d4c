"""Pictures of the documentation, drawn as SVG from what they show.

`python -m tests.support.drawing` draws docs/architecture.svg from the resources of the template,
and docs/demo.svg from the output of the demo.
"""

import re
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).parents[2] / "docs"
INK, EDGE, FILL, DARK, LIGHT = "#24292f", "#57606a", "#f6f8fa", "#161b22", "#e6edf3"
# Where each resource stands (column, row) and what stands in its box; names without a resource
# of the template are outside of it.
BOXES = {
    "UndeliveredTicks": (0, 0, "a queue with an alarm"),
    "FailedRuns": (1, 0, "a queue"),
    "AlarmTopic": (2, 0, "e-mail"),
    "Schedule": (0, 1, "every 15 minutes"),
    "Function": (1, 1, "rotator run"),
    "Provider": (2, 1, "token endpoint"),
    "CredentialsSecret": (0, 2, "client id and secret"),
    "TokenSecret": (1, 2, "access token, expiry"),
    "Consumers": (2, 2, "your services"),
}
OUTSIDE = ("Provider", "Consumers")
ARROWS = (
    ("Schedule", "Function", "starts"),
    ("Schedule", "UndeliveredTicks", "start failed"),
    ("Function", "FailedRuns", "failed twice"),
    ("Function", "Provider", "mints"),
    ("CredentialsSecret", "Function", "read by"),
    ("Function", "TokenSecret", "publishes"),
    ("TokenSecret", "Consumers", "read by"),
    ("FailedRuns", "AlarmTopic", "alarms"),
)
WIDTH, HEIGHT, STEP_X, STEP_Y, LEFT, TOP = 170, 54, 270, 110, 20, 20


def _corner(name: str) -> tuple[int, int]:
    column, row, _ = BOXES[name]
    return LEFT + column * STEP_X, TOP + row * STEP_Y


def _box(name: str) -> str:
    x, y = _corner(name)
    dash = ' stroke-dasharray="5 3"' if name in OUTSIDE else ""
    middle = x + WIDTH // 2
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{FILL}"'
        f' stroke="{EDGE}"{dash}/>'
        f'<text x="{middle}" y="{y + 23}" text-anchor="middle" font-weight="600">{name}</text>'
        f'<text x="{middle}" y="{y + 42}" text-anchor="middle">{escape(BOXES[name][2])}</text>'
    )


def _arrow(start: str, end: str, label: str) -> str:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    anchor, shift_x, shift_y = "middle", 0, -6  # above a horizontal arrow
    if y1 == y2:
        x1, y1 = x1 + WIDTH, y1 + HEIGHT // 2
        y2 = y1
    elif x1 == x2:
        x1, x2 = x1 + WIDTH // 2, x2 + WIDTH // 2
        y1, y2 = (y1 + HEIGHT, y2) if y1 < y2 else (y1, y2 + HEIGHT)
        anchor, shift_x, shift_y = "start", 8, 4  # to the right of a vertical one
    else:
        x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT
        anchor, shift_x, shift_y = "end", -8, -2  # to the left of one that rises
    x, y = (x1 + x2) // 2 + shift_x, (y1 + y2) // 2 + shift_y
    return (
        f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{EDGE}" marker-end="url(#head)"/>'
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12">{label}</text>'
    )


def architecture() -> str:
    """What the template makes, as boxes and arrows."""
    return "\n".join(
        [
            (
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 750 320" role="img"'
                f' font-family="system-ui,sans-serif" font-size="13" fill="{INK}">'
            ),
            "<title>The resources of infra/template.yaml</title>",
            (
                f'<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
                f' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="{EDGE}"/></marker>'
                "</defs>"
            ),
            '<rect width="750" height="320" fill="#ffffff"/>',
            *(_arrow(*each) for each in ARROWS),
            *(_box(name) for name in BOXES),
            '<text x="20" y="312" font-size="11">Dashed: not part of the template.</text>',
            "</svg>\n",
        ]
    )


def terminal(output: str, *, until: str) -> str:
    """The demo's output up to the line that begins with `until`, as a terminal shows it."""
    shown = output[: output.index(f"\n{until}")].rstrip().splitlines()
    height = 18 * len(shown) + 30
    lines = []
    for row, line in enumerate(shown):
        weight = ' font-weight="700"' if re.match(r"[0-9] |  [$]", line) else ""
        at = f'x="16" y="{28 + 18 * row}" xml:space="preserve"{weight}'
        lines.append(f"<text {at}>{escape(line)}</text>")
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" role="img"'
                f' font-family="ui-monospace,monospace" font-size="13" fill="{LIGHT}">'
            ),
            "<title>rotator demo, its first steps</title>",
            f'<rect width="860" height="{height}" rx="8" fill="{DARK}"/>',
            *lines,
            "</svg>\n",
        ]
    )


def main() -> int:
    (DOCS / "architecture.svg").write_text(architecture(), "utf-8")
    demo = subprocess.run(
        [sys.executable, "-m", "rotator", "demo"], capture_output=True, text=True, check=True
    )
    (DOCS / "demo.svg").write_text(terminal(demo.stdout, until="5 "), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
