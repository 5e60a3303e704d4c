"""Both servers as real processes, one pair for the whole session, and the CLI as a subprocess.

Tests share the servers and nothing else: each gets its own names in Secrets Manager (`binding`)
and a token endpoint whose settings and counters start afresh (`local_ims`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rotator.demo.binding import LocalBinding
from rotator.demo.environment import isolated_environment, secrets_manager_client
from rotator.demo.ims_control import RemoteIms
from rotator.demo.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REPOSITORY = Path(__file__).parents[2]
TIMED_OUT = 124


@pytest.fixture(scope="session")
def _servers() -> Iterator[dict[str, str]]:
    environment = isolated_environment(os.environ)
    with (
        ServerProcess("rotator.demo.secrets_manager", environment=environment) as secrets_manager,
        ServerProcess("rotator.demo.ims", environment=environment) as ims,
    ):
        yield secrets_manager.announcement | ims.announcement


@pytest.fixture(scope="session")
def local_secrets_manager(_servers: dict[str, str]) -> str:
    """The endpoint URL of the local Secrets Manager, for `AWS_ENDPOINT_URL`."""
    return _servers["endpoint_url"]


@pytest.fixture
def local_ims(_servers: dict[str, str]) -> RemoteIms:
    """The local token endpoint, with default settings, no clients and counters at zero."""
    ims = RemoteIms(_servers["base_url"])
    ims.reset()
    return ims


@pytest.fixture
def aws_env(local_secrets_manager: str) -> dict[str, str]:
    """Environment for subprocesses: the local AWS, and nothing of the developer's own."""
    return isolated_environment(os.environ, endpoint_url=local_secrets_manager)


@pytest.fixture
def secrets_client(local_secrets_manager: str) -> Any:  # noqa: ANN401 - its methods are made at run time
    """A botocore client of the local Secrets Manager, to look behind the scenes."""
    return secrets_manager_client(local_secrets_manager)


@pytest.fixture
def binding(local_ims: RemoteIms) -> LocalBinding:
    """Credentials that the local token endpoint accepts, and names that no other test uses.

    Neither secret exists yet: `cli("init", *binding.selectors, stdin=binding.init_input())`.
    """
    return LocalBinding.register(local_ims, prefix=f"test/{uuid.uuid4()}")


@pytest.fixture
def cli(aws_env: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m rotator ARGS` to its end: `cli("run", ..., stdin="...", env={...})`.

    `env` is laid over `aws_env`, and a value of None takes a variable away. Never raises: a command
    that does not end in `timeout_s` is killed and answers 124, as timeout(1) does.
    """

    def run(
        *args: str,
        stdin: str = "",
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rotator", *args]
        environment = {k: v for k, v in {**aws_env, **(env or {})}.items() if v is not None}
        try:
            return subprocess.run(
                command,
                input=stdin,
                env=environment,
                cwd=REPOSITORY,
                timeout=timeout_s,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            return subprocess.CompletedProcess(
                command, TIMED_OUT, _text(expired.stdout), _text(expired.stderr)
            )

    return run


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
