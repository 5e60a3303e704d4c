"""Whatever is wrong: one line that names it and the way out, the right code, nothing changed."""

import json

import pytest

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.bad_inputs import ACCESS_DENIED, CANARY, CASES, NOWHERE, READS, Case
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import OLD, Vault

CONFIGURATION, REFUSED, TEMPORARY, SECRETS_MANAGER = 2, 3, 4, 5


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input_is_named_in_one_line_and_changes_nothing(
    *, inside: Cli, vault: Vault, ims: RemoteIms, front: Front, case: Case
) -> None:
    vault.put_token(age=OLD, access_token=f"stored-{CANARY}")
    ims.configure(clients={vault.client_id: [f"p8e-{CANARY}"]})
    vault.put_credentials(client_secret=f"p8e-{CANARY}")
    if isinstance(case.credentials, str):
        vault.put(case.credentials, secret_id=vault.credentials_secret)
    elif case.credentials is not None:
        vault.put_credentials(**({"client_secret": f"p8e-{CANARY}"} | case.credentials))
    before = vault.versions(), vault.current()
    if case.refused is not None:
        actions, aws_code, message = case.refused
        front.refuse(*actions, code=aws_code, message=message)
    case.prepare(vault, ims)

    named = zip(vault.selectors[::2], vault.selectors[1::2], strict=True)
    selectors = [word for pair in named if pair[0] not in case.args for word in pair]
    ended = inside("run", *selectors, *case.args, env={**front.env, **case.env})

    names = {"credentials_secret": vault.credentials_secret, "token_secret": vault.token_secret}
    [line] = ended.stderr.splitlines()
    error = json.loads(line)["error"] if line.startswith("{") else line
    assert ended.returncode == case.code, error
    for part in case.says:
        assert part.format(**names) in error
    if line.startswith("{"):
        assert ended.stdout.splitlines()[0] == f"failed: {error}"
    assert "Traceback" not in ended.stdout + ended.stderr
    assert CANARY not in ended.stdout + ended.stderr
    for name in names.values():  # what was deleted comes back as it was, or cannot be looked at
        vault.client.restore_secret(SecretId=name)
    assert (vault.versions(), vault.current()) == before


def test_value_that_grows_beyond_what_a_secret_holds_is_not_sent(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(note="n" * 65_200)
    both = vault.credentials_secret
    before = vault.current(both)

    ended = inside("run", "--credentials-secret", both, "--token-secret", both)

    [line] = ended.stderr.splitlines()
    assert ended.returncode == SECRETS_MANAGER
    assert f"secret {both}: the new value has " in json.loads(line)["error"]
    assert "Secrets Manager takes 65536" in json.loads(line)["error"]
    assert vault.current(both) == before


@pytest.mark.parametrize("command", ["token", "headers", "env", "status"])
@pytest.mark.parametrize(
    ("env", "code", "says"),
    [
        ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, CONFIGURATION, "AWS region: not set"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, CONFIGURATION, "none found"),
        ({"AWS_ENDPOINT_URL": NOWHERE}, TEMPORARY, "Secrets Manager cannot be reached"),
    ],
)
def test_readers_name_what_is_wrong_around_them(
    *, inside: Cli, fresh: Vault, command: str, env: dict[str, str | None], code: int, says: str
) -> None:
    args = ("--token-secret",) if command == "status" else ()

    ended = inside(command, *args, fresh.token_secret, env={"AWS_MAX_ATTEMPTS": "1", **env})

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (code, "")
    assert line.startswith(f"rotator {command}: ")
    assert says in line


@pytest.mark.parametrize("command", ["token", "status"])
def test_readers_tell_access_denied_from_a_missing_secret(
    inside: Cli, fresh: Vault, front: Front, command: str
) -> None:
    front.refuse(
        *READS, code="AccessDeniedException", message=ACCESS_DENIED.format(action="GetSecretValue")
    )
    args = ("--token-secret",) if command == "status" else ()

    ended = inside(command, *args, fresh.token_secret, env=front.env)

    [line] = ended.stderr.splitlines()
    assert ended.returncode == SECRETS_MANAGER
    assert "access denied; grant secretsmanager:GetSecretValue" in line


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "rotator: the command is missing; known are run, init, credentials, "),
        ((CANARY,), "rotator: "),
        (("token",), "token secret: missing; pass --token-secret ID or set ROTATOR_TOKEN_SECRET"),
        (("status",), "token secret: missing; pass --token-secret ID or set ROTATOR_TOKEN_SECRET"),
        (("token", ""), "ID: is empty"),
        (("token", "a\nb"), "ID: is not a valid secret name or ARN"),
        (("check", "adobe/token"), "--url: missing; pass the API to call"),
        (("run", "--", CANARY), "one argument too many; see rotator run --help"),
    ],
)
def test_wrong_command_line_is_one_line_without_what_was_typed(
    inside: Cli, args: tuple[str, ...], says: str
) -> None:
    ended = inside(*args)

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (CONFIGURATION, "")
    assert line.startswith("rotator")
    assert says in line
    assert CANARY not in line
