"""What really runs: the package, the emulator, the local token endpoint. Absent tools are skips.

Everything here is made once for the whole session.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.interpreters import LAMBDA_PYTHON, find_lambda_python
from infra.package import Package, build
from rotator.local.binding import LocalBinding
from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.ims_control import RemoteIms
from rotator.local.server_process import ServerProcess
from tests.deployed.emulator import Emulator
from tests.deployed.runtime_api import copy_runtime_client, unpack

ROOT = Path(__file__).parents[2]

TOOLS = ROOT / "build" / "e2e"


@pytest.fixture(scope="session")
def lambda_python() -> str:
    found = find_lambda_python()
    if found is None:
        pytest.skip(f"no python{LAMBDA_PYTHON} on this machine")
    return found


@pytest.fixture(scope="session")
def tools(lambda_python: str) -> Path:
    """The environment with ministack and awslambdaric."""
    assert lambda_python
    if not (TOOLS / "complete").exists():
        pytest.skip("build/e2e is not set up: run make e2e")
    return TOOLS


@pytest.fixture(scope="session")
def package(lambda_python: str, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The function's zip for this machine."""
    return build("x86_64", tmp_path_factory.mktemp("dist"), compiler=lambda_python)


@pytest.fixture(scope="session")
def task(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(package.path, tmp_path_factory.mktemp("var") / "task")


@pytest.fixture(scope="session")
def runtime_client(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AWS's runtime client and nothing else."""
    return copy_runtime_client(tools, tmp_path_factory.mktemp("runtime") / "client")


@pytest.fixture(scope="session")
def emulator(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS without anything in it."""
    with Emulator(tools, tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="session")
def endpoint_url() -> Iterator[str]:
    environment = isolated_environment(os.environ)
    with ServerProcess("rotator.local.secrets_manager", environment=environment) as server:
        yield server.announcement["endpoint_url"]


@pytest.fixture(scope="session")
def ims() -> Iterator[RemoteIms]:
    with ServerProcess("rotator.local.ims", environment=isolated_environment(os.environ)) as server:
        yield RemoteIms(server.announcement["base_url"])


@pytest.fixture
def binding(endpoint_url: str, ims: RemoteIms) -> LocalBinding:
    """Both secrets in the local Secrets Manager, for a client that the endpoint accepts."""
    ims.reset()
    binding = LocalBinding.register(ims, prefix=f"deployed/{os.urandom(4).hex()}")
    client = secrets_manager_client(endpoint_url)
    client.create_secret(Name=binding.credentials_secret, SecretString=binding.init_input())
    client.create_secret(Name=binding.token_secret)
    client.close()
    return binding


@pytest.fixture
def variables(endpoint_url: str, binding: LocalBinding) -> dict[str, str]:
    """The environment of a job that keeps this binding."""
    return isolated_environment({}, endpoint_url=endpoint_url) | {
        "ROTATOR_CREDENTIALS_SECRET": binding.credentials_secret,
        "ROTATOR_TOKEN_SECRET": binding.token_secret,
    }
