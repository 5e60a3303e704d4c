"""The releases before this one, out of the history of the repository."""

import subprocess
from pathlib import Path

from tests.support.processes import ROOT, run_to_end

FIRST_WITH_LAYERS = "rotator/model/__init__.py"
"""0.1.0 ended with the commit before the one that added this file."""


def check_out_first_release(folder: Path) -> Path | None:
    """Write the files of 0.1.0 into `folder`; None where the history does not reach that far."""
    added = _git("log", "--diff-filter=A", "--format=%H", "--", FIRST_WITH_LAYERS).split()
    if not added or not _git("rev-parse", "--verify", "--quiet", f"{added[-1]}^"):
        return None
    archive = subprocess.Popen(
        ["git", "archive", f"{added[-1]}^"],  # noqa: S607
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with archive:
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)  # noqa: S607
    return folder


def _git(*args: str) -> str:
    return run_to_end("git", *args).stdout.strip()
