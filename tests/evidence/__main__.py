"""`make prove`: every row of the evidence, and the table that it ends with."""

import argparse
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from tests.evidence.row import Effort, TableRow
from tests.evidence.rows import ROWS, run_row
from tests.evidence.table import as_markdown, as_text


def main() -> int:
    """Run the rows side by side and print the table; 1 if a promise was broken."""
    args = _parsed()
    # Ignored since a shell put us in the background, it would stay so in what is to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    effort = Effort(seed=args.seed, long=args.long, case=args.case)
    names = [args.row] if args.row else list(ROWS)
    done: dict[str, tuple[TableRow, float]] = {}
    context = get_context("spawn")  # a fork would carry the servers' threads along half-way
    with ProcessPoolExecutor(args.jobs, mp_context=context) as pool:
        for future in as_completed([pool.submit(run_row, name, effort) for name in names]):
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
    parser = argparse.ArgumentParser(prog="python -m tests.evidence", description=__doc__)
    parser.add_argument("--row", choices=list(ROWS), help="this row only")
    parser.add_argument("--case", help="this case only, by the name that the table gives it")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn")
    parser.add_argument(
        "--long", action="store_true", help="several times as many cases, for about an hour"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="rows side by side")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    args = parser.parse_args()
    if args.case and not args.row:
        parser.error("--case needs its --row")
    return args


if __name__ == "__main__":
    sys.exit(main())
