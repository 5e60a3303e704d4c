"""What a first token adds to the start of a Lambda function, with the reader and with boto3.

A function that does nothing is taken off both: its start is AWS's and Python's.
"""

import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from infra.package import byte_compile
from tests.benchmarks.measure import in_turn
from tests.benchmarks.reader_cold import READ, READ_BY_BOTO3, READ_BY_FIVE_ROOTS, served
from tests.benchmarks.table import Figure, compare
from tests.deployed.runtime_api import RuntimeProcess

ROUNDS = 9
GOAL, FIVE_ROOTS_GOAL = 0.20, 0.10
PACKAGE = Path(__file__).parents[2] / "rotator"
HANDLER = "\ndef handler(event, context):\n    return {}\n"


class Start(NamedTuple):
    """What a function took from the start of the interpreter to the answer to its first event."""

    wall_s: float
    cpu_s: float


class _Function(NamedTuple):
    task: Path
    handler: str
    environment: Mapping[str, str]


def init_figures(folder: Path, python: str, *, runtime_client: Path, plain: Path) -> list[Figure]:
    """Measure with the runtime client; `plain` is a task folder with boto3."""
    (folder / "init").mkdir()
    with served(folder / "init") as (environments, roots):
        whole, five = environments["whole_bundle"], environments["five_roots"]
        by_five_roots = READ_BY_FIVE_ROOTS.replace("{roots!r}", repr(roots))
        stand_in = Path(five["PYTHONPATH"]) / "certifi"
        ours, theirs = folder / "reader-task", folder / "boto3-task"
        _copy_reader(ours)
        shutil.copytree(stand_in, ours / "certifi")
        shutil.copytree(plain, theirs, copy_function=shutil.copyfile)
        functions = {
            "bare": _function(ours, "bare", "", whole, python),
            "reader": _function(ours, "reader", READ, whole, python),
            "five": _function(ours, "five", by_five_roots, five, python),
            "boto3": _function(theirs, "by_boto3", READ_BY_BOTO3, whole, python),
        }
        taken = in_turn(
            {
                name: partial(_start, function, python, runtime_client)
                for name, function in functions.items()
            },
            rounds=ROUNDS,
        )
    return [
        compare(
            f"added to a function's start, {label}, times boto3: {what}",
            _added_s(taken, name, field),
            _added_s(taken, "boto3", field),
            scale=1000,
            at_most=goal,
        )
        for label, name, goal in (
            ("a whole CA bundle", "reader", GOAL),
            ("Amazon's five roots", "five", FIVE_ROOTS_GOAL),
        )
        for what, field in (("wall", "wall_s"), ("CPU", "cpu_s"))
    ]


def _added_s(taken: Mapping[str, list[Start]], name: str, field: str) -> list[float]:
    return [
        getattr(each, field) - getattr(bare, field)
        for each, bare in zip(taken[name], taken["bare"], strict=True)
    ]


def _copy_reader(task: Path) -> None:
    """As docs/reader.md says under "A small installation"."""
    (task / "rotator" / "aws").mkdir(parents=True)
    for name in ("reader", "wire"):
        shutil.copytree(PACKAGE / name, task / "rotator" / name)
    shutil.copy(PACKAGE / "errors.py", task / "rotator")
    for pattern in ("error*.py", "sdk*.py"):
        for path in (PACKAGE / "aws").glob(pattern):
            shutil.copy(path, task / "rotator" / "aws")


def _function(
    task: Path, name: str, at_import: str, environment: Mapping[str, str], python: str
) -> _Function:
    (task / f"{name}.py").write_text(at_import + HANDLER, "utf-8")
    byte_compile(task, python)
    return _Function(task, f"{name}.handler", environment)


def _start(function: _Function, python: str, runtime_client: Path) -> Start:
    """From the start of the interpreter to the answer to the first event."""
    started_s = time.perf_counter()
    with RuntimeProcess(
        python,
        task=function.task,
        runtime_client=runtime_client,
        handler=function.handler,
        environment=function.environment,
    ) as process:
        answer = process.invoke({})
        if answer.failed:
            raise RuntimeError(f"{function.handler}: did not start")
        return Start(time.perf_counter() - started_s, process.cpu_s())
