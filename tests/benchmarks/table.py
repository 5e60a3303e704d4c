"""What a suite of benchmarks gives back: figures that are ratios or counts of one run."""

import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.measure import Ratio

NOISY = 0.15
"""Which share of a value its spread has at most, unless the machine was busy with other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line: what was measured against what, and whether it is as good as it is meant to be.

    `value` is the ratio or the count; `spread` its lower and upper quartile, where it is the median
    of many rounds; `at_most` and `at_least` are its goal (neither: no goal); `detail` says in words
    what it was made of, `raw` in numbers with units in their names.
    """

    name: str
    value: float
    spread: tuple[float, float] | None = None
    at_most: float | None = None
    at_least: float | None = None
    detail: str = ""
    raw: Mapping[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.at_most is None and self.at_least is None:
            return None
        high = self.at_most is None or self.value <= self.at_most
        low = self.at_least is None or self.value >= self.at_least
        return high and low

    @property
    def is_noisy(self) -> bool:
        """Whether the rounds differed so much that the value says little."""
        return self.spread is not None and self.spread[1] - self.spread[0] > NOISY * self.value

    @property
    def mark(self) -> str:
        """How it stands to its goal, in a word or two."""
        stands = {True: "met", False: "MISSED", None: ""}[self.met]
        return " ".join(filter(None, (stands, "noisy" if self.is_noisy else "")))

    @property
    def goal(self) -> str:
        parts = []
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:g}")
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        return ", ".join(parts)

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """What stands in each column of a table."""
        spread = " to ".join(map(short, self.spread or ()))
        return self.name, short(self.value), spread, self.goal, self.mark, self.detail


def compare(
    name: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    unit: str = "ms",
    scale: float = 1.0,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Figure:
    """Ours to theirs, from paired rounds; `scale` turns what was measured into `unit`."""
    ratio = Ratio.paired(ours, theirs)
    mine, other = median(ours) * scale, median(theirs) * scale
    return Figure(
        name=name,
        value=ratio.value,
        spread=(ratio.low, ratio.high),
        at_most=at_most,
        at_least=at_least,
        detail=f"{short(mine)} {unit} against {short(other)}",
        raw={f"ours_{unit}": mine, f"theirs_{unit}": other},
    )


def short(value: float) -> str:
    """With three digits, or all those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


COLUMNS = ("figure", "value", "half of the rounds", "goal", "mark", "made of")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All figures of one suite; `versions` are those of the packages it was measured against."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    measured: str = ""
    measured_at: str = ""

    @classmethod
    def load(cls, path: Path) -> "Table":
        content = json.loads(path.read_text("utf-8"))
        figures = []
        for fields in content["figures"]:
            fields.pop("met")
            spread = tuple(fields["spread"]) if fields.get("spread") else None
            figures.append(Figure(**fields | {"spread": spread}))
        return cls(
            name=content["suite"],
            title=content["title"],
            figures=tuple(figures),
            measured=content["measured"],
            measured_at=content["measured_at"],
        )

    def raw(self, name: str) -> Mapping[str, float]:
        """The numbers that the figure of this name was made of."""
        return next(each.raw for each in self.figures if each.name == name)

    def text(self) -> str:
        rows = [COLUMNS, *(each.cells() for each in self.figures)]
        last = len(COLUMNS) - 1
        widths = [max(len(row[column]) for row in rows) for column in range(last)]
        lines = [self.title, ""]
        lines += [
            "  ".join([*(row[n].ljust(widths[n]) for n in range(last)), row[last]]).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, "", f"measured {self.measured_on()}"])

    def markdown(self) -> str:
        """The table for a page; what is missed stands in bold."""
        rows = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        for each in self.figures:
            cells = list(each.cells())
            if each.met is False:
                cells[4] = f"**{cells[4]}**"
            rows.append(f"| {' | '.join(cells)} |")
        return "\n".join([*rows, "", f"Measured on {self.measured_at[:10]} {self.measured}."])

    def measured_on(self) -> str:
        """The interpreter and the packages, in words."""
        if self.measured:
            return self.measured
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return f"on {python}, {sys.platform}" + (f", with {packages}" if packages else "")

    def save(self, folder: Path) -> Path:
        """Write it as JSON; answers with the file."""
        folder.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            "suite": self.name,
            "title": self.title,
            "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "measured": self.measured_on(),
            "figures": [
                asdict(each) | {"met": each.met, "raw": dict(each.raw)} for each in self.figures
            ],
        }
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        return path


def versions(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
