"""A strict Secrets Manager and a token endpoint for the whole session, and the CLI as a subprocess.

Tests share the servers and nothing else: each gets its own names in Secrets Manager (`binding`)
and a token endpoint whose settings and counters start afresh (`ims`).
"""

import io
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
import structlog

from rotator.cli import main
from rotator.local.binding import LocalBinding
from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.ims_control import RemoteIms
from rotator.local.server_process import ServerProcess
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import OLD, Vault
from tests.strict_aws.service import StrictSecretsManager
from tests.support.processes import run_to_end
from tests.support.traces import CLIENT_SECRET, STORED_TOKEN
from tests.support.wire import Wire


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tracer of coverage sees nothing of a command that is a process of its own."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "cli" in fixtures and "inside" not in fixtures:
            item.add_marker("untraced")


@pytest.fixture(scope="session")
def _servers() -> Iterator[dict[str, str]]:
    environment = isolated_environment(os.environ)
    with (
        Wire(StrictSecretsManager()) as secrets_manager,
        ServerProcess("rotator.local.ims", environment=environment) as ims,
    ):
        yield {"endpoint_url": secrets_manager.endpoint_url} | ims.announcement


@pytest.fixture(scope="session")
def local_secrets_manager(_servers: dict[str, str]) -> str:
    """The endpoint URL of the local Secrets Manager, for `AWS_ENDPOINT_URL`."""
    return _servers["endpoint_url"]


@pytest.fixture
def ims(_servers: dict[str, str]) -> RemoteIms:
    """The local token endpoint, with default settings, no clients and counters at zero."""
    ims = RemoteIms(_servers["base_url"])
    ims.reset()
    return ims


@pytest.fixture
def aws_env(local_secrets_manager: str) -> dict[str, str]:
    """Environment for subprocesses: the local AWS, and nothing of the developer's own."""
    return isolated_environment(os.environ, endpoint_url=local_secrets_manager)


@pytest.fixture(scope="session")
def secrets_client(local_secrets_manager: str) -> Any:  # noqa: ANN401 - its methods are made at run time
    """A botocore client of the local Secrets Manager, to look behind the scenes."""
    return secrets_manager_client(local_secrets_manager)


@pytest.fixture
def binding(ims: RemoteIms) -> LocalBinding:
    """Credentials that the local token endpoint accepts, and names that no other test uses.

    Neither secret exists yet: `cli("init", *binding.selectors, stdin=binding.init_input())`.
    """
    return LocalBinding.register(ims, prefix=f"test/{uuid.uuid4()}")


@pytest.fixture
def vault(binding: LocalBinding, secrets_client: Any) -> Vault:  # noqa: ANN401 - as above
    """Both secrets of `binding` as they are stored: the credentials, and a token secret without a
    value.
    """
    vault = Vault.of(binding, secrets_client)
    vault.create()
    return vault


@pytest.fixture
def fresh(vault: Vault) -> Vault:
    """The same with a token that was just issued."""
    vault.put_token()
    return vault


@pytest.fixture
def planted(vault: Vault, ims: RemoteIms) -> Vault:
    """A client secret and a due token that are canaries."""
    ims.configure(clients={vault.client_id: [CLIENT_SECRET]})
    vault.put_credentials(client_secret=CLIENT_SECRET)
    vault.put_token(age=OLD, access_token=STORED_TOKEN)
    return vault


@pytest.fixture
def front(local_secrets_manager: str) -> Iterator[Front]:
    """A stand-in before the local Secrets Manager: `env=front.env` leads a command through it."""
    with Front(local_secrets_manager) as front:
        yield front


@pytest.fixture(scope="session")
def _sdk_data() -> Iterator[None]:
    """The SDK's data files, read once: most of what a command costs that runs in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture
def inside(
    _sdk_data: None,
    aws_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Cli]:
    """As `cli`, within this process: for everything that a process of its own would not show."""
    on_terminate = signal.getsignal(signal.SIGTERM)

    def run(
        *args: str, stdin: str = "", env: Mapping[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        wanted = {**aws_env, **(env or {})}
        with monkeypatch.context() as patch:
            for name in os.environ.keys() - wanted.keys():
                patch.delenv(name)
            for name, value in wanted.items():
                if value is None:
                    patch.delenv(name, raising=False)
                else:
                    patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capfd.readouterr()
            code = main(list(args))
        said = capfd.readouterr()
        return subprocess.CompletedProcess(["rotator", *args], code, said.out, said.err)

    yield run
    signal.signal(signal.SIGTERM, on_terminate)
    structlog.reset_defaults()


@pytest.fixture
def cli(aws_env: dict[str, str]) -> Cli:
    """Run `python -m rotator ARGS` to its end: `cli("run", ..., stdin="...", env={...})`.

    `env` is laid over `aws_env`, and a value of None takes a variable away.
    """

    def run(
        *args: str,
        stdin: str = "",
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        given = {k: v for k, v in {**aws_env, **(env or {})}.items() if v is not None}
        command = (sys.executable, "-m", "rotator", *args)
        return run_to_end(*command, env=given, stdin=stdin, timeout_s=timeout_s)

    return run
