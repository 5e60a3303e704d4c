"""A client secret in place of a secret's name is neither repeated nor sent to AWS."""

import json
import subprocess

import pytest

from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli

SECRET = "p8e-Made-up_for-this-test-0123456789"
OTHERS = ("--credentials-secret", "my/credentials")
TOKEN = ("--token-secret", "my/token")
DOORS = {
    "credentials show": ("credentials", "show", SECRET),
    "credentials set": ("credentials", "set", SECRET),
    "credentials add": ("credentials", "add", SECRET),
    "credentials remove": ("credentials", "remove", SECRET, "--number", "1"),
    "credentials set with an option": ("credentials", "set", "--credentials-secret", SECRET),
    "init": ("init", *TOKEN, "--credentials-secret", SECRET),
    "init of a token secret": ("init", *OTHERS, "--token-secret", SECRET),
    "run": ("run", *TOKEN, "--credentials-secret", SECRET),
    "run of a token secret": ("run", *OTHERS, "--token-secret", SECRET),
    "status": ("status", SECRET),
    "token": ("token", SECRET),
    "headers": ("headers", SECRET),
    "env": ("env", SECRET),
    "exec": ("exec", SECRET, "--", "true"),
    "check": ("check", SECRET, "--url", "https://api.example/"),
    "rotate-client-secret": ("rotate-client-secret", "--credentials-secret", SECRET),
}
COMMANDS = {
    "ROTATOR_CREDENTIALS_SECRET": (
        *(("credentials", "show"), ("run", *TOKEN), ("init", *TOKEN)),
        *(("status", "my/token"), ("rotate-client-secret",)),
    ),
    "ROTATOR_TOKEN_SECRET": (("run", *OTHERS), ("init", *OTHERS), ("status",), ("token",)),
}


def assert_refused(ended: subprocess.CompletedProcess[str], front: Front, label: str) -> None:
    said = ended.stdout + ended.stderr
    assert ended.returncode == 2, said
    assert f"{label}: looks like a client secret of Adobe's" in said
    assert SECRET not in said
    assert front.actions == []


@pytest.mark.parametrize("args", DOORS.values(), ids=DOORS)
def test_client_secret_in_place_of_a_name_is_refused_before_any_call(
    inside: Cli, front: Front, args: tuple[str, ...]
) -> None:
    ended = inside(*args, stdin=json.dumps({"client_secret": "new"}), env=front.env)

    at = args.index(SECRET)
    assert_refused(ended, front, args[at - 1] if args[at - 1].startswith("--") else "ID")


@pytest.mark.parametrize(
    ("variable", "args"), [(name, args) for name, all_ in COMMANDS.items() for args in all_]
)
def test_client_secret_in_a_variable_for_a_name_is_refused_before_any_call(
    inside: Cli, front: Front, variable: str, args: tuple[str, ...]
) -> None:
    ended = inside(*args, env=front.env | {variable: SECRET})

    assert_refused(ended, front, variable)
