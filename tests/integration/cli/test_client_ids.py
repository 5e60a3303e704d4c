"""Consumers can read the client id, so what holds a client secret is neither stored nor shown."""

import json

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli, event
from tests.integration.cli.vault import OLD, Vault
from tests.support.terminal import Terminal

ID = "0a2700fdf06d3ccb88d1c0ffee00aa11"
SECRET = "p8e-Made-up_for-this-test-0123456789"
OTHER = "correct-horse-battery-staple"
HOLDING_IT = {
    "beside a space": f"{ID} {SECRET}",
    "beside a colon": f"{ID}:{SECRET}",
    "at its end": ID + SECRET,
    "of another provider": f"{ID} {OTHER}",
    "as JSON": json.dumps({"client_id": ID, "client_secret": SECRET}),
    "as an array": json.dumps([ID, SECRET]),
}


def secret_in(client_id: str) -> str:
    return OTHER if OTHER in client_id else SECRET


@pytest.mark.parametrize("client_id", HOLDING_IT.values(), ids=HOLDING_IT)
@pytest.mark.parametrize("name", ["client_id", "CLIENT_ID"])
def test_client_id_that_holds_a_client_secret_is_refused_by_init(
    inside: Cli, binding: LocalBinding, client_id: str, name: str
) -> None:
    given = {name: client_id, "client_secret": secret_in(client_id)}

    ended = inside("init", *binding.selectors, stdin=json.dumps(given))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "client_id: " in ended.stderr
    assert secret_in(client_id) not in ended.stderr


@pytest.mark.parametrize("client_id", HOLDING_IT.values(), ids=HOLDING_IT)
@pytest.mark.parametrize("with_secret", [True, False])
def test_client_id_that_holds_a_client_secret_is_refused_by_set(
    *, inside: Cli, vault: Vault, client_id: str, with_secret: bool
) -> None:
    secret = secret_in(client_id)
    if not with_secret:
        vault.put_credentials(client_secret=secret)
    before = vault.current(vault.credentials_secret)
    given = {"client_id": client_id} | ({"client_secret": secret} if with_secret else {})

    ended = inside("credentials", "set", vault.credentials_secret, stdin=json.dumps(given))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert secret not in ended.stderr
    assert vault.current(vault.credentials_secret) == before


def test_client_secret_that_the_client_id_holds_is_refused_at_the_prompt(
    aws_env: dict[str, str], binding: LocalBinding
) -> None:
    options = ("--token-url", binding.token_url, "--provider", "generic", "--scope", "openid")
    terminal = Terminal("init", *binding.selectors, *options, env=aws_env)
    terminal.answer("client id", f"{ID}-{OTHER}")
    terminal.answer("client secret", OTHER)
    terminal.wait_for("is a part of the client id")
    terminal.type("\x03")

    assert terminal.close() == 130


@pytest.mark.parametrize("stored", HOLDING_IT.values(), ids=HOLDING_IT)
@pytest.mark.parametrize("option", [(), ("--json",)])
def test_stored_client_id_that_holds_a_client_secret_is_not_shown(
    inside: Cli, vault: Vault, stored: str, option: tuple[str, ...]
) -> None:
    name, secret = vault.credentials_secret, secret_in(stored)
    vault.put_credentials(client_id=stored, client_secret=secret)

    shown = inside("credentials", "show", name, *option)
    right = {"client_id": ID, "client_secret": secret}
    corrected = inside("credentials", "set", name, stdin=json.dumps(right))

    assert shown.returncode == 0, shown.stderr
    assert "***" in shown.stdout
    assert secret not in shown.stdout + shown.stderr
    assert "client secret" in shown.stderr
    assert f"on standard input to `rotator credentials set {name}`" in shown.stderr
    assert corrected.returncode == 0, corrected.stderr
    assert right.items() <= vault.fields(name).items()


def test_client_id_and_client_secret_swapped_in_the_console_show_no_secret(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    vault.put_credentials(client_id=SECRET, client_secret=ID)
    selectors = vault.selectors

    shown = inside("credentials", "show", name)
    ran = inside("run", *selectors)
    logged = event(ran)
    status = inside("status", *selectors)

    assert logged["outcome"] == "failed"
    for ended in (shown, ran, status):
        assert SECRET not in ended.stdout + ended.stderr


def test_client_id_that_a_provider_repeats_is_redacted_if_it_is_a_client_secret(
    inside: Cli, vault: Vault, front: Front
) -> None:
    vault.put_credentials(
        client_id=SECRET, client_secret=ID, token_url=front.token_url, provider="generic"
    )

    ran = inside("run", *vault.selectors)

    assert ran.returncode == 3
    assert SECRET not in ran.stdout + ran.stderr


def test_status_shows_no_client_id_that_holds_a_client_secret(inside: Cli, vault: Vault) -> None:
    for stored in (SECRET, f"{ID} {OTHER}"):
        vault.put_credentials(client_id=stored, client_secret=OTHER)
        vault.put_token(client_id=stored, age=OLD)
        for option in ((), ("--json",)):
            ended = inside("status", *vault.selectors, *option)

            assert ended.stdout
            assert secret_in(stored) not in ended.stdout + ended.stderr


@pytest.mark.parametrize("field", ["scope", "audience", "key_id"])
def test_setting_that_holds_the_client_secret_is_refused(
    inside: Cli, vault: Vault, field: str
) -> None:
    name, before = vault.credentials_secret, vault.current(vault.credentials_secret)
    given = {field: f"openid,{vault.client_secret}"}

    ended = inside("credentials", "set", name, stdin=json.dumps(given))

    assert ended.returncode == 2
    assert f"{field}: holds the client secret" in ended.stderr
    assert vault.client_secret not in ended.stderr
    assert vault.current(name) == before
