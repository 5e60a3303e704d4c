"""Commands one after another in one process: `python -m tests.support.command_worker`.

Each line of its input is an object with `args`, `env` and `stdin`; each line of its output has the
`code`, `out` and `err` of that command. It is for many runs that differ in their environment alone:
most of a process's time goes into importing the SDK.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self


class CommandWorker:
    """The process, from this side; it has no terminal, and its user lives at `home`.

    The SDK asks once, when it is imported, where that is.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.command_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"HOME": str(self._home)},
            start_new_session=True,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(
        self, *args: str, env: Mapping[str, str], stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"args": args, "env": dict(env), "stdin": stdin}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        told = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(args, told["code"], told["out"], told["err"])


def main() -> None:
    from rotator.cli import main as run_command

    lines, answers = sys.stdin, sys.stdout
    for line in lines:
        asked: dict[str, Any] = json.loads(line)
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.stdin, out, err = io.StringIO(asked["stdin"]), io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_command(asked["args"])
        told = {"code": code, "out": out.getvalue(), "err": err.getvalue()}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
