"""docs/performance.md: the tables of the last published run, and its plots.

`publish` keeps a suite's data beside the page, and all else is made of that: tests/repo checks that
page and plots are what the data says.
"""

import re
from collections.abc import Callable  # noqa: TC003 - for a local variable only
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile
from xml.sax.saxutils import unescape

from tests.benchmarks.plot import bars
from tests.benchmarks.table import Figure, Table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
DATA = DOCS / "performance"
"""What the last run of each suite saved, and the plots of it."""


def publish(saved: Path) -> None:
    """Show the table that a suite has saved."""
    DATA.mkdir(exist_ok=True)
    kept = DATA / saved.name
    copyfile(saved, kept)
    table = Table.load(kept)
    for name, plot in plots(table).items():
        (DATA / f"{name}.svg").write_text(plot, "utf-8")
    PAGE.write_text(fill(PAGE.read_text("utf-8"), table), "utf-8")


def fill(page: str, table: Table) -> str:
    """The page with this suite's table between its two marks; raises ValueError without them."""
    start, end = f"<!-- {table.name}: begin -->", f"<!-- {table.name}: end -->"
    pictures = [f"![{_title(plot)}](performance/{name}.svg)" for name, plot in plots(table).items()]
    block = "\n\n".join([start, *pictures, table.markdown(), end])
    filled, count = re.subn(
        f"{re.escape(start)}.*{re.escape(end)}", lambda _: block, page, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"docs/performance.md: has no place for the suite {table.name}")
    return filled


def plots(table: Table) -> dict[str, str]:
    """The plots of a suite, by name: its own, or how near each figure came to its limit."""
    name = f"tests.benchmarks.{table.name}"
    suite = import_module(name) if find_spec(name) else None
    draw: Callable[[Table], dict[str, str]] | None = getattr(suite, "draw", None)
    if draw is not None:
        return draw(table)
    shares = {each.name: share for each in table.figures if (share := _share(each)) is not None}
    if not shares:
        return {}
    return {
        table.name: bars(
            shares,
            title=f"{table.title}: how much of each limit is used",
            caption=f"{table.measured_at[:10]}, {table.measured_on()}",
            ours=shares,
            marker=("the limit", 1.0),
        )
    }


def _share(figure: Figure) -> float | None:
    """How much of its limit a figure uses: above one it is missed."""
    if figure.at_most:
        return figure.value / figure.at_most
    if figure.at_least and figure.value:
        return figure.at_least / figure.value
    return None


def _title(plot: str) -> str:
    found = re.search(r"<title>(.*)</title>", plot)
    return unescape(found[1]) if found else ""
