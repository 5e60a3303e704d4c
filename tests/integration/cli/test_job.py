"""`rotator run`: every way in which it can end, and what it leaves behind."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli, event, result
from tests.integration.cli.vault import OLD, Vault
from tests.support.documents import instant


def test_first_run_fills_an_empty_token_secret(cli: Cli, vault: Vault) -> None:
    ended = cli("run", *vault.selectors, "--json")

    stored = vault.fields()
    version_id, _ = vault.current()
    assert ended.returncode == 0
    assert result(ended) == {
        "outcome": "rotated",
        "reason": "token_missing",
        "credentials_secret": vault.credentials_secret,
        "token_secret": vault.token_secret,
        "version_id": version_id,
        "issued_at": stored["issued_at"],
        "expires_at": stored["expires_at"],
        "next_rotation_at": stored["next_rotation_at"],
        "duration_s": result(ended)["duration_s"],
    }
    assert stored["client_id"] == vault.client_id
    assert stored["token_type"] == "bearer"
    assert set(stored) == {
        *vault.token_fields(),
        "credentials_fingerprint",
        "credentials_version_id",
        "client_secret_position",
    }


def test_stored_life_is_what_the_provider_announced(inside: Cli, vault: Vault) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    inside("run", *vault.selectors)

    stored = vault.fields()
    issued_at, expires_at, next_rotation_at = (
        datetime.fromisoformat(stored[name])
        for name in ("issued_at", "expires_at", "next_rotation_at")
    )
    assert before <= issued_at <= datetime.now(UTC)
    assert expires_at - issued_at == timedelta(seconds=86_399)
    assert next_rotation_at - issued_at == timedelta(hours=23)
    assert stored["expires_at_epoch"] == int(expires_at.timestamp())


@pytest.mark.parametrize("command", ["run", "status"])
def test_spread_of_a_single_binding_brings_its_next_rotation_forward(
    inside: Cli, fresh: Vault, command: str
) -> None:
    plain = inside(command, *fresh.selectors, "--json")
    spread = inside(command, *fresh.selectors, "--spread", "10h", "--json")

    assert (plain.returncode, spread.returncode) == (0, 0)
    at, earlier_at = (result(each)["next_rotation_at"] for each in (plain, spread))
    hours = (datetime.fromisoformat(at) - datetime.fromisoformat(earlier_at)) / timedelta(hours=1)
    assert 0 < hours <= 10


def test_due_token_is_replaced(cli: Cli, vault: Vault, ims: RemoteIms) -> None:
    old = vault.put_token(age=OLD)

    ended = cli("run", *vault.selectors)

    version_id, _ = vault.current()
    assert ended.returncode == 0
    assert ended.stdout.startswith("rotated: cadence reached, in ")
    assert version_id in ended.stdout
    assert vault.versions() == {old: ["AWSPREVIOUS"], version_id: ["AWSCURRENT"]}
    assert ims.observed()["tokens_minted"] == 1


def test_fresh_token_stays(cli: Cli, vault: Vault, ims: RemoteIms) -> None:
    version_id = vault.put_token(age=timedelta(hours=22))

    ended = cli("run", *vault.selectors)

    assert ended.returncode == 0
    assert ended.stdout.startswith("not due: fresh, in ")
    assert vault.versions() == {version_id: ["AWSCURRENT"]}
    assert ims.observed()["token_requests"] == 0


def test_run_that_is_not_due_costs_one_call(inside: Cli, fresh: Vault, front: Front) -> None:
    assert inside("run", *fresh.selectors, env=front.env).returncode == 0

    assert front.actions == ["BatchGetSecretValue"]


def test_due_run_costs_two_calls_and_one_mint(
    inside: Cli, vault: Vault, front: Front, ims: RemoteIms
) -> None:
    vault.put_token(age=OLD)

    assert inside("run", *vault.selectors, env=front.env).returncode == 0

    assert front.actions == ["BatchGetSecretValue", "PutSecretValue"]
    assert ims.observed()["token_requests"] == 1


def test_first_run_costs_three_calls_and_one_mint(
    inside: Cli, vault: Vault, front: Front, ims: RemoteIms
) -> None:
    # What the service says; moto fails as a whole where one of the secrets has no value.
    version_id, text = vault.current(vault.credentials_secret)
    arn = vault.client.describe_secret(SecretId=vault.credentials_secret)["ARN"]
    entry = {"ARN": arn, "Name": vault.credentials_secret, "VersionStages": ["AWSCURRENT"]}
    refusal = {"SecretId": vault.token_secret, "ErrorCode": "ResourceNotFoundException"}
    front.answer(
        "BatchGetSecretValue",
        {
            "SecretValues": [entry | {"VersionId": version_id, "SecretString": text}],
            "Errors": [refusal],
        },
    )

    assert inside("run", *vault.selectors, env=front.env).returncode == 0

    assert front.actions == ["BatchGetSecretValue", "DescribeSecret", "PutSecretValue"]
    assert ims.observed()["token_requests"] == 1


def test_dry_run_says_what_it_would_do_and_does_nothing(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=OLD)

    ended = inside("run", *vault.selectors, "--dry-run")

    assert ended.returncode == 0
    assert ended.stdout.startswith("would rotate (dry run): cadence reached")
    assert event(ended)["outcome"] == "would_rotate"
    assert vault.versions() == {version_id: ["AWSCURRENT"]}
    assert ims.observed()["token_requests"] == 0


def test_dry_run_on_an_empty_secret_promises_no_version(inside: Cli, vault: Vault) -> None:
    ended = inside("run", *vault.selectors, "--dry-run", "--json")

    assert ended.returncode == 0
    assert (result(ended)["outcome"], result(ended)["version_id"]) == ("would_rotate", None)
    assert vault.versions() == {}


def test_force_replaces_a_fresh_token(inside: Cli, vault: Vault) -> None:
    old = vault.put_token(age=timedelta(hours=1))

    ended = inside("run", *vault.selectors, "--force", "--json")

    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "forced")
    assert vault.current()[0] != old


def test_cadence_decides_when_a_token_is_due(inside: Cli, vault: Vault) -> None:
    vault.put_token(age=timedelta(hours=2))

    early = inside("run", *vault.selectors, "--cadence", "3h", "--json")
    ended = inside("run", *vault.selectors, "--cadence", "1h30m", "--json")

    stored = vault.fields()
    issued_at = datetime.fromisoformat(stored["issued_at"])
    assert result(early)["outcome"] == "not_due"
    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "cadence_reached")
    assert stored["next_rotation_at"] == instant(issued_at + timedelta(hours=1, minutes=30))


def test_variables_do_in_place_of_flags(cli: Cli, vault: Vault, ims: RemoteIms) -> None:
    vault.put_token(age=timedelta(hours=2))
    env = {
        "ROTATOR_CREDENTIALS_SECRET": vault.credentials_secret,
        "ROTATOR_TOKEN_SECRET": vault.token_secret,
        "ROTATOR_CADENCE": "1h",
        "ROTATOR_PROBE_URL": ims.urls.hello,
        "ROTATOR_LOG_FORMAT": "console",
    }

    ended = cli("run", "--json", env=env)

    assert ended.returncode == 0
    assert result(ended)["reason"] == "cadence_reached"
    assert ims.observed()["api_calls_ok"] == 1
    assert "rotator.token_rotated" in ended.stderr
    assert not ended.stderr.startswith("{")


@pytest.mark.parametrize("name", ["ROTATOR_LOG_LEVEL", "ROTATOR_LOG_LEVLE"])
def test_wrong_log_setting_is_an_outcome_too(inside: Cli, vault: Vault, name: str) -> None:
    ended = inside("run", *vault.selectors, "--json", env={name: "loud"})

    event = json.loads(ended.stderr)
    assert (ended.returncode, event["event"]) == (2, "rotator.rotation_failed")
    assert event["error"].startswith(f"{name}: ")
    assert json.loads(ended.stdout)["error"] == event["error"]
    assert vault.versions() == {}


def test_level_silences_events(inside: Cli, fresh: Vault) -> None:
    ended = inside("run", *fresh.selectors, env={"ROTATOR_LOG_LEVEL": "warning"})

    assert ended.returncode == 0
    assert ended.stderr == ""


def test_secrets_are_found_by_arn(inside: Cli, vault: Vault) -> None:
    arns = [
        vault.client.describe_secret(SecretId=secret_id)["ARN"]
        for secret_id in (vault.credentials_secret, vault.token_secret)
    ]

    ended = inside(
        "run",
        *("--credentials-secret", arns[0]),
        *("--token-secret", arns[1]),
        env={"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
    )

    assert ended.returncode == 0
    assert vault.fields()["client_id"] == vault.client_id


def test_one_secret_can_hold_both_and_keeps_what_is_not_ours(cli: Cli, vault: Vault) -> None:
    vault.put_credentials(note="owned by the team", contact={"team": "imaging"})
    both = vault.credentials_secret
    before = vault.fields(both)

    ended = cli("run", "--credentials-secret", both, "--token-secret", both)
    again = cli("run", "--credentials-secret", both, "--token-secret", both)

    after = vault.fields(both)
    assert (ended.returncode, again.returncode) == (0, 0)
    assert ended.stdout.startswith("rotated: token missing")
    assert again.stdout.startswith("not due: fresh")
    assert before.items() <= after.items()
    assert after["access_token"].startswith("ey")


@pytest.mark.parametrize("text", ["hunter2", "[]", '{"username": "me"}', "-----BEGIN KEY-----"])
def test_value_of_others_is_never_overwritten(inside: Cli, vault: Vault, text: str) -> None:
    old = vault.put(text)

    ended = inside("run", *vault.selectors, "--force")

    assert ended.returncode == 2
    advice = f"`rotator init {' '.join(vault.selectors)} --bind-only`"
    assert advice in ended.stdout
    assert text not in ended.stdout + ended.stderr
    assert vault.current()[0] == old


def test_stored_token_that_the_api_rejects_is_rotated_once(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    vault.put_token(age=timedelta(hours=1))
    probe = ("--probe-url", ims.urls.hello, "--probe-stored", "--json")

    ended = inside("run", *vault.selectors, *probe)
    again = inside("run", *vault.selectors, *probe)

    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "rejected")
    assert vault.fields()["rotated_for"] == "rejected"
    assert (result(again)["outcome"], result(again)["reason"]) == ("not_due", "fresh")


def test_run_and_status_agree_on_the_next_rotation(inside: Cli, vault: Vault) -> None:
    vault.put_token(age=timedelta(minutes=5))

    ended = inside("run", *vault.selectors, "--cadence", "1h", "--json")
    status = inside("status", *vault.selectors, "--cadence", "1h", "--json")

    assert result(ended)["next_rotation_at"] == json.loads(status.stdout)["next_rotation_at"]
