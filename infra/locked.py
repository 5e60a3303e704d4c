"""Runs a command under a lock of this checkout: `python infra/locked.py COMMAND ...`.

Otherwise two `make` at once would delete each other's incomplete .venv. The lock is on the
Makefile, and ends with this process.
"""

import fcntl
import subprocess
import sys
from pathlib import Path

_WAITING = (
    "waiting for another make in this checkout to finish; `fuser {makefile}` lists its process, and"
    " those that wait; Ctrl-C ends this one"
)


def main() -> int:
    """Run the command; returns its exit code."""
    makefile = Path(__file__).parents[1] / "Makefile"
    with makefile.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(_WAITING.format(makefile=makefile), file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
