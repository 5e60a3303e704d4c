"""Authorization servers that nobody here wrote, as real processes on loopback.

`make test-providers` installs them; without it these tests are skipped, and say so.
"""

import contextlib
import importlib.util
import json
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10


@contextlib.contextmanager
def started(command: list[str], config: dict[str, Any], *, told: str = "issuer") -> Iterator[Any]:
    """A server's issuer, or what else it is `told` by, while it runs.

    It gets its configuration from its input, and ends with it.
    """
    process = subprocess.Popen(
        command,
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("the server has no pipes")
        try:
            process.stdin.write(json.dumps(config) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
            line = process.stdout.readline() if ready else ""
            if not line:
                process.kill()
                pytest.fail(f"{command[-1]} did not start: {process.stderr.read()[-2000:]}")
            yield json.loads(line)[told]
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def start_oidc_provider() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Start panva's oidc-provider with these clients, with HTTPS where `tls` is given."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("NOT TESTED against oidc-provider: it needs Node and `make test-providers`")

    def start(
        clients: list[dict[str, Any]], tls: dict[str, str] | None = None
    ) -> contextlib.AbstractContextManager[str]:
        return started([node, "oidc_provider.mjs"], {"clients": clients, "tls": tls})

    return start


@pytest.fixture(scope="session")
def start_registration() -> Callable[..., contextlib.AbstractContextManager[dict[str, Any]]]:
    """Start panva's oidc-provider with a client that may manage its own registration."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("NOT TESTED against oidc-provider: it needs Node and `make test-providers`")

    def start() -> contextlib.AbstractContextManager[dict[str, Any]]:
        return started([node, "oidc_registration.mjs"], {}, told="client")

    return start


@pytest.fixture(scope="session")
def start_django() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Start django-oauth-toolkit with these clients."""
    if importlib.util.find_spec("oauth2_provider") is None:
        pytest.skip("NOT TESTED against django-oauth-toolkit: it needs `make test-providers`")

    def start(clients: list[dict[str, str]]) -> contextlib.AbstractContextManager[str]:
        return started([sys.executable, "django_server.py"], {"clients": clients})

    return start
