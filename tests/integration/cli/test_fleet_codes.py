"""`rotator run` and `rotator status` end alike where a binding of a fleet cannot be known."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import DAY, OLD, Vault

TAG = "rotator:credentials-secret"
OTHER_REGION = "arn:aws:secretsmanager:eu-south-2:123456789012:secret:their/credentials-AbCdEf"


@pytest.mark.parametrize(
    ("names", "value", "code"),
    [
        ("nowhere/credentials", None, 5),  # missing
        ("{prefix}/odd", "", 5),  # without a value
        ("{prefix}/odd", "no JSON", 2),
        ("{prefix}/odd", '{"client_id": "a"}', 2),
        ("{prefix}/odd", '{"client_id": "a", "client_secret": "b"}', 2),  # without consent
        (OTHER_REGION, None, 2),
        ("no name", None, 2),
        ("{prefix}/good", None, 2),  # a token secret itself
    ],
)
def test_tag_that_names_no_usable_credentials_ends_run_and_status_alike(
    inside: Cli, vault: Vault, *, names: str, value: str | None, code: int
) -> None:
    prefix = vault.token_secret
    good, tagged = f"{prefix}/good", f"{prefix}/tagged"
    vault.put_credentials(token_secrets=[good])
    if value is not None:
        text = {"SecretString": value} if value else {}
        vault.client.create_secret(Name=f"{prefix}/odd", **text)
    for name, credentials in ((good, vault.credentials_secret), (tagged, names)):
        tags = {TAG: credentials.format(prefix=prefix), "team": prefix}
        vault.client.create_secret(
            Name=name, Tags=[{"Key": key, "Value": text} for key, text in tags.items()]
        )
    selection = ("--discover", "--where", f"team={prefix}", "--json")

    ran = inside("run", *selection)
    told = inside("status", *selection)

    [failure] = [each for each in json.loads(ran.stdout)["bindings"] if "error" in each]
    [unknown] = [each for each in json.loads(told.stdout)["bindings"] if "error" in each]
    assert (ran.returncode, told.returncode) == (code, code)
    assert (failure["token_secret"], failure["error"]) == (tagged, unknown["error"])
    assert json.loads(ran.stdout)["summary"]["rotated"] == 1
    assert json.loads(told.stdout)["summary"] == {
        "bindings": 2,
        "healthy": 1,
        "overdue": 0,
        "unusable": 0,
        "unknown": 1,
    }


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("command", ["run", "status"])
def test_of_two_secrets_that_are_missing_the_credentials_are_named(
    inside: Cli, tmp_path: Path, command: str
) -> None:
    manifest = tmp_path / "fleet.toml"
    pairs = [
        f'[[binding]]\ncredentials_secret = "no/c{n}"\ntoken_secret = "no/t{n}"' for n in range(8)
    ]
    manifest.write_text("\n".join(pairs))

    ended = inside(command, "--config", str(manifest), "--json")

    errors = {each["token_secret"]: each["error"] for each in json.loads(ended.stdout)["bindings"]}
    assert ended.returncode == 5
    assert len(errors) == 8
    assert all(f"no/c{name[-1]}" in error for name, error in errors.items())


@pytest.mark.parametrize(
    ("age", "code", "shows"),
    [(None, 6, "no token, "), (2 * DAY, 6, "none, expired "), (OLD, 4, "m"), (DAY / 2, 2, "11h")],
)
def test_status_of_a_fleet_counts_what_consumers_find_where_a_run_refuses_a_line(
    inside: Cli, vault: Vault, tmp_path: Path, *, age: timedelta | None, code: int, shows: str
) -> None:
    vault.put("no JSON", secret_id=vault.credentials_secret)
    if age is not None:
        vault.put_token(age=age + timedelta(minutes=20) if age == OLD else age)
    pair = (
        f'credentials_secret = "{vault.credentials_secret}"\ntoken_secret = "{vault.token_secret}"'
    )
    (tmp_path / "fleet.toml").write_text(f"[[binding]]\n{pair}\n")
    selects = ("--config", str(tmp_path / "fleet.toml"))

    alone = inside("status", *vault.selectors)
    told = inside("status", *selects, "--json", "--openmetrics", str(tmp_path / "fleet.prom"))
    table = inside("status", *selects).stdout

    [shown] = json.loads(told.stdout)["bindings"]
    expires_at = vault.fields()["expires_at"] if age is not None else None
    lines = (tmp_path / "fleet.prom").read_text().splitlines()
    labels = f'token_secret="{vault.token_secret}"'
    assert (alone.returncode, told.returncode) == (code, code)
    assert (shown["health"], shown["expires_at"]) == ("unknown", expires_at)
    assert "is not JSON" in shown["error"]
    assert f"unknown  {vault.token_secret}  " in table
    assert shows in table
    assert f'rotator_token_health{{{labels},health="unknown"}} 1' in lines
    assert f'rotator_token_health{{{labels},health="unusable"}} {int(code == 6)}' in lines
    ends = f"rotator_token_expires_at_seconds{{{labels}}}"
    assert any(line.startswith(ends) for line in lines) == (age is not None)


@pytest.mark.parametrize("as_json", [True, False])
def test_list_that_breaks_off_is_told_after_what_was_found_is_done(
    inside: Cli, vault: Vault, front: Front, *, as_json: bool
) -> None:
    name = f"{vault.token_secret}/a"
    vault.put_credentials(token_secrets=[name])
    arn = vault.client.create_secret(Name=name)["ARN"]
    tags = [{"Key": TAG, "Value": vault.credentials_secret}]
    page = {"SecretList": [{"ARN": arn, "Name": name, "Tags": tags}], "NextToken": "again"}
    front.answer("ListSecrets", page)
    json_flag = ("--json",) if as_json else ()

    ran = inside("run", "--discover", *json_flag, env=front.env)
    told = inside("status", "--discover", *json_flag, env=front.env)

    assert (ran.returncode, told.returncode) == (4, 4)
    assert vault.fields(name)["access_token"]
    for ended in (ran, told):
        if as_json:
            shown = json.loads(ended.stdout)
            assert shown["summary"]["discovery_incomplete"] is True
            assert "list of secrets: does not end" in shown["discovery"]["error"]
        else:
            assert "discovery incomplete: list of secrets: does not end" in ended.stdout
