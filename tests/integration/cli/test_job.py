"""`rotator run`: every way in which it can end, and what it leaves behind."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.cli.vault import instant

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from rotator.local.binding import LocalBinding
    from rotator.local.ims_control import RemoteIms
    from tests.integration.cli.front import Front
    from tests.integration.cli.vault import Vault

    Cli = Callable[..., subprocess.CompletedProcess[str]]

OLD = timedelta(hours=23, minutes=5)
STORED = "canary-stored-token"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def event(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one event of a run, and nothing else on standard error."""
    [line] = ended.stderr.splitlines()
    fields: dict[str, Any] = json.loads(line)
    return fields


def result(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(ended.stdout)
    return fields


def test_first_run_fills_an_empty_token_secret(
    cli: Cli, binding: LocalBinding, vault: Vault
) -> None:
    ended = cli("run", *binding.selectors, "--json")

    stored = vault.fields()
    version_id, _ = vault.current()
    assert ended.returncode == 0
    assert result(ended) == {
        "outcome": "rotated",
        "reason": "token_missing",
        "credentials_secret": binding.credentials_secret,
        "token_secret": binding.token_secret,
        "version_id": version_id,
        "issued_at": stored["issued_at"],
        "expires_at": stored["expires_at"],
        "next_rotation_at": stored["next_rotation_at"],
        "duration_s": result(ended)["duration_s"],
    }
    assert stored["client_id"] == binding.client_id
    assert stored["token_type"] == "bearer"
    assert set(stored) == {
        *vault.token_fields(),
        "credentials_fingerprint",
        "credentials_version_id",
        "client_secret_position",
    }


def test_stored_life_is_what_the_provider_announced(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    inside("run", *binding.selectors)

    stored = vault.fields()
    issued_at, expires_at, next_rotation_at = (
        datetime.fromisoformat(stored[name])
        for name in ("issued_at", "expires_at", "next_rotation_at")
    )
    assert before <= issued_at <= datetime.now(UTC)
    assert expires_at - issued_at == timedelta(seconds=86_399)
    assert next_rotation_at - issued_at == timedelta(hours=23)
    assert stored["expires_at_epoch"] == int(expires_at.timestamp())


def test_due_token_is_replaced(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    old = vault.put_token(age=OLD)

    ended = cli("run", *binding.selectors)

    version_id, _ = vault.current()
    assert ended.returncode == 0
    assert ended.stdout.startswith("rotated: cadence reached, in ")
    assert version_id in ended.stdout
    assert vault.versions() == {old: ["AWSPREVIOUS"], version_id: ["AWSCURRENT"]}
    assert local_ims.observed()["tokens_minted"] == 1


def test_fresh_token_stays(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=timedelta(hours=22))

    ended = cli("run", *binding.selectors)

    assert ended.returncode == 0
    assert ended.stdout.startswith("not due: fresh, in ")
    assert vault.versions() == {version_id: ["AWSCURRENT"]}
    assert local_ims.observed()["token_requests"] == 0


def test_run_that_is_not_due_costs_one_call(
    inside: Cli, binding: LocalBinding, vault: Vault, front: Front
) -> None:
    vault.put_token()

    assert inside("run", *binding.selectors, env=front.env).returncode == 0

    assert front.actions == ["BatchGetSecretValue"]


def test_due_run_costs_two_calls_and_one_mint(
    inside: Cli, binding: LocalBinding, vault: Vault, front: Front, local_ims: RemoteIms
) -> None:
    vault.put_token(age=OLD)

    assert inside("run", *binding.selectors, env=front.env).returncode == 0

    assert front.actions == ["BatchGetSecretValue", "PutSecretValue"]
    assert local_ims.observed()["token_requests"] == 1


def test_first_run_costs_three_calls_and_one_mint(
    inside: Cli, binding: LocalBinding, vault: Vault, front: Front, local_ims: RemoteIms
) -> None:
    # What the service says; moto fails as a whole where one of the secrets has no value.
    version_id, text = vault.current(binding.credentials_secret)
    arn = vault.client.describe_secret(SecretId=binding.credentials_secret)["ARN"]
    entry = {"ARN": arn, "Name": binding.credentials_secret, "VersionStages": ["AWSCURRENT"]}
    refusal = {"SecretId": binding.token_secret, "ErrorCode": "ResourceNotFoundException"}
    front.answer(
        "BatchGetSecretValue",
        {
            "SecretValues": [entry | {"VersionId": version_id, "SecretString": text}],
            "Errors": [refusal],
        },
    )

    assert inside("run", *binding.selectors, env=front.env).returncode == 0

    assert front.actions == ["BatchGetSecretValue", "DescribeSecret", "PutSecretValue"]
    assert local_ims.observed()["token_requests"] == 1


def test_dry_run_says_what_it_would_do_and_does_nothing(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=OLD)

    ended = inside("run", *binding.selectors, "--dry-run")

    assert ended.returncode == 0
    assert ended.stdout.startswith("would rotate (dry run): cadence reached")
    assert event(ended)["outcome"] == "would_rotate"
    assert vault.versions() == {version_id: ["AWSCURRENT"]}
    assert local_ims.observed()["token_requests"] == 0


def test_dry_run_on_an_empty_secret_promises_no_version(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    ended = inside("run", *binding.selectors, "--dry-run", "--json")

    assert ended.returncode == 0
    assert (result(ended)["outcome"], result(ended)["version_id"]) == ("would_rotate", None)
    assert vault.versions() == {}


def test_dry_run_on_a_fresh_token_is_not_due(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()

    ended = inside("run", *binding.selectors, "--dry-run", "--json")

    assert result(ended)["outcome"] == "not_due"


def test_force_replaces_a_fresh_token(inside: Cli, binding: LocalBinding, vault: Vault) -> None:
    old = vault.put_token(age=timedelta(hours=1))

    ended = inside("run", *binding.selectors, "--force", "--json")

    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "forced")
    assert vault.current()[0] != old


def test_cadence_decides_when_a_token_is_due(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token(age=timedelta(hours=2))

    early = inside("run", *binding.selectors, "--cadence", "3h", "--json")
    ended = inside("run", *binding.selectors, "--cadence", "1h30m", "--json")

    stored = vault.fields()
    issued_at = datetime.fromisoformat(stored["issued_at"])
    assert result(early)["outcome"] == "not_due"
    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "cadence_reached")
    assert stored["next_rotation_at"] == instant(issued_at + timedelta(hours=1, minutes=30))


def test_variables_do_in_place_of_flags(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    vault.put_token(age=timedelta(hours=2))
    env = {
        "ROTATOR_CREDENTIALS_SECRET": binding.credentials_secret,
        "ROTATOR_TOKEN_SECRET": binding.token_secret,
        "ROTATOR_CADENCE": "1h",
        "ROTATOR_PROBE_URL": local_ims.urls.hello,
        "ROTATOR_LOG_FORMAT": "console",
    }

    ended = cli("run", "--json", env=env)

    assert ended.returncode == 0
    assert result(ended)["reason"] == "cadence_reached"
    assert local_ims.observed()["api_calls_ok"] == 1
    assert "rotator.token_rotated" in ended.stderr
    assert not ended.stderr.startswith("{")


@pytest.mark.parametrize("name", ["ROTATOR_LOG_LEVEL", "ROTATOR_LOG_LEVLE"])
def test_wrong_log_setting_is_an_outcome_too(
    inside: Cli, binding: LocalBinding, vault: Vault, name: str
) -> None:
    ended = inside("run", *binding.selectors, "--json", env={name: "loud"})

    event = json.loads(ended.stderr)
    assert (ended.returncode, event["event"]) == (2, "rotator.rotation_failed")
    assert event["error"].startswith(f"{name}: ")
    assert json.loads(ended.stdout)["error"] == event["error"]
    assert vault.versions() == {}


def test_level_silences_events(inside: Cli, binding: LocalBinding, vault: Vault) -> None:
    vault.put_token()

    ended = inside("run", *binding.selectors, env={"ROTATOR_LOG_LEVEL": "warning"})

    assert ended.returncode == 0
    assert ended.stderr == ""


def test_secrets_are_found_by_arn(inside: Cli, binding: LocalBinding, vault: Vault) -> None:
    arns = [
        vault.client.describe_secret(SecretId=secret_id)["ARN"]
        for secret_id in (binding.credentials_secret, binding.token_secret)
    ]

    ended = inside(
        "run",
        *("--credentials-secret", arns[0]),
        *("--token-secret", arns[1]),
        env={"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
    )

    assert ended.returncode == 0
    assert vault.fields()["client_id"] == binding.client_id


def test_one_secret_can_hold_both_and_keeps_what_is_not_ours(
    cli: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_credentials(note="owned by the team", contact={"team": "imaging"})
    both = binding.credentials_secret
    before = vault.fields(both)

    ended = cli("run", "--credentials-secret", both, "--token-secret", both)
    again = cli("run", "--credentials-secret", both, "--token-secret", both)

    after = vault.fields(both)
    assert (ended.returncode, again.returncode) == (0, 0)
    assert ended.stdout.startswith("rotated: token missing")
    assert again.stdout.startswith("not due: fresh")
    assert before.items() <= after.items()
    assert after["access_token"].startswith("ey")


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"username": "db"}'])
def test_content_of_somebody_else_is_not_overwritten(
    inside: Cli, binding: LocalBinding, vault: Vault, text: str
) -> None:
    old = vault.put(text)

    ended = inside("run", *binding.selectors, "--json")

    assert ended.returncode == 2
    assert vault.current() == (old, text)


@pytest.mark.parametrize("text", ["", '{"access_token": ""}', '{"schema": 1, "access_token": "x"}'])
def test_malformed_token_is_replaced(
    inside: Cli, binding: LocalBinding, vault: Vault, text: str
) -> None:
    old = vault.put(text or " ")

    ended = inside("run", *binding.selectors, "--json")

    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "token_malformed")
    assert vault.current()[0] != old
    assert vault.fields()["client_id"] == binding.client_id


@pytest.mark.parametrize("text", ["hunter2", "[]", '{"username": "me"}', "-----BEGIN KEY-----"])
def test_value_of_others_is_never_overwritten(
    inside: Cli, binding: LocalBinding, vault: Vault, text: str
) -> None:
    old = vault.put(text)

    ended = inside("run", *binding.selectors, "--force")

    assert ended.returncode == 2
    assert "init --bind-only" in ended.stdout
    assert text not in ended.stdout + ended.stderr
    assert vault.current()[0] == old


def test_token_of_another_client_is_replaced(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token(client_id="0123456789abcdef")

    ended = inside("run", *binding.selectors, "--json")

    assert (result(ended)["outcome"], result(ended)["reason"]) == ("rotated", "client_changed")
    assert vault.fields()["client_id"] == binding.client_id


def test_outage_is_temporary_and_the_token_stays(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=OLD)
    before = vault.current()
    local_ims.configure(behaviour="closed")

    ended = cli("run", *binding.selectors)

    assert ended.returncode == 4
    assert ended.stdout.startswith("failed: token endpoint: ")
    assert f"kept: version {version_id}, expires at {vault.fields()['expires_at']}" in ended.stdout
    assert "temporary: the next run tries again" in ended.stdout
    assert vault.current() == before
    assert vault.versions() == {version_id: ["AWSCURRENT"]}


def test_run_after_an_outage_recovers(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    old = vault.put_token(age=OLD)
    local_ims.configure(behaviour="outage", for_requests=1)

    ended = inside("run", *binding.selectors)

    assert ended.returncode == 0
    assert vault.current()[0] != old
    assert local_ims.observed() == {
        "tokens_minted": 1,
        "token_requests": 2,
        "api_calls": 0,
        "api_calls_ok": 0,
    }


def test_wrong_client_secret_is_permanent_and_told_in_the_providers_words(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD), vault.current()
    vault.put_credentials(client_secret="p8e-wrong-canary")

    ended = cli("run", *binding.selectors)

    [request] = local_ims.token_requests()
    said = event(ended)
    assert ended.returncode == 3
    assert (said["event"], said["level"]) == ("rotator.rotation_failed", "error")
    assert said["oauth_error"] == "invalid_client"
    assert said["debug_id"] == request["debug_id"]
    assert said["status"] == 400
    assert "invalid client_secret parameter" in said["error"]
    assert request["debug_id"] in ended.stdout
    assert (vault.current()[0], vault.current()) == before
    assert "canary" not in ended.stdout + ended.stderr


def test_scope_that_is_not_granted_is_permanent(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    vault.put_credentials(scope="openid,not_mine")

    ended = inside("run", *binding.selectors)

    assert ended.returncode == 3
    assert event(ended)["oauth_error"] == "invalid_scope"
    assert local_ims.observed()["token_requests"] == 1


def test_second_of_two_client_secrets_is_tried(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    vault.put_credentials(client_secret=["p8e-old-canary", binding.client_secret])

    ended = inside("run", *binding.selectors)

    warning, outcome = (json.loads(line) for line in ended.stderr.splitlines())
    assert ended.returncode == 0
    assert (warning["event"], warning["level"]) == ("rotator.mint_questioned", "warning")
    assert "number 2 of 2" in warning["problem"]
    assert outcome["outcome"] == "rotated"
    assert local_ims.observed()["token_requests"] == 2


def test_throttled_run_waits_as_it_is_asked_to(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    local_ims.configure(behaviour="throttled", retry_after_s=1, for_requests=1)

    ended = inside("run", *binding.selectors)

    assert ended.returncode == 0
    assert [r["status"] for r in local_ims.token_requests()] == [429, 200]
    assert event(ended)["duration_s"] >= 1
    assert vault.fields()["client_id"] == binding.client_id


def test_throttled_for_longer_than_a_run_is_temporary(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD)
    local_ims.configure(behaviour="throttled", retry_after_s=600)

    ended = inside("run", *binding.selectors)

    assert ended.returncode == 4
    assert (event(ended)["status"], event(ended)["retryable"]) == (429, True)
    assert local_ims.observed()["token_requests"] == 1
    assert vault.current()[0] == before


def test_forced_run_publishes_what_a_provider_grants_that_has_shortened_its_lives(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    before = vault.put_token(age=timedelta(hours=1))
    local_ims.configure(token_lifetime_s=3600 * 20)

    ended = inside("run", *binding.selectors, "--force")

    assert ended.returncode == 0
    assert vault.current()[0] != before


def test_probe_lets_a_token_through_that_the_api_takes(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    ended = inside("run", *binding.selectors, "--probe-url", local_ims.urls.hello)

    assert ended.returncode == 0
    assert vault.fields()["client_id"] == binding.client_id
    assert local_ims.observed()["api_calls_ok"] == 1


def test_probe_that_is_refused_keeps_the_stored_token(
    inside: Cli, binding: LocalBinding, vault: Vault, front: Front, local_ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD)

    ended = inside("run", *binding.selectors, "--probe-url", front.api_url)

    assert ended.returncode == 3
    assert event(ended)["error_code"] == "401013"
    assert "does not take the new token" in ended.stdout
    assert local_ims.observed()["tokens_minted"] == 1
    assert vault.current()[0] == before


def test_api_that_is_down_does_not_stop_a_rotation(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    ended = inside("run", *binding.selectors, "--probe-url", local_ims.urls.base + "/none")

    warning, outcome = (json.loads(line) for line in ended.stderr.splitlines())
    assert ended.returncode == 0
    assert (warning["event"], outcome["outcome"]) == ("rotator.token_unproved", "rotated")
    assert vault.fields()["client_id"] == binding.client_id


def test_adobe_gets_exactly_the_documented_form(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    assert vault.versions() == {}

    cli("run", *binding.selectors)

    [request] = local_ims.token_requests()
    assert sorted(map(tuple, request["form"])) == [
        ("client_id", binding.client_id),
        ("client_secret", binding.client_secret),
        ("grant_type", "client_credentials"),
        ("scope", "openid,AdobeID,read_organizations"),
    ]
    assert request["path"] == "/ims/token/v3"
    assert request["query"] == ""
    assert request["content_type"].split(";")[0] == "application/x-www-form-urlencoded"
    assert request["authorization"] is False


@pytest.mark.parametrize(
    ("age", "name", "outcome", "reason"),
    [
        (OLD, "rotator.token_rotated", "rotated", "cadence_reached"),
        (timedelta(0), "rotator.rotation_skipped", "not_due", "fresh"),
    ],
)
def test_event_of_an_outcome_holds_what_a_monitor_needs(
    *,
    inside: Cli,
    binding: LocalBinding,
    vault: Vault,
    age: timedelta,
    name: str,
    outcome: str,
    reason: str,
) -> None:
    vault.put_token(age=age)

    said = event(inside("run", *binding.selectors))

    version_id, _ = vault.current()
    assert said.pop("timestamp").endswith("Z")
    assert said.pop("duration_s") >= 0
    assert said == {
        "level": "info",
        "event": name,
        "binding": binding.token_secret,
        "outcome": outcome,
        "reason": reason,
        "version_id": version_id,
        "expires_at": vault.fields()["expires_at"],
    }


def test_event_of_a_failure_tells_of_the_token_that_stays(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=OLD)
    local_ims.configure(behaviour="throttled", retry_after_s=600)

    ended = inside("run", *binding.selectors, "--json")

    said = event(ended)
    assert said["binding"] == binding.token_secret
    assert said["reason"] == "cadence_reached"
    assert said["version_id"] == version_id
    assert said["expires_at"] == vault.fields()["expires_at"]
    assert said["duration_s"] >= 0
    assert UUID.fullmatch(said["debug_id"])
    assert said["oauth_error"] == "too_many_requests"
    assert result(ended).items() <= said.items()


def test_no_run_prints_a_token(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    vault.put_token(age=OLD)
    first = inside("run", *binding.selectors, "--json")
    second = inside("run", *binding.selectors)
    local_ims.configure(behaviour="throttled", retry_after_s=600)
    third = inside("run", *binding.selectors, "--force")

    printed = "".join(ended.stdout + ended.stderr for ended in (first, second, third))
    for secret in (STORED, vault.fields()["access_token"], binding.client_secret):
        assert secret not in printed


@pytest.mark.parametrize(
    ("age", "code", "health"),
    [
        (timedelta(hours=1), 0, "healthy"),
        (timedelta(hours=23, minutes=40), 4, "overdue"),
        (timedelta(hours=25), 6, "unusable"),
    ],
)
def test_status_tells_people_and_monitors(
    *, inside: Cli, binding: LocalBinding, vault: Vault, age: timedelta, code: int, health: str
) -> None:
    version_id = vault.put_token(age=age)

    table = inside("status", "--token-secret", binding.token_secret)
    shown = inside("status", *binding.selectors, "--json")

    assert (table.returncode, shown.returncode) == (code, code)
    assert health in table.stdout
    assert version_id in table.stdout
    assert result(shown)["health"] == health
    assert result(shown)["version_id"] == version_id
    assert result(shown)["expires_at"] == vault.fields()["expires_at"]
    assert table.stderr + shown.stderr == ""
    assert STORED not in table.stdout + shown.stdout


def test_status_of_an_empty_secret_is_unusable(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    ended = inside("status", "--token-secret", binding.token_secret)

    assert vault.versions() == {}
    assert ended.returncode == 6
    assert "unusable: token missing" in ended.stdout
