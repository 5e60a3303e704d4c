"""`rotator token`, `headers` and `env`: the current token, for shells."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.ims_control import RemoteIms
from tests.integration.cli.rig import Cli, sh
from tests.integration.cli.vault import Vault

TOKEN = "canary-stored-token"
READERS = ("token", "headers", "env")


def test_token_is_printed_bare(cli: Cli, fresh: Vault) -> None:
    ended = cli("token", fresh.token_secret)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{TOKEN}\n", "")


def test_headers_are_those_of_adobes_apis(inside: Cli, fresh: Vault) -> None:
    ended = inside("headers", fresh.token_secret)

    assert ended.returncode == 0
    assert ended.stdout == f"Authorization: Bearer {TOKEN}\nx-api-key: {fresh.client_id}\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_headers_go_to_curl_by_standard_input(
    inside: Cli, vault: Vault, ims: RemoteIms, aws_env: dict[str, str]
) -> None:
    inside("run", *vault.selectors)

    ended = sh(
        '$ROTATOR headers "$1" | curl -sS --noproxy "*" -H @- "$2"',
        vault.token_secret,
        ims.urls.hello,
        env=aws_env,
    )

    assert (ended.stdout, ended.stderr) == ("Welcome to the Photoshop API!", "")


def test_env_is_quoted_for_the_shell(vault: Vault, aws_env: dict[str, str]) -> None:
    strange = 'it\'s "a" $(client) `id`; * \\ &'
    vault.put_token(client_id=strange)

    ended = sh(
        'eval "$($ROTATOR env "$1" --prefix PS_FF_SERVICES)";'
        ' printf "%s|%s" "$PS_FF_SERVICES_ACCESS_TOKEN" "$PS_FF_SERVICES_CLIENT_ID"',
        vault.token_secret,
        env=aws_env,
    )

    assert (ended.stdout, ended.stderr) == (f"{TOKEN}|{strange}", "")


@pytest.mark.parametrize(
    ("options", "start"), [((), ""), (("--prefix", "PS_FF_SERVICES"), "PS_FF_SERVICES_")]
)
def test_env_names_its_variables_by_the_prefix(
    inside: Cli, fresh: Vault, options: tuple[str, ...], start: str
) -> None:
    ended = inside("env", fresh.token_secret, *options)

    assert ended.stdout.splitlines() == [
        f"export {start}ACCESS_TOKEN={TOKEN}",
        f"export {start}CLIENT_ID={fresh.client_id}",
        f"export {start}EXPIRES_AT={fresh.fields()['expires_at']}",
    ]


@pytest.mark.parametrize("prefix", ["", "1A", "A-B", "A B", "A;id", "Ä"])
def test_prefix_that_is_no_variable_is_refused(
    inside: Cli, binding: LocalBinding, prefix: str
) -> None:
    ended = inside("env", binding.token_secret, "--prefix", prefix)

    assert ended.returncode == 2
    assert ended.stderr.startswith("rotator env: --prefix: ")
    assert ended.stdout == ""


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (None, "has no AWSCURRENT value yet; check that the rotator runs"),
        ("not JSON", "is not a JSON object"),
        ('{"access_token": "canary"}', "neither expires_at nor expires_at_epoch"),
        ("expired", "token expired at"),
    ],
)
def test_nothing_usable_ends_with_six(
    *, inside: Cli, vault: Vault, command: str, stored: str | None, problem: str
) -> None:
    if stored == "expired":
        vault.put_token(age=timedelta(hours=25))
    elif stored is not None:
        vault.put(stored)

    ended = inside(command, vault.token_secret)

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (6, "")
    assert line.startswith(f"rotator {command}: secret {vault.token_secret}: ")
    assert problem in line
    assert "canary" not in line


def test_secret_that_is_missing_ends_with_five(inside: Cli) -> None:
    ended = inside("token", "test/no-such-secret")

    assert ended.returncode == 5
    assert "secret test/no-such-secret: does not exist" in ended.stderr


@pytest.mark.parametrize("command", READERS)
def test_token_that_lives_too_short_ends_with_six(inside: Cli, vault: Vault, command: str) -> None:
    vault.put_token(lifetime=timedelta(minutes=9))

    ended = inside(command, vault.token_secret, "--min-life", "10m")
    enough = inside(command, vault.token_secret, "--min-life", "8m")

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (6, "")
    assert "sooner than --min-life 10m; see `rotator status " in line
    assert enough.returncode == 0


@pytest.mark.parametrize("min_life", ["", "10", "soon"])
def test_min_life_that_is_no_duration_is_refused(
    inside: Cli, binding: LocalBinding, min_life: str
) -> None:
    ended = inside("token", binding.token_secret, "--min-life", min_life)

    assert ended.returncode == 2
    assert ended.stderr.startswith("rotator token: --min-life: is not a duration")


COMMANDS = [
    ("token",),
    ("headers",),
    ("env",),
    ("exec", "--", "echo"),
    ("check", "--url", "http://127.0.0.1:1/"),
    ("status",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("way", ["argument", "option", "variable"])
def test_token_secret_is_named_in_the_same_ways_for_every_command(
    *, inside: Cli, cli: Cli, fresh: Vault, command: tuple[str, ...], way: str
) -> None:
    name, *rest = command
    args = {
        "argument": (fresh.token_secret,),
        "option": ("--token-secret", fresh.token_secret),
        "variable": (),
    }[way]
    env = {"ROTATOR_TOKEN_SECRET": fresh.token_secret if way == "variable" else "test/other"}

    call = cli if name == "exec" else inside  # it takes the place of its process
    ended = call(name, *args, *rest, env=env)

    # 127.0.0.1:1 answers nothing, which is said after the token was read.
    assert ended.returncode == (4 if name == "check" else 0), ended.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_two_names_for_the_token_secret_are_refused(inside: Cli, command: tuple[str, ...]) -> None:
    name, *rest = command

    ended = inside(name, "test/one", "--token-secret", "test/two", *rest)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "ID and --token-secret: name different secrets; pass one of them" in ended.stderr


def test_documented_idiom_stops_a_script(vault: Vault, aws_env: dict[str, str]) -> None:
    ended = sh(
        'vars=$($ROTATOR env "$1") && eval "$vars" || exit; echo went on',
        vault.token_secret,
        env=aws_env | {"ACCESS_TOKEN": "stale"},
    )

    assert (ended.returncode, ended.stdout) == (6, "")


def test_status_is_written_for_a_textfile_collector(
    inside: Cli, fresh: Vault, tmp_path: Path
) -> None:
    path = tmp_path / "rotator.prom"

    ended = inside("status", fresh.token_secret, "--openmetrics", str(path))

    expected = fresh.fields()["expires_at_epoch"]
    labels = f'{{token_secret="{fresh.token_secret}"}}'
    assert ended.returncode == 0
    assert f"rotator_token_expires_at_seconds{labels} {expected}\n" in path.read_text()
    assert "healthy" in ended.stdout
