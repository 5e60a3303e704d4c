"""Measuring by paired rounds: each round runs everything once, and gives one ratio of each pair.

What slows the machine down for a while slows both halves of a pair, so the median of the ratios
says more than the ratio of two bests, and their quartiles say how far to believe it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Self, TypeVar

Measured = TypeVar("Measured")

RUNTIME = str(Path(__file__).parents[2] / "build" / "runtime" / "bin" / "python")
"""Has the run-time dependencies alone; `make build/runtime/complete`, as `make bench`, makes it."""

# What the kernel calls the peak memory of a process begins with that of the one that started it,
# so the one that starts them is as small as an interpreter can be. Its only imports are these.
_LAUNCHER = """
import json, os, sys, time
null = os.open(os.devnull, os.O_RDWR)
quiet = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
for line in sys.stdin:
    argv, environment = json.loads(line)
    started_s = time.perf_counter()
    process = os.posix_spawn(argv[0], argv, environment, file_actions=quiet)
    _, status, used = os.wait4(process, 0)
    wall_s = time.perf_counter() - started_s
    cost = [wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss]
    print(json.dumps([os.waitstatus_to_exitcode(status), cost]), flush=True)
"""


def use_byte_code(package: Path, interpreters: Iterable[str]) -> None:
    """Compile the package once for each interpreter, and let the processes use that.

    Installing the peers has compiled them. PYTHONDONTWRITEBYTECODE would have our modules compiled
    in every process, and none of the peers'. An interpreter that is not there is left out.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for interpreter in filter(os.path.exists, interpreters):
        subprocess.run([interpreter, "-m", "compileall", "-qq", str(package)], check=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds from start to end, seconds of processor, peak memory."""

    wall_s: float
    cpu_s: float
    peak_kb: float


class Launcher:
    """Runs processes to their end, one after the other, and says what each took."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it works until its input ends

    def cost(self, argv: Sequence[str], environment: Mapping[str, str]) -> Cost:
        """Run it with no output to be seen; raises RuntimeError if its exit code is not 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([argv, dict(environment)]), file=self._process.stdin, flush=True)
        exit_code, cost = json.loads(self._process.stdout.readline())
        if exit_code != 0:
            raise RuntimeError(f"{argv[1:4]}: ended with {exit_code}")
        return Cost(*cost)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of one thing to another: the median of the rounds, and their quartiles."""

    value: float
    low: float
    high: float

    @classmethod
    def paired(cls, ours: Sequence[float], theirs: Sequence[float]) -> "Ratio":
        """From what both took, round by round."""
        return cls.of([mine / other for mine, other in zip(ours, theirs, strict=True)])

    @classmethod
    def of(cls, values: Sequence[float]) -> "Ratio":
        """From one value for each round, of which there are at least two."""
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)


def in_turn(
    runs: Mapping[str, Callable[[], Measured]], *, rounds: int, warm_up: int = 1
) -> dict[str, list[Measured]]:
    """What each run gave in each round, those of the `warm_up` left out.

    Every other round goes backwards: then none always follows the same neighbour.
    """
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for turn in range(warm_up + rounds):
        names = list(runs)[:: 1 if turn % 2 else -1]
        for name in names:
            measured = runs[name]()
            if turn >= warm_up:
                found[name].append(measured)
    return found
