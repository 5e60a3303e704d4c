"""The function rotates a client secret when the event asks for it, and tells its age."""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from rotator.aws.store import SecretsManagerStore
from rotator.errors import ClientAdminError, ConfigError, VersionConflict
from rotator.lambda_handler import handler
from rotator.local.environment import secrets_manager_client
from tests.support.clock import ManualClock
from tests.support.lambda_function import (
    LambdaContext,
    metrics_of,
    run_secrets_manager,
    set_environment,
)
from tests.support.sdk_service import SdkClient
from tests.support.secret_providers import FIRST_VALUE, FakeEntraId
from tests.support.secret_server import serve
from tests.support.secret_world import Crashed

EVENT = {"rotate_client_secret": True}
CONTEXT = LambdaContext(remaining_ms=300_000)


@pytest.fixture
def fake() -> FakeEntraId:
    return FakeEntraId(ManualClock(datetime.now(UTC)))


@pytest.fixture
def client(fake: FakeEntraId, monkeypatch: pytest.MonkeyPatch) -> Iterator[SdkClient]:
    """A client of the Secrets Manager in which the environment's secrets are."""
    name = f"{uuid.uuid4()}/client"
    with run_secrets_manager() as endpoint_url, serve(fake) as url:
        set_environment(monkeypatch, endpoint_url)
        monkeypatch.setenv("ROTATOR_CREDENTIALS_SECRET", name)
        monkeypatch.setenv("ROTATOR_TOKEN_SECRET", f"{name}-token")
        client = secrets_manager_client(endpoint_url)
        fields = {
            "client_id": fake.client_id,
            "client_secret": FIRST_VALUE,
            "token_url": f"{url}/token",
            "auth_method": "client_secret_post",
            "client_admin": fake.settings | {"url": url},
        }
        client.create_secret(Name=name, SecretString=json.dumps(fields))
        client.create_secret(Name=f"{name}-token")
        yield client
        client.close()
    structlog.reset_defaults()


def name() -> str:
    """The credentials secret that the environment names."""
    return os.environ["ROTATOR_CREDENTIALS_SECRET"]


def test_edit_that_a_killed_function_replaced_is_put_back_by_the_next_one(
    client: Any,  # noqa: ANN401 - its methods are made at run time
) -> None:
    put = SecretsManagerStore.put
    fields = json.loads(client.get_secret_value(SecretId=name())["SecretString"])
    theirs = json.dumps(fields | {"client_secret": "theirs-canary"})

    def store_by_hand_and_put(*args: Any, **options: Any) -> None:
        client.put_secret_value(SecretId=name(), SecretString=theirs)
        put(*args, **options)

    def die(*_: object) -> None:
        raise Crashed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SecretsManagerStore, "put", store_by_hand_and_put)
        patched.setattr(SecretsManagerStore, "read_previous", die)
        with pytest.raises(Crashed):
            handler(EVENT, CONTEXT)

    with pytest.raises(VersionConflict, match="are put back"):
        handler(EVENT, CONTEXT)
    stored = json.loads(client.get_secret_value(SecretId=name())["SecretString"])
    assert stored["client_secret"] == ["theirs-canary", FIRST_VALUE]


def test_event_begins_a_rotation_and_tells_the_age(
    client: SdkClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = handler(EVENT, CONTEXT)

    assert answer["outcome"] == "started"
    assert answer["credentials_secret"] == name()
    stored = json.loads(client.get_secret_value(SecretId=name())["SecretString"])
    assert stored["client_secret"][1] == FIRST_VALUE
    said = capsys.readouterr()
    assert "canary" not in said.out + said.err + str(answer)
    sent = metrics_of(said.out)
    assert sent["CredentialsSecret"] == name()
    assert sent["ClientSecretAgeSeconds"] < 120
    assert 0 <= timedelta(days=180).total_seconds() - sent["ClientSecretRemainingSeconds"] < 120


def test_young_client_secret_is_left_and_its_age_told(
    client: SdkClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROTATOR_CLIENT_SECRET_MAX_AGE", "300d")

    assert handler(EVENT, CONTEXT)["outcome"] == "not_due"

    age_s = timedelta(days=200).total_seconds()
    assert 0 <= metrics_of(capsys.readouterr().out)["ClientSecretAgeSeconds"] - age_s < 120
    assert FIRST_VALUE in client.get_secret_value(SecretId=name())["SecretString"]


def test_token_secret_of_the_environment_counts_as_named(client: SdkClient) -> None:
    handler(EVENT, CONTEXT)

    [unmet, _] = handler(EVENT, CONTEXT)["unmet"]

    assert unmet.startswith(f"token secret {name()}-token: holds no token")
    del client


@pytest.mark.usefixtures("client")
def test_event_that_names_a_secret_makes_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    handler(EVENT | {"credentials_secret": name()}, CONTEXT)

    assert "_aws" not in capsys.readouterr().out


@pytest.mark.usefixtures("client")
def test_failure_is_raised_and_logged_once(
    fake: FakeEntraId, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.is_allowed = False

    with pytest.raises(ClientAdminError, match=r"Application\.ReadWrite\.OwnedBy"):
        handler(EVENT, CONTEXT)

    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "rotator.client_secret_rotation_failed"


@pytest.mark.usefixtures("client")
def test_failure_names_the_credentials_secret_as_the_other_outcomes_do(
    fake: FakeEntraId, capsys: pytest.CaptureFixture[str]
) -> None:
    handler(EVENT, CONTEXT)
    [checked] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    fake.is_allowed = False

    with pytest.raises(ClientAdminError):
        handler(EVENT, CONTEXT)

    [failed] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert checked["credentials_secret"] == name()
    assert failed["credentials_secret"] == name()
    assert "binding" not in failed


@pytest.mark.parametrize(
    "event",
    [
        {"rotate_client_secret": False},
        {"rotate_client_secret": True, "token_secret": "app/token"},
        {"rotate_client_secret": True, "credentials_secret": 7},
        {"rotate_client_secret": True, "credentials_secret": "a b"},
    ],
)
@pytest.mark.usefixtures("client")
def test_wrong_event_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="event"):
        handler(event, CONTEXT)
