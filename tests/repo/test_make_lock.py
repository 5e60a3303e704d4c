"""Two `make` at once in one checkout: the second one waits for the first."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WAITS_FOR_A_LINE = "echo started; read line; exit 7"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "infra").mkdir()
    shutil.copy(ROOT / "infra" / "locked.py", tmp_path / "infra")
    (tmp_path / "Makefile").touch()
    return tmp_path


def test_command_has_the_checkout_for_itself_and_gives_it_back(checkout: Path) -> None:
    program = str(checkout / "infra" / "locked.py")
    command = [sys.executable, program, "sh", "-c", WAITS_FOR_A_LINE]
    with (
        (checkout / "Makefile").open("rb") as lock,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as running,
    ):
        assert running.stdout is not None
        assert running.stdout.readline() == "started\n"
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second = subprocess.Popen(
            [sys.executable, program, "true"], stderr=subprocess.PIPE, text=True
        )
        with second:
            assert second.stderr is not None
            said = second.stderr.readline()
            assert said.startswith("waiting for another make in this checkout to finish; ")
            assert str(checkout / "Makefile") in said  # whose process, and how to find it
            running.communicate("go on\n")
        assert (running.returncode, second.returncode) == (7, 0)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_every_environment_is_set_up_under_the_lock() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert "infra/locked.py $(MAKE) --no-print-directory set-up-$*" in makefile
