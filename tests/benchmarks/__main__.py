"""`python -m tests.benchmarks [SUITE ...]`: measure, print, and leave tables in build/bench/.

A suite is a module here with `run() -> Table`, and, if it has a plot, `draw(table) -> str` (SVG).
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

SUITES = ("job", "reader", "package", "fleet")
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "bench"


def main() -> int:
    """Run the suites; 0 if every goal was reached."""
    there = [name for name in SUITES if find_spec(f"tests.benchmarks.{name}") is not None]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(there))
    parser.add_argument("--publish", action="store_true", help="also write docs/SUITE-bench.svg")
    args = parser.parse_args()
    if unknown := set(args.suites) - set(there):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    missed = 0
    for name in args.suites or there:
        suite = import_module(f"tests.benchmarks.{name}")
        table = suite.run()
        print(table.text(), end="\n\n")
        print(table.save(RESULTS).relative_to(ROOT))
        if hasattr(suite, "draw"):
            plot = suite.draw(table)
            (RESULTS / f"{name}.svg").write_text(plot, "utf-8")
            if args.publish:
                (ROOT / "docs" / f"{name}-bench.svg").write_text(plot, "utf-8")
        missed += sum(each.met is False for each in table.figures)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
