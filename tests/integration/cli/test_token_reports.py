"""What a run and the status tell of the token when something else is wrong."""

import json
from datetime import timedelta

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli, event, result
from tests.integration.cli.vault import OLD, Vault

HOUR = timedelta(hours=1)


def gone(binding: LocalBinding) -> tuple[str, ...]:
    """The selectors with a credentials secret that does not exist."""
    return ("--credentials-secret", "test/gone", "--token-secret", binding.token_secret)


def test_run_without_its_credentials_tells_how_long_the_token_lives(
    inside: Cli, vault: Vault
) -> None:
    version_id = vault.put_token(age=OLD)
    expires_at = vault.fields()["expires_at"]

    ended = inside("run", *gone(vault))
    told = event(ended)

    assert ended.returncode == 5
    assert "failed: secret test/gone: does not exist" in ended.stdout
    assert f"kept: version {version_id}, expires at {expires_at}" in ended.stdout
    assert (told["version_id"], told["expires_at"]) == (version_id, expires_at)


def test_status_shows_the_token_before_the_trouble_with_its_credentials(
    inside: Cli, vault: Vault
) -> None:
    version_id = vault.put_token(age=HOUR)

    ended = inside("status", *gone(vault))
    as_json = inside("status", *gone(vault), "--json")

    assert (ended.returncode, as_json.returncode) == (5, 5)
    assert "healthy" in ended.stdout
    assert version_id in ended.stdout
    assert ended.stderr.startswith("rotator status: secret test/gone: does not exist")
    assert result(as_json)["version_id"] == version_id
    assert result(as_json)["credentials_error"].startswith("secret test/gone: does not exist")


def test_status_of_unusable_credentials_shows_the_token(inside: Cli, vault: Vault) -> None:
    version_id = vault.put_token(age=HOUR)
    vault.put("no JSON", secret_id=vault.credentials_secret)

    ended = inside("status", *vault.selectors)

    assert ended.returncode == 2
    assert version_id in ended.stdout
    assert "is not JSON" in ended.stderr


def test_end_of_the_token_counts_for_more_than_its_credentials(inside: Cli, vault: Vault) -> None:
    vault.put_token(age=2 * HOUR, lifetime=HOUR)

    ended = inside("status", *gone(vault))

    assert ended.returncode == 6
    assert "test/gone" in ended.stderr


@pytest.mark.parametrize("is_expired", [True, False])
def test_status_says_that_readers_use_the_previous_version(
    inside: Cli, vault: Vault, *, is_expired: bool
) -> None:
    good = vault.put_token(age=HOUR)
    ends = vault.fields()["expires_at"]
    bad = vault.put_token(age=2 * HOUR, lifetime=HOUR) if is_expired else vault.put("no JSON")

    table = inside("status", vault.token_secret)
    stood = result(inside("status", vault.token_secret, "--json"))

    assert table.returncode == 4
    rows = dict(line.split("  ", 1) for line in table.stdout.splitlines())
    rows = {name.strip(): text.strip() for name, text in rows.items()}
    assert rows["version"] == f"{bad}, which readers do not use"
    assert rows["AWSPREVIOUS"] == f"{good}, which readers use instead"
    assert rows["expires at"] == ends
    assert rows["remaining life"].endswith("(AWSPREVIOUS)")
    assert (stood["version_id"], stood["previous_version_id"]) == (bad, good)


FOREIGN = "arn:aws:secretsmanager:eu-south-2:123456789012:secret:their/token-AbCdEf"


def test_status_of_an_arn_that_is_missing_complains_about_that(inside: Cli, vault: Vault) -> None:
    named = {"ROTATOR_CREDENTIALS_SECRET": vault.credentials_secret}

    ended = inside("status", FOREIGN, env=named)

    assert ended.returncode == 5
    assert ended.stderr.startswith(f"rotator status: secret {FOREIGN}: does not exist")
    assert "(eu-south-2, " in ended.stderr
    assert "check the ARN" in ended.stderr
    assert "AWS_REGION" not in ended.stderr


def test_name_that_was_looked_up_in_the_region_of_an_arn_blames_no_variable(
    inside: Cli, vault: Vault
) -> None:
    ended = inside("run", "--credentials-secret", FOREIGN, "--token-secret", vault.token_secret)

    [step] = [line for line in ended.stdout.splitlines() if line.startswith("next: ")]
    assert ended.returncode == 5
    assert "--credentials-secret their/token --token-secret" in step
    assert step.endswith(" (with AWS_REGION=eu-south-2)")


@pytest.mark.parametrize("command", ["status", "token"])
@pytest.mark.parametrize(
    ("code", "http_status", "exit_code"),
    [("InternalServiceError", 500, 4), ("ThrottlingException", 400, 4), ("AccessDenied", 400, 5)],
)
def test_failed_read_of_the_previous_version_is_no_missing_token(  # noqa: PLR0917
    inside: Cli,
    vault: Vault,
    front: Front,
    command: str,
    code: str,
    http_status: int,
    exit_code: int,
) -> None:
    vault.put_token(age=25 * HOUR)
    front.refuse("GetSecretValue AWSPREVIOUS", code=code, status=http_status)
    env = {**front.env, "AWS_MAX_ATTEMPTS": "1"}

    ended = inside(command, vault.token_secret, env=env)

    assert (ended.returncode, ended.stdout) == (exit_code, "")
    assert "AWSCURRENT has no valid token, and AWSPREVIOUS cannot be read: " in ended.stderr


