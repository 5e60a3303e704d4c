"""`rotator rotate-client-secret`: over HTTP, with the job beside it, and every way it can end."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.cli.rig import Cli, event, result
from tests.integration.cli.vault import Vault
from tests.support.clock import ManualClock
from tests.support.secret_providers import (
    FAKES,
    FIRST_VALUE,
    FakeAdobe,
    FakeEntraId,
    FakeOkta,
    SecretFake,
)
from tests.support.secret_server import serve

SELF_SERVED = tuple(fake for fake in FAKES if fake is not FakeOkta)


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> SecretFake:
    """The provider of a test that names none is Adobe's."""
    make: type[SecretFake] = getattr(request, "param", FakeAdobe)
    return make(ManualClock(datetime.now(UTC)))


@pytest.fixture
def name(fake: SecretFake, vault: Vault) -> Iterator[str]:
    """The name of the credentials secret of a client of that provider."""
    with serve(fake) as url:
        vault.put_credentials(
            client_id=fake.client_id,
            client_secret=FIRST_VALUE,
            token_url=f"{url}/token",
            auth_method="client_secret_post",
            token_secrets=[vault.token_secret],
            client_admin=fake.settings | {"url": url},
        )
        yield vault.credentials_secret


def stored(vault: Vault, name: str) -> list[str]:
    value = vault.fields(name)["client_secret"]
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("fake", SELF_SERVED, ids=lambda fake: fake.KIND, indirect=True)
def test_rotation_begins_and_the_job_mints_with_the_new_client_secret(
    inside: Cli, vault: Vault, fake: SecretFake, name: str
) -> None:
    ended = inside("rotate-client-secret", name, "--json")

    assert ended.returncode == 0, ended.stdout
    assert result(ended)["outcome"] == "started"
    assert event(ended)["event"] == "rotator.client_secret_checked"
    assert "canary" not in ended.stdout + ended.stderr
    new, old = stored(vault, name)
    assert fake.accepts(new)
    assert old == FIRST_VALUE
    job = inside("run", *vault.selectors)
    assert job.returncode == 0
    assert vault.fields()["client_secret_position"] == 1


def test_dry_run_shows_each_condition_as_text(inside: Cli, name: str) -> None:
    inside("rotate-client-secret", name)

    ended = inside("rotate-client-secret", name, "--dry-run")

    assert ended.returncode == 0
    first, heading, *conditions, last = ended.stdout.splitlines()
    assert first == "waiting: the old client secret adobe-secret-1 is kept for now"
    assert heading == "conditions for the end of the old client secret:"
    assert [line[:8] for line in conditions] == ["  open  ", "  met   ", "  open  ", "  open  "]
    assert "the value of the old client secret adobe-secret-1 is stored" in conditions[1]
    assert "holds no token; run the job" in conditions[0]
    assert last.startswith("next: run this again")


