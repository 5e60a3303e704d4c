"""What a run and the status tell people and monitors."""

import re
from datetime import timedelta
from typing import Any

import pytest

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.rig import Cli, event, result
from tests.integration.cli.vault import Vault

OLD = timedelta(hours=23, minutes=5)

STORED = "canary-stored-token"

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("age", "name", "outcome", "reason"),
    [
        (OLD, "rotator.token_rotated", "rotated", "cadence_reached"),
        (timedelta(0), "rotator.rotation_skipped", "not_due", "fresh"),
    ],
)
def test_event_of_an_outcome_holds_what_a_monitor_needs(
    *, inside: Cli, vault: Vault, age: timedelta, name: str, outcome: str, reason: str
) -> None:
    vault.put_token(age=age)

    said = event(inside("run", *vault.selectors))

    version_id, _ = vault.current()
    assert said.pop("timestamp").endswith("Z")
    assert said.pop("duration_s") >= 0
    assert said == {
        "level": "info",
        "event": name,
        "binding": vault.token_secret,
        "outcome": outcome,
        "reason": reason,
        "version_id": version_id,
        "expires_at": vault.fields()["expires_at"],
    }


def test_event_of_a_failure_tells_of_the_token_that_stays(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    version_id = vault.put_token(age=OLD)
    ims.configure(behaviour="throttled", retry_after_s=600)

    ended = inside("run", *vault.selectors, "--json")

    said = event(ended)
    assert said["binding"] == vault.token_secret
    assert said["reason"] == "cadence_reached"
    assert said["version_id"] == version_id
    assert said["expires_at"] == vault.fields()["expires_at"]
    assert said["duration_s"] >= 0
    assert UUID.fullmatch(said["debug_id"])
    assert said["oauth_error"] == "too_many_requests"
    assert result(ended).items() <= said.items()


@pytest.mark.parametrize(
    ("age", "code", "health"),
    [
        (timedelta(hours=1), 0, "healthy"),
        (timedelta(hours=23, minutes=40), 4, "overdue"),
        (timedelta(hours=25), 6, "unusable"),
    ],
)
def test_status_tells_people_and_monitors(
    *, inside: Cli, vault: Vault, age: timedelta, code: int, health: str
) -> None:
    version_id = vault.put_token(age=age)

    table = inside("status", "--token-secret", vault.token_secret)
    shown = inside("status", *vault.selectors, "--json")

    assert (table.returncode, shown.returncode) == (code, code)
    assert health in table.stdout
    assert version_id in table.stdout
    assert result(shown)["health"] == health
    assert result(shown)["version_id"] == version_id
    assert result(shown)["expires_at"] == vault.fields()["expires_at"]
    assert table.stderr + shown.stderr == ""
    assert STORED not in table.stdout + shown.stdout


def test_status_of_an_empty_secret_is_unusable(inside: Cli, vault: Vault) -> None:
    ended = inside("status", "--token-secret", vault.token_secret)

    assert vault.versions() == {}
    assert ended.returncode == 6
    assert "unusable: token missing" in ended.stdout


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"schema": "1"}, (4, 0)),
        ({"schema": None, "token_type": None}, (4, 0)),
        ({"expires_at_epoch": None}, (4, 0)),
        ({"issued_at": "yesterday"}, (4, 0)),
        ({"access_token": ""}, (6, 6)),
        ({"access_token": "two words"}, (6, 6)),
        ({"token_type": "mac"}, (6, 6)),
        ({"expires_at": "tomorrow"}, (6, 6)),
        ({"schema": "1", "expires_at": "2026-01-31T09:00:00Z"}, (6, 6)),
    ],
)
def test_status_calls_unusable_what_no_reader_reads_and_nothing_else(
    inside: Cli, vault: Vault, changes: dict[str, Any], codes: object
) -> None:
    """Documents that were edited by hand; the job replaces each of them at its next run."""
    vault.put_token(age=timedelta(hours=1), **changes)

    stood = inside("status", *vault.selectors, "--json")
    read = inside("token", vault.token_secret)

    assert (stood.returncode, read.returncode) == codes
    assert result(stood)["reason"] == "token_malformed"
    assert result(stood)["expires_at"] or stood.returncode == 6


def test_status_and_readers_fall_back_to_the_same_version(inside: Cli, vault: Vault) -> None:
    vault.put_token(age=timedelta(hours=1))
    ends = vault.fields()["expires_at"]
    vault.put_token(age=timedelta(hours=1), access_token="")

    stood = inside("status", vault.token_secret, "--json")
    read = inside("token", vault.token_secret)

    assert (stood.returncode, read.returncode) == (4, 0)
    assert (result(stood)["health"], result(stood)["expires_at"]) == ("overdue", ends)
    assert read.stdout.strip() == STORED


@pytest.mark.parametrize("cadence", ["23h", "59m"])
def test_expired_token_is_unusable_whatever_the_cadence(
    inside: Cli, vault: Vault, cadence: str
) -> None:
    # A cadence that would not fit such tokens says nothing of one that has ended.
    vault.put_token(age=timedelta(hours=2), lifetime=timedelta(hours=1))

    ended = inside("status", vault.token_secret, "--cadence", cadence)

    assert ended.returncode == 6
    assert "unusable: expired" in ended.stdout


@pytest.mark.parametrize("cadence", ["1h", "22h", "24h"])
@pytest.mark.parametrize("age_h", [0, 2, 23])
def test_run_and_status_agree_on_when_a_token_is_due(
    inside: Cli, vault: Vault, cadence: str, age_h: int
) -> None:
    vault.put_token(age=timedelta(hours=age_h))

    ran = inside("run", *vault.selectors, "--cadence", cadence, "--dry-run", "--json")
    stood = inside("status", *vault.selectors, "--cadence", cadence, "--json")

    if cadence == "24h":  # refused by both, as it was typed
        assert (ran.returncode, stood.returncode) == (2, 2)
        assert "cadence 24h: too long" in stood.stderr
    else:
        assert result(stood)["reason"] == result(ran)["reason"]


@pytest.mark.parametrize(
    ("args", "env", "binding"),
    [
        ((), {"ROTATOR_TOKEN_SECRET": "app/token", "ROTATOR_CADENCE": "soon"}, "app/token"),
        ((), {"ROTATOR_TOKEN_SECRET": "app/token", "ROTATOR_CADENSE": "23h"}, "app/token"),
        (("--token-secret", "app/token", "--cadence", "soon"), {}, "app/token"),
        (("--token-secret", "p8e canary typed here"), {}, None),
    ],
)
def test_event_of_wrong_settings_names_the_binding_and_not_what_was_typed(
    inside: Cli, args: tuple[str, ...], env: dict[str, str], binding: str | None
) -> None:
    ended = inside("run", *args, env=env)

    assert ended.returncode == 2
    assert event(ended)["binding"] == binding
    assert "canary" not in ended.stdout + ended.stderr
