"""The `aws` command, whose settings (profile, region, endpoint) apply."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any


class DeployError(Exception):
    """Something stands in the way; the text says what, and what to do."""


def attempt(*args: str) -> subprocess.CompletedProcess[str]:
    """Run it; the caller looks at how it ended."""
    command = shutil.which("aws")
    if command is None:
        raise DeployError("aws: not installed; https://docs.aws.amazon.com/cli/ says how")
    return subprocess.run(
        [command, "--output", "json", *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def call(*args: str) -> str:
    """What it prints; raises DeployError with its own words if it fails."""
    done = attempt(*args)
    if done.returncode != 0:
        raise DeployError(f"aws {' '.join(args[:2])}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def call_json(*args: str) -> dict[str, Any]:
    """The same, as the object that it prints."""
    value: dict[str, Any] = json.loads(call(*args))
    return value