def test_process_of_its_own_ends_a_rotation(
    cli: Cli, vault: Vault, fake: SecretFake, name: str
) -> None:
    cli("rotate-client-secret", name)
    cli("run", *vault.selectors)
    fields = vault.fields(name)
    long_ago = (datetime.now(UTC) - timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields["client_secret_rotation"]["stored_at"] = long_ago
    fields["client_secret_rotation"]["new"]["created_at"] = long_ago
    fields["client_secret_rotation"]["minted_since"] = {vault.token_secret: long_ago}
    vault.put(json.dumps(fields), secret_id=name)

    ended = cli("rotate-client-secret", "--credentials-secret", name)

    assert ended.stdout.startswith("waiting: ")  # the provider has seen the old one used today
    assert "open  the provider last saw the old client secret used at" in ended.stdout
    assert ended.stdout.count("  open  ") == 1

    fake.secrets["adobe-secret-1"].used_at = None
    ended = cli("rotate-client-secret", "--credentials-secret", name)

    assert ended.returncode == 0
    assert ended.stdout.startswith("finished: client secret adobe-secret-2 has replaced ")
    assert FIRST_VALUE not in stored(vault, name)
    assert list(fake.secrets) == ["adobe-secret-2"]


@pytest.mark.parametrize(
    "fake", [FakeAdobe, FakeEntraId], ids=lambda fake: fake.KIND, indirect=True
)
def test_runbook_of_a_leaked_client_secret_waits_for_no_overlap(
    inside: Cli, vault: Vault, fake: SecretFake, name: str
) -> None:
    """As docs/client-secrets.md says ("The client secret leaked")."""
    force = ("run", *vault.selectors, "--force")
    began = inside("rotate-client-secret", name)
    minted = inside(*force)
    leaked = fake.accepts(FIRST_VALUE)
    assert leaked is not None  # a rotation alone doesn't end it
    assert leaked.id in began.stdout
    del fake.secrets[leaked.id]
    ended = inside("rotate-client-secret", name)
    again = inside(*force)

    assert began.stdout.startswith("started: ")
    assert "were refused" not in minted.stdout + minted.stderr
    assert ended.stdout.startswith("finished: ")
    assert FIRST_VALUE not in stored(vault, name)
    assert [each.returncode for each in (began, minted, ended, again)] == [0, 0, 0, 0]


def test_right_that_is_missing_ends_with_3(inside: Cli, fake: SecretFake, name: str) -> None:
    fake.is_allowed = False

    ended = inside("rotate-client-secret", name, "--json")

    assert ended.returncode == 3
    assert "grant the scopes read_client_secret" in result(ended)["error"]
    assert event(ended)["event"] == "rotator.client_secret_rotation_failed"
    assert "canary" not in ended.stdout + ended.stderr


def test_full_house_ends_with_2(inside: Cli, fake: SecretFake, name: str) -> None:
    fake.make("canary-foreign")

    ended = inside("rotate-client-secret", name)

    assert ended.returncode == 2
    assert ended.stdout.startswith("failed: adobe: has several client secrets: ")


def test_provider_that_cannot_be_reached_ends_with_4(inside: Cli, vault: Vault, name: str) -> None:
    fields = vault.fields(name)
    fields["client_admin"]["url"] = "http://127.0.0.1:9"
    vault.put(json.dumps(fields), secret_id=name)

    ended = inside("rotate-client-secret", name)

    assert ended.returncode == 4
    assert "temporary: run this again" in ended.stdout
    assert stored(vault, name) == [FIRST_VALUE]


def test_settings_come_from_the_environment(inside: Cli, name: str) -> None:
    env = {"ROTATOR_CREDENTIALS_SECRET": name, "ROTATOR_CLIENT_SECRET_MAX_AGE": "300d"}

    ended = inside("rotate-client-secret", env=env)

    assert ended.returncode == 0
    assert ended.stdout.startswith("not due: client secret adobe-secret-1 is 200d")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--overlap", "soon"), "--overlap: is not a duration"),
        (("--max-age", "0d"), "--max-age: is zero"),
        (("--token-secret", "a b"), "--token-secret: is not a valid secret name or ARN"),
    ],
)
def test_wrong_setting_ends_with_2(
    inside: Cli, name: str, args: tuple[str, str], said: str
) -> None:
    ended = inside("rotate-client-secret", name, *args)

    assert ended.returncode == 2
    assert said in ended.stdout


def test_credentials_without_an_interface_say_what_to_store(inside: Cli, vault: Vault) -> None:
    ended = inside("rotate-client-secret", vault.credentials_secret)

    assert ended.returncode == 2
    assert "client_admin" in ended.stdout


def test_status_shows_age_and_rotation_under_way(inside: Cli, vault: Vault, name: str) -> None:
    inside("rotate-client-secret", name)
    inside("run", *vault.selectors)

    table = inside("status", *vault.selectors).stdout
    shown = result(inside("status", *vault.selectors, "--json"))["client_secret"]

    [line] = [line for line in table.splitlines() if line.startswith("client secret")]
    assert re.search(r" old, rotation under way since \S+Z \(both are in use\)$", line)
    assert shown["id"] == "adobe-secret-2"
    assert shown["rotation_step"] == "overlap"
    assert "canary" not in table


def test_status_says_that_one_of_the_two_was_taken_out(
    inside: Cli, vault: Vault, name: str
) -> None:
    inside("rotate-client-secret", name)
    inside("credentials", "remove", name, "--number", "1")

    table = inside("status", *vault.selectors).stdout

    [line] = [line for line in table.splitlines() if line.startswith("client secret")]
    assert line.endswith("(only one of the two is stored)")


