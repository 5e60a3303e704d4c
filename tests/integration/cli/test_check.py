"""`rotator check`: one call of an API with the current token."""

import pytest

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault

TOKEN = "canary-stored-token"


def test_check_makes_the_providers_first_call(inside: Cli, vault: Vault, ims: RemoteIms) -> None:
    inside("run", *vault.selectors)

    ended = inside("check", vault.token_secret, "--url", ims.urls.hello)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "HTTP 200\nWelcome to the Photoshop API!\n"


def test_check_of_a_token_that_the_api_refuses(cli: Cli, fresh: Vault, ims: RemoteIms) -> None:
    ended = cli("check", fresh.token_secret, "--url", ims.urls.hello)

    assert ended.returncode == 3
    assert ended.stdout.startswith('HTTP 401\n{"error_code": "401013"')
    assert TOKEN not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, 0), (204, 0), (302, 2), (401, 3), (403, 3), (404, 2), (429, 4), (500, 4), (503, 4)],
)
def test_check_ends_as_the_status_says(
    *, inside: Cli, fresh: Vault, front: Front, status: int, code: int
) -> None:
    front.api_status, front.api_body = status, b""

    ended = inside("check", fresh.token_secret, "--url", front.api_url)

    assert (ended.returncode, ended.stdout) == (code, f"HTTP {status}\n")


def test_check_hides_a_token_that_the_api_repeats(inside: Cli, fresh: Vault, front: Front) -> None:
    front.api_body = f"you sent {TOKEN}".encode()

    ended = inside("check", fresh.token_secret, "--url", front.api_url)

    assert ended.stdout == "HTTP 401\nyou sent ***\n"


def test_check_of_an_api_that_cannot_be_reached_is_temporary(inside: Cli, fresh: Vault) -> None:
    ended = inside("check", fresh.token_secret, "--url", "http://127.0.0.1:1/hello")

    assert ended.returncode == 4
    assert ended.stderr == "rotator check: API: connection failed or was closed (127.0.0.1:1)\n"


def test_check_sends_no_token_over_plain_http(inside: Cli, fresh: Vault) -> None:
    ended = inside("check", fresh.token_secret, "--url", "http://api.example/hello")

    assert ended.returncode == 2
    assert "must use https" in ended.stderr


def test_check_shows_nothing_that_steers_a_terminal(
    inside: Cli, fresh: Vault, front: Front
) -> None:
    front.api_body = b"\x1b]0;title\x07\x1b[2Jdone\r\n"

    ended = inside("check", fresh.token_secret, "--url", front.api_url)

    assert ended.stdout == "HTTP 401\n\\x1b]0;title\\x07\\x1b[2Jdone\n\n"


@pytest.mark.parametrize(
    "echo",
    [
        "canary\\/stored+to=ken-of-a-day",
        "canary/stored\\u002bto\\u003dken-of-a-day",
        "canary%2Fstored%2Bto%3Dken-of-a-day",
        "canary&#x2F;stored&#43;to=ken-of-a-day",
    ],
)
def test_check_hides_a_token_that_the_api_repeats_in_any_escaping(
    inside: Cli, vault: Vault, front: Front, echo: str
) -> None:
    vault.put_token(access_token="canary/stored+to=ken-of-a-day")
    front.api_body = f'{{"you sent": "{echo}"}}'.encode()

    ended = inside("check", vault.token_secret, "--url", front.api_url)

    assert "ken-of-a-day" not in ended.stdout
