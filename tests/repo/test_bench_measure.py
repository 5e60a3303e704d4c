"""How `make bench` measures: in turn, in pairs, and each process by itself."""

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.measure import Launcher, Ratio, in_turn, use_byte_code


def test_measured_package_is_compiled_even_where_the_environment_forbids_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "module.py").touch()

    use_byte_code(tmp_path, (sys.executable, str(tmp_path / "no-python")))

    assert list(tmp_path.glob("__pycache__/module.*.pyc"))
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ


def test_each_round_runs_everything_once_and_every_other_one_backwards() -> None:
    order: list[str] = []

    def run(name: str) -> int:
        order.append(name)
        return len(order)

    found = in_turn({name: partial(run, name) for name in "abc"}, rounds=2)
    assert "".join(order) == "cbaabccba"
    assert found == {"a": [4, 9], "b": [5, 8], "c": [6, 7]}


def test_ratio_is_taken_pair_by_pair() -> None:
    # The machine was ten times slower in the second round, for both.
    ratio = Ratio.paired([1.0, 10.0, 1.0], [2.0, 20.0, 2.0])
    assert (ratio.low, ratio.value, ratio.high) == (0.5, 0.5, 0.5)


def test_process_is_measured_without_what_started_it() -> None:
    with Launcher() as launcher:
        here = bytearray(os.urandom(1) * 200_000_000)  # its pages are really there
        small = launcher.cost([sys.executable, "-c", "pass"], os.environ)
        large = launcher.cost([sys.executable, "-c", "bytearray(b'x') * 60_000_000"], os.environ)
        del here
    assert small.peak_kb < 50_000 < large.peak_kb
    assert small.cpu_s > 0
    assert small.wall_s > 0


def test_process_that_fails_is_no_measurement() -> None:
    with Launcher() as launcher:
        with pytest.raises(RuntimeError, match="ended with 3"):
            launcher.cost([sys.executable, "-c", "raise SystemExit(3)"], os.environ)
        assert launcher.cost([sys.executable, "-c", "pass"], os.environ).wall_s > 0