def test_failed_run_says_that_the_token_has_expired(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=25 * HOUR)
    ims.configure(behaviour="throttled", retry_after_s=600)

    ended = inside("run", *vault.selectors)

    assert ended.returncode == 4
    assert "kept" not in ended.stdout
    expired = f"version {version_id} expired at {vault.fields()['expires_at']}"
    assert f"no valid token: {expired}" in ended.stdout


def test_failed_run_says_that_there_is_no_token_yet(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    ims.configure(behaviour="throttled", retry_after_s=600)

    ended = inside("run", *vault.selectors)

    assert "no valid token: the token secret has no value yet" in ended.stdout


def bind(vault: Vault, tag: str) -> None:
    tags = [{"Key": "rotator:credentials-secret", "Value": tag}]
    vault.client.tag_resource(SecretId=vault.token_secret, Tags=tags)


@pytest.mark.parametrize("health", ["unusable", "overdue"])
@pytest.mark.parametrize("is_named", [True, False])
def test_token_that_needs_somebody_comes_with_the_command_that_replaces_it(
    inside: Cli, vault: Vault, health: str, *, is_named: bool
) -> None:
    vault.put_token(age=25 * HOUR if health == "unusable" else timedelta(hours=23, minutes=45))
    bind(vault, vault.credentials_secret)

    told = inside("status", *(vault.selectors if is_named else [vault.token_secret])).stdout
    [step] = [line for line in told.splitlines() if line.startswith("next step")]

    assert health in told
    command = step.split("`")[1].split()
    assert command == ["rotator", "run", *vault.selectors]
    assert inside(*command[1:]).returncode == 0
    assert "next step" not in inside("status", vault.token_secret).stdout


def test_next_step_of_a_token_of_other_credentials_names_those(inside: Cli, vault: Vault) -> None:
    vault.put_token(client_id="another")
    vault.client.create_secret(Name="other/credentials", SecretString=vault.init_input())
    bind(vault, vault.credentials_secret)
    env = {"ROTATOR_CREDENTIALS_SECRET": "other/credentials"}

    told = inside("status", vault.token_secret, env=env)

    assert told.returncode == 4
    assert f"`rotator run {' '.join(vault.selectors)}`" in told.stdout
    assert "other/credentials" not in told.stdout


@pytest.mark.parametrize("tag", [None, "denied", "a secret --force"])
def test_next_step_has_a_place_for_credentials_that_are_not_known(
    inside: Cli, vault: Vault, front: Front, tag: str | None
) -> None:
    vault.put_token(age=25 * HOUR)
    if tag is not None:
        bind(vault, tag)
    if tag == "denied":
        front.refuse("DescribeSecret", code="AccessDeniedException")

    told = inside("status", vault.token_secret, env=front.env)

    command = f"`rotator run --credentials-secret ID --token-secret {vault.token_secret}`"
    assert told.returncode == 6
    assert f"{command} (with the name of the credentials secret for ID)" in told.stdout


def test_next_step_repeats_the_cadence_by_which_the_token_is_overdue(
    inside: Cli, vault: Vault
) -> None:
    vault.put_token(age=3 * HOUR)

    told = inside("status", *vault.selectors, "--cadence", "1h").stdout

    assert f"`rotator run {' '.join(vault.selectors)} --cadence 1h`" in told


def test_client_credentials_stored_over_a_token_that_readers_still_get_are_told_with_the_way_out(
    inside: Cli, vault: Vault
) -> None:
    served = vault.put_token()
    edited = vault.put(vault.init_input())

    told = inside("status", *vault.selectors)

    assert told.returncode == 4
    assert f"{edited}, which readers do not use" in told.stdout
    assert f"{served}, which readers use instead" in told.stdout
    assert "consumers can read them: replace the client secret at the provider" in told.stderr
    assert inside("token", vault.token_secret).returncode == 0


@pytest.mark.parametrize("value", ["credentials", "credentials and a token", "foreign"])
def test_status_of_what_was_stored_over_the_token_advises_no_run_that_is_refused(
    inside: Cli, vault: Vault, value: str
) -> None:
    vault.put_token(age=HOUR)
    over: dict[str, object] = {"user": "app", "password": "canary"}
    if value != "foreign":
        over = json.loads(vault.init_input())
    if value == "credentials and a token":
        over |= vault.token_fields(age=25 * HOUR)
    vault.put(json.dumps(over))

    told = inside("status", *vault.selectors)
    ran = inside("run", *vault.selectors)

    assert (told.returncode, ran.returncode) == (4, 2)
    assert "next step" not in told.stdout
    problem = told.stderr.removeprefix("rotator status: ").strip()
    assert problem.startswith(f"token secret {vault.token_secret}: holds ")
    assert problem in ran.stdout


def test_status_of_credentials_from_which_a_token_was_taken_out_asks_for_no_other_content(
    inside: Cli, vault: Vault
) -> None:
    """The way back to two secrets: both in one, then the client credentials alone."""
    name, credentials = vault.credentials_secret, json.loads(vault.init_input())
    vault.put(json.dumps(credentials | vault.token_fields()), secret_id=name)
    vault.put(json.dumps(credentials), secret_id=name)

    ended = inside("status", name)

    assert ended.returncode == 6
    assert "but client credentials; name the token secret instead" in ended.stderr
    assert "put-secret-value" not in ended.stdout + ended.stderr


def test_status_of_a_credentials_secret_says_what_it_holds(inside: Cli, vault: Vault) -> None:
    name = vault.credentials_secret

    stood = inside("status", name)
    read = inside("token", name)

    assert (stood.returncode, read.returncode) == (6, 6)
    for ended in (stood, read):
        assert "but client credentials; name the token secret instead" in ended.stderr
    assert stood.stdout == ""
