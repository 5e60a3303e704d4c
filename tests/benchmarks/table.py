"""What a suite of benchmarks gives back: figures that are ratios or counts of one run."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Figure", "Table", "versions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line: what was measured against what, and whether it is as good as it is meant to be.

    `value` is the ratio or the count; `at_most` and `at_least` are its goal (neither: no goal);
    `detail` says in words what it was made of, `raw` in numbers with units in their names.
    """

    name: str
    value: float
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
    def goal(self) -> str:
        """The goal in words."""
        parts = []
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:g}")
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All figures of one suite; `versions` are those of the packages it was measured against."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    versions: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The table for a terminal."""
        rows = [("figure", "value", "goal", "", "made of")]
        marks = {True: "met", False: "MISSED", None: ""}
        rows += [
            (each.name, f"{each.value:.3g}", each.goal, marks[each.met], each.detail)
            for each in self.figures
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [self.title, ""]
        lines += [
            "  ".join([*(row[n].ljust(widths[n]) for n in range(4)), row[4]]).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, "", f"measured {self.measured_on()}"])

    def measured_on(self) -> str:
        """The interpreter and the packages, in words."""
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return f"on {python}, {sys.platform}" + (f", with {packages}" if packages else "")

    def save(self, folder: Path) -> Path:
        """Write it as JSON; answers with the file."""
        folder.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            "suite": self.name,
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
    """The installed versions of these packages."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
