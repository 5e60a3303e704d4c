"""Run a command while nobody else does so in this checkout: `python infra/locked.py COMMAND ...`.

Two `make` at once would otherwise take each other's half-made .venv for a broken one. The lock is
on the Makefile, which is there anyway, and ends with this process.
"""

import fcntl
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """The command's own exit code."""
    with (Path(__file__).parents[1] / "Makefile").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
