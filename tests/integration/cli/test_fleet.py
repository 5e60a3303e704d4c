"""`rotator run` and `rotator status` over many bindings, as processes over HTTP."""

import json
from pathlib import Path

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli, event, result
from tests.integration.cli.vault import Vault

TAG = "rotator:credentials-secret"


def add_token_secret(vault: Vault, name: str, credentials: str, **tags: str) -> str:
    """A token secret without a value, bound by tag; answers with its name."""
    pairs = {TAG: credentials, **tags}
    full = vault.token_secret.replace("/token", f"/{name}")
    vault.client.create_secret(
        Name=full, Tags=[{"Key": key, "Value": text} for key, text in pairs.items()]
    )
    return full


def write_manifest(path: Path, *pairs: tuple[str, str], more: str = "") -> str:
    bindings = (
        f'[[binding]]\ncredentials_secret = "{credentials}"\ntoken_secret = "{token}"\n'
        for credentials, token in pairs
    )
    path.write_text("".join(bindings) + more, "utf-8")
    return str(path)


def test_manifest_keeps_every_token_fresh(inside: Cli, vault: Vault, tmp_path: Path) -> None:
    other = add_token_secret(vault, "other", vault.credentials_secret)
    pairs = [(vault.credentials_secret, name) for name in (vault.token_secret, other)]
    manifest = write_manifest(tmp_path / "fleet.toml", *pairs)

    first = inside("run", "--config", manifest, "--json")
    second = inside("run", "--config", manifest, "--json")

    assert (first.returncode, second.returncode) == (0, 0)
    assert result(first)["summary"]["rotated"] == 2
    assert result(second)["summary"]["not_due"] == 2
    assert {each["token_secret"] for each in result(first)["bindings"]} == {
        vault.token_secret,
        other,
    }
    tokens = {vault.fields(name)["access_token"] for name in (vault.token_secret, other)}
    assert len(tokens) == 2


def test_discovery_serves_whom_the_credentials_agree_to_and_names_the_others(
    inside: Cli, vault: Vault
) -> None:
    team = vault.token_secret.replace("/", "-")
    agreed = add_token_secret(vault, "agreed", vault.credentials_secret, team=team)
    stranger = add_token_secret(vault, "stranger", vault.credentials_secret, team=team)
    vault.put_credentials(token_secrets=[agreed])

    ended = inside("run", "--discover", "--where", f"team={team}", "--json")

    outcomes = {each["token_secret"]: each for each in result(ended)["bindings"]}
    assert ended.returncode == 2
    assert outcomes[agreed]["outcome"] == "rotated"
    assert outcomes[stranger]["outcome"] == "failed"
    assert "does not name it in token_secrets" in outcomes[stranger]["error"]
    assert vault.versions(stranger) == {}


def test_secret_of_another_account_is_named_alone(
    inside: Cli, vault: Vault, tmp_path: Path
) -> None:
    credentials = vault.credentials_secret
    foreign = "arn:aws:secretsmanager:us-east-1:999999999999:secret:their/token-AbCdEf"
    manifest = write_manifest(
        tmp_path / "fleet.toml", (credentials, vault.token_secret), (credentials, foreign)
    )

    ended = inside("run", "--config", manifest, "--json")

    outcomes = {each["token_secret"]: each for each in result(ended)["bindings"]}
    assert ended.returncode == 5
    assert outcomes[vault.token_secret]["outcome"] == "rotated"
    assert foreign in outcomes[foreign]["error"]
    assert vault.fields()["access_token"]


def test_init_makes_a_binding_that_discovery_serves(inside: Cli, vault: Vault) -> None:
    made = inside("init", *vault.selectors, "--bind-only")
    tags = vault.tags(vault.token_secret)

    ended = inside("run", "--discover", "--where", f"{TAG}={tags[TAG]}", "--json")

    assert made.returncode == 0, made.stderr
    assert ended.returncode == 0, ended.stdout
    assert [each["outcome"] for each in result(ended)["bindings"]] == ["rotated"]


def test_stored_tokens_that_the_api_rejects_are_replaced(
    inside: Cli, vault: Vault, ims: RemoteIms, tmp_path: Path
) -> None:
    names = [add_token_secret(vault, name, vault.credentials_secret) for name in ("a", "b")]
    manifest = write_manifest(
        tmp_path / "fleet.toml", *((vault.credentials_secret, name) for name in names)
    )
    probed = ("run", "--config", manifest, "--probe-url", ims.urls.hello, "--probe-stored")
    inside(*probed)
    accepted = inside(*probed, "--json")
    revoked = vault.fields(names[0]) | {"access_token": "revoked"}
    vault.client.put_secret_value(SecretId=names[0], SecretString=json.dumps(revoked))

    ended = inside(*probed, "--json")

    assert result(accepted)["summary"]["not_due"] == 2
    reasons = {each["token_secret"]: each["reason"] for each in result(ended)["bindings"]}
    assert reasons == {names[0]: "rejected", names[1]: "fresh"}
    assert vault.fields(names[0])["access_token"] != "revoked"


