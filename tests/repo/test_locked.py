"""Two `make` at once in one checkout take turns."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_command_runs_while_nobody_else_can(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    script = shutil.copy(ROOT / "infra" / "locked.py", tmp_path / "infra")
    (tmp_path / "Makefile").touch()
    process = subprocess.Popen(
        [sys.executable, script, "sh", "-c", "echo started; read line; exit 7"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"

    with (tmp_path / "Makefile").open("rb") as another:
        with pytest.raises(BlockingIOError):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.communicate("go on\n")
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)

    assert process.returncode == 7


def test_environment_is_set_up_under_that_lock() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").split("$(VENV)/%.stamp:")[1].split("\n\n")[0]

    assert "infra/locked.py $(MAKE) --no-print-directory set-up-$*" in recipe
