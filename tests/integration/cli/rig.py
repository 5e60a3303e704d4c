"""What the tests of the command line share."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.support.processes import run_to_end

Cli = Callable[..., subprocess.CompletedProcess[str]]
"""The fixtures `cli` and `inside`."""


def sh(script: str, *args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `$ROTATOR` is the command; `$1` and so on are `args`."""
    named = f"ROTATOR='{sys.executable} -m rotator'; {script}"
    return run_to_end("/bin/sh", "-c", named, "sh", *args, env=env)


def event(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one event of a run, and nothing else on standard error."""
    [line] = ended.stderr.splitlines()
    fields: dict[str, Any] = json.loads(line)
    return fields


def result(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(ended.stdout)
    return fields
