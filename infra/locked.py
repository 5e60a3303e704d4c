"""Runs a command under a lock of this checkout: `python infra/locked.py COMMAND ...`.

Otherwise two `make` at once would delete each other's incomplete .venv. The lock is on the
Makefile, and ends with this process.
"""

import fcntl
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the command; returns its exit code."""
    with (Path(__file__).parents[1] / "Makefile").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another make in this checkout", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
