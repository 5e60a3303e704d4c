"""The rows as a table, on a terminal and in the documentation."""

from collections.abc import Mapping

from tests.evidence.row import Effort, TableRow

HEAD = ("what", "promises", "tried", "violations", "seconds", "to repeat one case")


def as_text(rows: Mapping[str, tuple[TableRow, float]], effort: Effort) -> str:
    """Columns of equal width, and below them what the rows have to tell besides."""
    cells = [HEAD, *(_cells(name, row, took_s, effort) for name, (row, took_s) in rows.items())]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEAD))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines += ["", *(f"{row.name}: {note}" for row, _ in rows.values() for note in row.notes)]
    broken = sum(len(row.violations) for row, _ in rows.values())
    return "\n".join([*lines, f"seed {effort.seed}: {broken} violations"])


def as_markdown(rows: Mapping[str, tuple[TableRow, float]], effort: Effort) -> str:
    lines = [_line(HEAD), _line(("---",) * len(HEAD))]
    for name, (row, took_s) in rows.items():
        *cells, command = _cells(name, row, took_s, effort)
        lines.append(_line((*cells, f"`{command}`")))
    notes = [f"- {row.name}: {note}" for row, _ in rows.values() for note in row.notes]
    return "\n".join([*lines, "", *notes, ""])


def _cells(name: str, row: TableRow, took_s: float, effort: Effort) -> tuple[str, ...]:
    seed = f" --seed {effort.seed}" if effort.seed != 1 else ""
    command = f"python -m tests.evidence --row {name}{seed} --case '{row.example}'"
    counted = f"{row.count:,} {row.counted}"
    return row.name, row.promise, counted, str(len(row.violations)), f"{took_s:.0f}", command


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