def test_credentials_secret_is_refused_as_a_token_secret(inside: Cli, name: str) -> None:
    ended = inside("rotate-client-secret", name, "--token-secret", name)

    assert ended.returncode == 2
    assert f"token secret {name}: is the credentials secret, which holds no token" in ended.stdout


def test_fleet_shows_a_shared_client_secret_once(
    inside: Cli, vault: Vault, name: str, tmp_path: Path
) -> None:
    inside("rotate-client-secret", name)
    tokens = [vault.token_secret, f"{vault.token_secret}/other"]
    vault.client.create_secret(Name=tokens[1])
    binding = '[[binding]]\ncredentials_secret = "{}"\ntoken_secret = "{}"\n'
    manifest, metrics = tmp_path / "fleet.toml", tmp_path / "rotator.prom"
    manifest.write_text("".join(binding.format(name, token) for token in tokens))
    several = ("status", "--config", str(manifest))

    table = inside(*several, "--openmetrics", str(metrics)).stdout
    shown = result(inside(*several, "--json"))
    alone = result(inside("status", *vault.selectors, "--json"))

    [line] = [line for line in table.splitlines() if line.startswith("client secret")]
    assert re.search(rf"  {name}  \S+ old, rotation under way since \S+Z \(", line)
    assert shown["client_secrets"] == [{"credentials_secret": name, **alone["client_secret"]}]
    samples = metrics.read_text().splitlines()
    under_way = f'rotator_client_secret_rotation_under_way{{credentials_secret="{name}"}} 1'
    assert samples.count(under_way) == 1


def test_state_that_cannot_be_read_costs_no_status(inside: Cli, vault: Vault, name: str) -> None:
    fields = vault.fields(name) | {"client_secret_rotation": "junk"}
    vault.put(json.dumps(fields), secret_id=name)
    inside("run", *vault.selectors)

    ended = inside("status", *vault.selectors, "--json")

    assert ended.returncode == 0
    assert result(ended)["client_secret"] is None


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.KIND, indirect=True)
def test_dead_client_secret_beside_one_made_by_hand_is_refused_with_the_way_out(
    inside: Cli, vault: Vault, fake: SecretFake, name: str
) -> None:
    with serve(FakeAdobe(ManualClock(datetime.now(UTC)))) as management:  # it still works there
        key = {
            "client_id": fake.client_id,
            "client_secret": FIRST_VALUE,
            "token_url": f"{management}/token",
            "auth_method": "client_secret_post",
            "admin_of": [name],
        }
        vault.client.create_secret(Name=f"{name}-admin", SecretString=json.dumps(key))
        fields = vault.fields(name)
        fields["client_admin"]["credentials_secret"] = f"{name}-admin"
        vault.put(json.dumps(fields), secret_id=name)
        fake.secrets.clear()
        theirs = fake.make("canary-made-by-hand")

        ended = inside("rotate-client-secret", name)

    assert ended.returncode == 3, ended.stdout
    assert f"credentials secret {name}: its client secret is not accepted" in ended.stdout
    assert '(docs/client-secrets.md, "No stored client secret is accepted")' in ended.stdout
    assert "canary" not in ended.stdout + ended.stderr
    assert stored(vault, name) == [FIRST_VALUE]
    assert list(fake.secrets) == [theirs.id]
    assert theirs.is_active


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_wait_that_a_signal_interrupts_says_what_is_stored(
    aws_env: dict[str, str], vault: Vault, fake: SecretFake, name: str, number: int
) -> None:
    fake.lag = timedelta(days=1)
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", "rotate-client-secret", name],
        env=aws_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        waits = json.loads(process.stderr.readline())
        process.send_signal(number)
        said, warned = process.communicate(timeout=60)

    assert waits["event"] == "rotator.client_secret_awaited"
    interrupted = json.loads(warned.splitlines()[-1])  # a signal during a write repeats its line
    assert interrupted["event"] == "rotator.client_secret_rotation_interrupted"
    assert "client secret adobe-secret-2 is stored, with adobe-secret-1 behind it" in warned
    assert (said, process.returncode) == ("", 128 + number)
    assert "canary" not in warned
    assert stored(vault, name) == ["canary-adobe-value-2", FIRST_VALUE]
