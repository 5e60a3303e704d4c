"""Runs the `aws` command, with its own settings (profile, region, endpoint)."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any


class DeployError(Exception):
    """A problem that ends the deployment; the text says what to do."""


def attempt(*args: str) -> subprocess.CompletedProcess[str]:
    """Run it; the caller checks the exit code."""
    command = shutil.which("aws")
    if command is None:
        raise DeployError("aws: not installed; see https://docs.aws.amazon.com/cli/")
    return subprocess.run(
        [command, "--output", "json", *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def call(*args: str) -> str:
    """Run it, and return its output; raises DeployError with its error message."""
    done = attempt(*args)
    if done.returncode != 0:
        raise DeployError(f"aws {' '.join(args[:2])}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def call_json(*args: str) -> dict[str, Any]:
    """As `call`, with the output parsed as JSON."""
    value: dict[str, Any] = json.loads(call(*args))
    return value
