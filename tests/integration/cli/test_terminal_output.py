"""What somebody at a terminal sees: each outcome once, and colours only where they are wanted."""

import pytest

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.vault import Vault
from tests.support.terminal import Terminal


def shown(*args: str, env: dict[str, str]) -> tuple[int, str]:
    terminal = Terminal(*args, env=env)
    code = terminal.close()
    return code, terminal.shown.replace("\r\n", "\n")


def test_outcome_of_a_run_is_told_once(vault: Vault, aws_env: dict[str, str]) -> None:
    code, text = shown("run", *vault.selectors, env=aws_env)

    assert code == 0
    assert text.startswith("rotated: token missing, in ")
    assert text.count(vault.current()[0]) == 1


def test_failure_of_a_run_is_told_once(
    fresh: Vault, ims: RemoteIms, aws_env: dict[str, str]
) -> None:
    ims.configure(clients={})

    code, text = shown("run", *fresh.selectors, "--force", env=aws_env)

    assert code == 3
    assert text.startswith("failed: ")
    assert text.count("invalid_client") == 1


def test_warning_of_a_run_is_told_although_the_outcome_is_not_logged(
    vault: Vault, aws_env: dict[str, str]
) -> None:
    vault.put_credentials(client_secret=["wrong", vault.client_secret])

    code, text = shown("run", *vault.selectors, env=aws_env | {"NO_COLOR": "1"})

    assert code == 0
    assert "rotator.mint_questioned" in text
    assert "rotator.token_rotated" not in text


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_colours_are_left_out_where_they_are_not_wanted(
    fresh: Vault, aws_env: dict[str, str], plain: dict[str, str]
) -> None:
    env = aws_env | {"TERM": "xterm", "ROTATOR_LOG_FORMAT": "console"} | plain

    code, text = shown("run", *fresh.selectors, env=env)

    assert code == 0
    assert "rotator.rotation_skipped" in text  # a format that is asked for is written
    assert ("\x1b[" in text) is not bool(plain)
