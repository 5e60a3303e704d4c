"""The shell of docs/cli.md works as it stands there, with the names of a binding of this test."""

import re
import shutil
from pathlib import Path

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import sh
from tests.integration.cli.test_readme import fences
from tests.integration.cli.vault import Vault
from tests.support.recording_server import RecordingServer

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text("utf-8")


def section(heading: str) -> str:
    return PAGE.partition(f"{heading}\n")[2].partition("\n## ")[0]


def localized(text: str, binding: LocalBinding, *, url: str = "") -> str:
    """The text with local names; ID is the token secret."""
    for theirs, ours in {
        "adobe/credentials": binding.credentials_secret,
        "adobe/token": binding.token_secret,
    }.items():
        text = text.replace(theirs, ours)
    named = re.sub(r"\bID\b", binding.token_secret, text)
    return f"rotator() {{ $ROTATOR \"$@\"; }}\nURL='{url}'\n{re.sub(r' URL$', f' {url}', named)}"


def test_client_secrets_are_edited_as_the_page_says(fresh: Vault, aws_env: dict[str, str]) -> None:
    [block] = fences("console", section("## Set-up: rotator init and rotator credentials"))
    typed = block.replace("rotator credentials add", "printf new-secret | rotator credentials add")

    ended = sh(f"set -e\n{localized(typed, fresh)}", env=aws_env)

    assert ended.returncode == 0, ended.stderr
    assert fresh.fields(fresh.credentials_secret)["client_secret"] == "new-secret"
    assert "firefly_api" in fresh.fields(fresh.credentials_secret)["scope"]


SHELL = section("## Tokens in a shell")
SAFE = [
    re.sub(r"\\\|", "|", cell)
    for row in re.findall(r"^\| .* \| .* \| (.*) \|$", SHELL.partition("\n###")[2], re.MULTILINE)
    for cell in re.findall(r"`([^`]*rotator[^`]*)`", row)
    if "fish" not in cell
]


@pytest.mark.skipif(shutil.which("curl") is None, reason="*** NO CALL: curl is missing ***")
@pytest.mark.parametrize("text", [*fences("console", SHELL), *SAFE])
def test_token_reaches_the_shell_as_the_page_says(
    text: str, fresh: Vault, aws_env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "job.sh").write_text("#!/bin/sh\nprintenv PS_FF_SERVICES_ACCESS_TOKEN\n")
    (tmp_path / "job.sh").chmod(0o755)
    with RecordingServer() as api:
        script = localized(text, fresh, url=f"{api.url}/hello")
        ended = sh(f'cd "$1" && set -e\n{script}', str(tmp_path), env=aws_env)
        called = [each.headers["authorization"] for each in api.requests]

    assert ended.returncode == 0, ended.stderr
    assert set(called) <= {"Bearer canary-stored-token"}
    assert len(called) == text.count("curl")


@pytest.mark.parametrize("text", SAFE)
def test_form_that_the_page_recommends_fails_without_a_token(
    text: str, vault: Vault, aws_env: dict[str, str]
) -> None:
    with RecordingServer() as api:
        ended = sh(localized(text, vault, url=f"{api.url}/hello"), env=aws_env)
        assert api.requests == []

    assert ended.returncode != 0


def test_page_recommends_a_form_for_each_kind_of_command() -> None:
    assert {re.findall(r"rotator (\w+)", text)[0] for text in SAFE} == {"env", "headers", "token"}
