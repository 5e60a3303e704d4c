"""`python -m tests.benchmarks [SUITE ...]`: measure, print, and leave tables in build/bench/.

It is a report: a goal that is missed is marked, and fails the run with --strict only. A suite is a
module here with `run() -> Table`, and, if it has plots, `draw(table) -> dict[str, str]` (the name
of each to its SVG).
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.measure import RUNTIME, use_byte_code
from tests.benchmarks.page import publish

SUITES = ("job", "reader", "mint", "package", "fleet")
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "bench"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suites; 1 if --strict is given and a goal was missed."""
    there = [name for name in SUITES if find_spec(f"tests.benchmarks.{name}") is not None]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(there))
    parser.add_argument("--strict", action="store_true", help="end with 1 if a goal is missed")
    parser.add_argument(
        "--publish", action="store_true", help="show this run in docs/performance.md"
    )
    args = parser.parse_args(argv)
    if unknown := set(args.suites) - set(there):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    use_byte_code(ROOT / "rotator", (sys.executable, RUNTIME))
    missed = []
    for name in args.suites or there:
        table = import_module(f"tests.benchmarks.{name}").run()
        print(table.text(), end="\n\n", flush=True)
        saved = table.save(RESULTS)
        print(saved.relative_to(ROOT))
        if args.publish:
            publish(saved)
        missed += [f"{name}: {each.name}" for each in table.figures if each.met is False]
    if missed:
        print(f"\n{len(missed)} missed:", *missed, sep="\n  ")
    return 1 if missed and args.strict else 0


if __name__ == "__main__":
    sys.exit(main())