def test_probe_of_stored_tokens_needs_an_api_in_the_manifest_or_in_the_flags(
    inside: Cli, binding: LocalBinding, tmp_path: Path
) -> None:
    pair = (binding.credentials_secret, binding.token_secret)
    manifest = write_manifest(tmp_path / "fleet.toml", pair)

    ended = inside("run", "--config", manifest, "--probe-stored")

    assert ended.returncode == 2
    assert "no binding of the manifest has a probe_url" in ended.stdout


def test_different_failures_end_with_a_code_of_their_own(
    inside: Cli, vault: Vault, tmp_path: Path
) -> None:
    credentials = vault.credentials_secret
    missing = (credentials, vault.token_secret + "-missing")
    wrong = '[[binding]]\ncredentials_secret = "a"\n'
    pairs = [(credentials, vault.token_secret), missing]

    one_kind = inside("run", "--config", write_manifest(tmp_path / "one", *pairs))
    two_kinds = inside("run", "--config", write_manifest(tmp_path / "two", *pairs, more=wrong))

    assert (one_kind.returncode, two_kinds.returncode) == (5, 7)
    assert "3 bindings: 1 not due, 2 failed" in two_kinds.stdout
    assert "failed: manifest: binding 3: token_secret is missing" in two_kinds.stdout
    assert vault.fields()["access_token"]


def test_status_lists_the_most_urgent_first_and_ends_as_monitors_need(
    inside: Cli, vault: Vault, tmp_path: Path
) -> None:
    empty = add_token_secret(vault, "empty", vault.credentials_secret)
    vault.put_token()
    credentials = vault.credentials_secret
    manifest = write_manifest(
        tmp_path / "fleet.toml", (credentials, vault.token_secret), (credentials, empty)
    )

    ended = inside("status", "--config", manifest, "--json")
    table = inside("status", "--config", manifest).stdout

    assert ended.returncode == 6
    assert table.splitlines()[-1] == f"next step: `rotator run --config {manifest}`"
    assert [each["token_secret"] for each in result(ended)["bindings"]] == [
        empty,
        vault.token_secret,
    ]
    assert result(ended)["summary"] == {
        "bindings": 2,
        "healthy": 1,
        "overdue": 0,
        "unusable": 1,
        "unknown": 0,
    }


@pytest.mark.parametrize(
    ("args", "env", "problem"),
    [
        (("--config", "a", "--discover"), {}, "--config and --discover: select different bindings"),
        (
            ("--config", "a", "--credentials-secret", "c"),
            {},
            "--config and --credentials-secret: select different bindings",
        ),
        (
            ("--config", "a", "--token-secret", "t", "--force"),
            {},
            "--config and --token-secret: select different bindings; keep one of them",
        ),
        (
            ("--discover", "--token-secret", "t"),
            {},
            "--discover and --token-secret: select different bindings",
        ),
        (("--where", "a=b"), {}, "--where: works only with --discover; set both"),
        (("--discover", "--where", "a"), {}, "--where: pair 1 is not KEY=VALUE"),
        (("--config", "/nowhere/fleet.toml"), {}, "manifest: the file cannot be read"),
        ((), {"ROTATOR_DISCOVER": "perhaps"}, "ROTATOR_DISCOVER: must be true or false"),
        (
            ("--discover", "--probe-stored"),
            {},
            "--probe-stored: needs an API to call; pass --probe-url",
        ),
    ],
)
def test_ambiguous_or_wrong_selection_is_named(
    inside: Cli, args: tuple[str, ...], env: dict[str, str], problem: str
) -> None:
    ended = inside("run", *args, env=env)

    assert ended.returncode == 2
    assert problem in ended.stdout + ended.stderr


@pytest.mark.parametrize("selects", [("--config", "a"), ("--discover",)])
def test_status_of_a_fleet_refuses_the_name_of_one_token(
    inside: Cli, selects: tuple[str, ...]
) -> None:
    ended = inside("status", *selects, "adobe/token")

    assert ended.returncode == 2
    assert f"{selects[0]} and ID: select different bindings" in ended.stderr


