"""`make prove`: every row of the evidence, and the table that it ends with."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.bad_input import bad_input
from tests.faults.decade import decade
from tests.faults.kills import kills_at_calls, kills_at_random, signals
from tests.faults.leaks import leaks
from tests.faults.matrix import fault_pairs, single_faults
from tests.faults.races import races, races_of_processes
from tests.faults.row import Effort, Row
from tests.faults.scenarios import interleavings
from tests.faults.table import as_markdown, as_text

if TYPE_CHECKING:
    from collections.abc import Callable

# The longest first: the last one to start decides when all is done.
ROWS: dict[str, Callable[[Effort], Row]] = {
    "faults": single_faults,
    "decade": decade,
    "processes": races_of_processes,
    "leaks": leaks,
    "pairs": fault_pairs,
    "input": bad_input,
    "kills": kills_at_calls,
    "random-kills": kills_at_random,
    "races": races,
    "signals": signals,
    "protocol": interleavings,
}


def _run(name: str, effort: Effort) -> tuple[str, Row, float]:
    began = time.monotonic()
    return name, ROWS[name](effort), time.monotonic() - began


def main() -> int:
    """Run the rows side by side and print the table; 1 if a promise was broken."""
    args = _parsed()
    effort = Effort(seed=args.seed, long=args.long, case=args.case)
    names = [args.row] if args.row else list(ROWS)
    done: dict[str, tuple[Row, float]] = {}
    context = get_context("spawn")  # a fork would carry the servers' threads along half-way
    with ProcessPoolExecutor(args.jobs, mp_context=context) as pool:
        for future in as_completed([pool.submit(_run, name, effort) for name in names]):
            name, row, took_s = future.result()
            done[name] = row, took_s
            print(
                f"{row.name}: {row.count} {row.counted}, {len(row.violations)} violations,"
                f" {took_s:.0f} s",
                flush=True,
            )
            for violation in row.violations[:20]:
                print(f"  VIOLATION {violation}", flush=True)
    rows = {name: done[name] for name in names}
    print(f"\n{as_text(rows, effort)}")
    if args.markdown:
        Path(args.markdown).write_text(as_markdown(rows, effort), "utf-8")
    tried = all(row.count for row, _ in rows.values())
    if not tried:
        print("nothing was tried: there is no such case", file=sys.stderr)
    return 0 if tried and not any(row.violations for row, _ in rows.values()) else 1


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--row", choices=list(ROWS), help="this row only")
    parser.add_argument("--case", help="this case only, by the name that the table gives it")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn")
    parser.add_argument("--long", action="store_true", help="all there is to try, for hours")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="rows side by side")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    args = parser.parse_args()
    if args.case and not args.row:
        parser.error("--case needs its --row")
    return args


if __name__ == "__main__":
    sys.exit(main())
