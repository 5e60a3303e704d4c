"""What the README tells a newcomer to type works as it stands there.

Its names, its API and Adobe's endpoint are exchanged for local ones; nothing else is.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import Cli, sh
from tests.integration.cli.vault import Vault
from tests.support.processes import run_to_end
from tests.support.recording_server import RecordingServer

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
API = "https://firefly-api.adobe.io/v3/images/generate-async"
PROMPT = {"prompt": "a lighthouse at dawn"}
FENCE = r"^```{}\n(.*?)^```$"


def fences(kind: str, text: str) -> list[str]:
    return re.findall(FENCE.format(kind), text, re.MULTILINE | re.DOTALL)


def section(start: str, end: str) -> str:
    return README[README.index(start) : README.index(end)]


def localized(text: str, binding: LocalBinding, api: str = "") -> str:
    for theirs, ours in {
        "adobe/credentials": binding.credentials_secret,
        "adobe/token": binding.token_secret,
        "export AWS_REGION=eu-west-1": ":",
        API: api,
    }.items():
        text = text.replace(theirs, ours)
    return f'rotator() {{ $ROTATOR "$@"; }}\n{text}'


@pytest.fixture
def api() -> Iterator[RecordingServer]:
    with RecordingServer() as server:
        yield server


def assert_called_by(binding: LocalBinding, api: RecordingServer) -> None:
    [request] = api.requests
    assert request.headers["authorization"].startswith("Bearer ey")
    assert request.headers["x-api-key"] == binding.client_id
    assert json.loads(request.body) == PROMPT


@pytest.mark.skipif(shutil.which("curl") is None, reason="*** NO FIRST CALL: curl is missing ***")
def test_steps_of_the_readme_end_in_a_call_of_the_api(
    binding: LocalBinding, api: RecordingServer, aws_env: dict[str, str]
) -> None:
    steps = "\n".join(fences("console", section("**3. ", "**5. ")))
    script = localized(steps, binding, api.url + "/v3/images").replace(
        "rotator init", f"printf %s '{binding.init_input()}' | rotator init"
    )

    ended = sh(f"set -e\n{script}", env=aws_env)

    assert ended.returncode == 0, ended.stderr
    assert "rotated: token missing" in ended.stdout
    assert_called_by(binding, api)


def everyday_commands() -> list[str]:
    table = section("## Everyday commands", "## Read the token")
    return re.findall(r"^\| [^|`]+ \| `([^`]+)` \|$", table, re.MULTILINE)


def test_readme_names_the_commands_that_newcomers_look_for() -> None:
    named = " ".join(everyday_commands())

    for command in ("token", "headers", "env", "exec", "status", "credentials show"):
        assert f"rotator {command} " in named


@pytest.mark.parametrize("command", everyday_commands())
def test_everyday_command_works(
    command: str, fresh: Vault, aws_env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "job.sh").write_text("#!/bin/sh\nprintenv ACCESS_TOKEN\n")
    (tmp_path / "job.sh").chmod(0o755)
    fresh.put_credentials(client_secret=[fresh.client_secret, "p8e-old"])
    script = localized(command, fresh)

    ended = sh(f'cd "$1" && printf new-secret | {{ {script}\n}}', str(tmp_path), env=aws_env)

    assert ended.returncode == 0, ended.stderr


def test_python_of_the_readme_calls_the_api(
    binding: LocalBinding, api: RecordingServer, inside: Cli, aws_env: dict[str, str]
) -> None:
    inside("init", *binding.selectors, stdin=binding.init_input())
    inside("run", *binding.selectors)
    [code] = fences("python", README)
    code = code.replace(API, api.url + "/v3/images").replace("firefly-api.adobe.io", "127.0.0.1")

    named = code.replace("adobe/token", binding.token_secret)
    ended = run_to_end(sys.executable, "-c", named, env=aws_env)

    assert ended.returncode == 0, ended.stderr
    assert_called_by(binding, api)