def test_token_secret_of_the_environment_may_be_there_for_readers(
    inside: Cli, vault: Vault, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path / "f", (vault.credentials_secret, vault.token_secret))

    ended = inside("run", "--config", manifest, env={"ROTATOR_TOKEN_SECRET": "any/token"})

    assert ended.returncode == 0, ended.stdout


def test_refused_client_of_a_fleet_is_named_with_its_binding_and_the_next_step(
    inside: Cli, vault: Vault, tmp_path: Path
) -> None:
    vault.put_credentials(client_secret="wrong")
    other = add_token_secret(vault, "other", vault.credentials_secret)
    pairs = [(vault.credentials_secret, name) for name in (vault.token_secret, other)]

    ended = inside("run", "--config", write_manifest(tmp_path / "fleet.toml", *pairs))

    lines = ended.stdout.splitlines()
    told = [line for line in lines if line.startswith("failed: ")]
    assert ended.returncode == 3
    assert len(told) == 1
    assert f"2 token secrets of credentials secret {vault.credentials_secret}, " in told[0]
    assert vault.token_secret in told[0]
    assert other in told[0]
    assert "invalid_client" in told[0]
    assert (
        f"  next: check the client at the provider, then store its secret with `rotator"
        f" credentials set {vault.credentials_secret}`" in lines
    )


def test_next_step_of_each_binding_is_in_the_json(
    inside: Cli, vault: Vault, tmp_path: Path
) -> None:
    vault.put_credentials(client_secret="wrong")
    manifest = write_manifest(tmp_path / "f", (vault.credentials_secret, vault.token_secret))

    ended = inside("run", "--config", manifest, "--json")

    [binding] = json.loads(ended.stdout)["bindings"]
    assert (ended.returncode, binding["exit_code"]) == (3, 3)
    assert binding["next"] == (
        "check the client at the provider, then store its secret with"
        f" `rotator credentials set {vault.credentials_secret}`"
    )


def test_failure_of_a_fleet_is_not_told_as_that_of_the_binding_in_the_environment(
    inside: Cli, front: Front
) -> None:
    front.refuse("ListSecrets", code="AccessDeniedException")

    told = event(inside("run", "--discover", env={**front.env, "ROTATOR_TOKEN_SECRET": "a/token"}))

    assert told["aws_code"] == "AccessDeniedException"
    assert told["binding"] is None


def test_token_secret_that_a_tag_hands_over_is_told(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    other, name = f"{vault.token_secret}/other-credentials", vault.token_secret
    ims.configure(
        clients={vault.client_id: [vault.client_secret], "their-client": ["their-secret"]}
    )
    vault.put_credentials(token_secrets=[name])
    fields = json.loads(vault.current(vault.credentials_secret)[1])
    fields |= {"client_id": "their-client", "client_secret": "their-secret"}
    vault.client.create_secret(Name=other, SecretString=json.dumps(fields))
    where = ("--where", f"team={name}")
    ended = []
    for credentials in (vault.credentials_secret, other):
        tags = [{"Key": TAG, "Value": credentials}, {"Key": "team", "Value": name}]
        vault.client.tag_resource(SecretId=name, Tags=tags)
        ended.append(inside("run", "--discover", *where))

    first, second = ended
    assert (first.returncode, second.returncode) == (0, 0)
    assert "token_secret_handed_over" not in first.stderr
    assert (
        f"token secret {name}: was kept fresh by another credentials secret until now"
        in second.stderr
    )
    assert vault.client_id in second.stderr


@pytest.mark.parametrize("value", [None, "{broken"])
def test_failed_row_says_what_a_run_knows_of_the_token(
    inside: Cli, vault: Vault, tmp_path: Path, value: str | None
) -> None:
    vault.put("no JSON", secret_id=vault.credentials_secret)
    if value is not None:
        vault.put_token()
        vault.put(value)
    manifest = write_manifest(tmp_path / "f", (vault.credentials_secret, vault.token_secret))

    row = inside("run", "--config", manifest).stdout.splitlines()[0]

    known = "no token" if value is None else "no token in AWSCURRENT"
    assert row == f"failed  {vault.token_secret}  {known}"


def test_flag_that_names_a_binding_makes_the_fleet_of_the_environment_moot(
    inside: Cli, vault: Vault
) -> None:
    ended = inside("run", *vault.selectors, "--json", env={"ROTATOR_DISCOVER": "true"})

    assert ended.returncode == 0
    assert result(ended)["token_secret"] == vault.token_secret
    assert vault.fields()["access_token"]
