"""`python -m infra.deploy` with the real aws command against ministack."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deployed.emulator import Emulator
from tests.deployed.stack import ROOT
from tests.support.processes import run_to_end

BUILDS_S = 600


@contextmanager
def aws_with_bucket(tools: Path, folder: Path, bucket: str) -> Iterator[Emulator]:
    """An AWS with this bucket and nothing else; a skip where there is no aws command."""
    if shutil.which("aws") is None:
        pytest.skip("no aws command on this machine")
    with Emulator(tools, folder) as running:
        running.client("s3").create_bucket(Bucket=bucket)
        yield running


def run_deploy(
    aws: Emulator, *args: str, cwd: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run it as make does, with nobody at the terminal."""
    environment = os.environ | aws.cli_environment() | variables
    command = (sys.executable, "-m", "infra.deploy", *args)
    return run_to_end(*command, env=environment, cwd=cwd, timeout_s=BUILDS_S)
