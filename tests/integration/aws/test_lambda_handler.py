"""The function does the job once per invocation, and lets AWS see what became of it."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from rotator import lambda_handler
from rotator.app import open_store
from rotator.aws.store import SecretsManagerStore
from rotator.errors import ConfigError, CredentialsError, MintError, RotatorError
from rotator.lambda_handler import handler
from rotator.local.binding import LocalBinding
from rotator.local.environment import secrets_manager_client
from rotator.local.ims import LocalIms
from tests.integration.cli.vault import Vault
from tests.support.lambda_function import (
    LambdaContext,
    metrics_of,
    run_secrets_manager,
    set_environment,
)

WRONG = "p8e-canary-of-a-wrong-secret"


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    """Neither another test's client, nor a log that goes to the stream of a test that is over."""
    lambda_handler._rotator.cache_clear()  # noqa: SLF001 - an environment of Lambda has one
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with run_secrets_manager() as url:
        yield url


@pytest.fixture
def ims() -> Iterator[LocalIms]:
    with LocalIms() as running:
        yield running


@pytest.fixture
def vault(endpoint_url: str, ims: LocalIms, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """Both secrets as the template makes them, named by the environment."""
    set_environment(monkeypatch, endpoint_url)
    client = secrets_manager_client(endpoint_url)
    vault = Vault.of(LocalBinding.register(ims, prefix=str(uuid.uuid4())), client)
    vault.create()
    monkeypatch.setenv("ROTATOR_CREDENTIALS_SECRET", vault.credentials_secret)
    monkeypatch.setenv("ROTATOR_TOKEN_SECRET", vault.token_secret)
    yield vault
    client.close()


SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": "123456789012",
    "time": "2026-01-31T09:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:scheduler:eu-west-1:123456789012:schedule/default/rotator"],
    "detail": "{}",
}


@pytest.mark.parametrize("event", [SCHEDULED, SCHEDULED | {"source": "aws.events"}, {}, None])
def test_schedules_event_rotates_what_the_environment_names(event: object, vault: Vault) -> None:
    answer = handler(event, LambdaContext())

    assert answer["outcome"] == "rotated"
    assert answer["reason"] == "token_missing"
    assert answer["token_secret"] == vault.token_secret
    assert answer["expires_at"] == vault.fields()["expires_at"]


@pytest.mark.usefixtures("vault")
def test_second_tick_is_a_no_op(ims: LocalIms) -> None:
    first = handler(SCHEDULED, LambdaContext())
    second = handler(SCHEDULED, LambdaContext())

    assert second["outcome"] == "not_due"
    assert second["version_id"] == first["version_id"]
    assert ims.observed()["tokens_minted"] == 1


def test_event_that_names_the_secrets_wins_over_the_environment(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATOR_CREDENTIALS_SECRET", "of/somebody-else")
    monkeypatch.setenv("ROTATOR_TOKEN_SECRET", "of/somebody-else")
    named = {"credentials_secret": vault.credentials_secret, "token_secret": vault.token_secret}

    assert handler(named, LambdaContext())["outcome"] == "rotated"
    assert vault.fields()["access_token"]


@pytest.mark.usefixtures("vault")
def test_force_rotates_a_token_that_is_not_due(ims: LocalIms) -> None:
    first = handler({}, LambdaContext())
    # Within a second the next token would not expire later, and be refused for it.
    ims.configure(token_lifetime_s=86_460)
    forced = handler({"force": True}, LambdaContext())

    assert (forced["outcome"], forced["reason"]) == ("rotated", "forced")
    assert forced["version_id"] != first["version_id"]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ([], "must be a JSON object"),
        ({"token_secret": "a/token"}, "must name both secrets, or neither"),
        ({"credentials_secret": "a/b", "token_secret": 7}, "token_secret must be a secret's name"),
        ({"force": "yes"}, "force must be true or false"),
        ({"tokensecret": "a/token"}, "did you mean token_secret?"),
        ({"rotate-client-secret": True}, "did you mean rotate_client_secret?"),
        ({"probe_url": "https://elsewhere.example"}, "has an unknown field"),
        ({"Records": []}, "has an unknown field"),
        ({"source": ["a"]}, "has an unknown field"),
    ],
)
@pytest.mark.usefixtures("vault")
def test_event_of_another_kind_is_refused(
    event: object, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=r"^event: ") as caught:
        handler(event, LambdaContext())

    said = capsys.readouterr()
    [line] = said.err.splitlines()

    assert problem in str(caught.value)
    assert json.loads(line)["outcome"] == "failed"
    assert "elsewhere" not in said.err
    assert said.out == ""  # it is not known whose metrics these would be


def test_wrong_settings_of_the_log_are_logged_and_measured(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROTATOR_LOG_LEVEL", "loud")
    with pytest.raises(ConfigError, match="ROTATOR_LOG_LEVEL") as caught:
        handler(SCHEDULED, LambdaContext())
    said = capsys.readouterr()
    event = json.loads(said.err)

    assert event["event"] == "rotator.rotation_failed"
    assert (event["outcome"], event["error"]) == ("failed", str(caught.value))
    assert event["request_id"] == LambdaContext().aws_request_id
    assert event["binding"] == vault.token_secret
    assert metrics_of(said.out)["RotationFailed"] == 1


def test_run_logs_one_line_of_metrics_that_cloudwatch_understands(
    vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    before = datetime.now(UTC)
    handler(SCHEDULED, LambdaContext())
    line = metrics_of(capsys.readouterr().out)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    named = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}

    assert directive["Namespace"] == "Rotator"
    assert directive["Dimensions"] == [["TokenSecret"]]
    assert line["TokenSecret"] == vault.token_secret
    assert named == {
        "TokenRemainingSeconds": "Seconds",
        "RotationSucceeded": "Count",
        "RotationFailed": "Count",
        "MintDuration": "Milliseconds",
    }
    assert all(isinstance(line[name], int | float) for name in named)
    assert (line["RotationSucceeded"], line["RotationFailed"]) == (1, 0)
    assert 86_390 <= line["TokenRemainingSeconds"] <= 86_399
    assert line["_aws"]["Timestamp"] >= int(before.timestamp() * 1000)


@pytest.mark.usefixtures("vault")
def test_tick_that_mints_nothing_still_tells_the_remaining_life(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler(SCHEDULED, LambdaContext())
    capsys.readouterr()
    handler(SCHEDULED, LambdaContext())
    line = metrics_of(capsys.readouterr().out)

    assert line["TokenRemainingSeconds"] > 86_000
    assert (line["RotationSucceeded"], line["RotationFailed"]) == (0, 0)
    assert "MintDuration" not in line


def test_failure_is_raised_logged_and_measured_and_the_token_stays(
    vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    handler(SCHEDULED, LambdaContext())
    kept = vault.fields()
    vault.put_credentials(client_secret=WRONG)
    capsys.readouterr()

    with pytest.raises(MintError) as caught:
        handler({"force": True}, LambdaContext())
    output = capsys.readouterr()
    event = json.loads(output.err.splitlines()[-1])
    line = metrics_of(output.out)

    assert caught.value.oauth_error == "invalid_client"
    assert (event["event"], event["outcome"]) == ("rotator.rotation_failed", "failed")
    assert event["request_id"] == line["request_id"] == LambdaContext().aws_request_id
    assert event["error"] == str(caught.value)
    assert (line["RotationSucceeded"], line["RotationFailed"]) == (0, 1)
    # A failing job goes on telling how long the stored token still lives.
    assert line["TokenRemainingSeconds"] > 86_000
    assert vault.fields() == kept


def test_no_secret_reaches_the_log_or_the_error(
    vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    handler(SCHEDULED, LambdaContext())
    token = vault.fields()["access_token"]
    vault.put_credentials(client_secret=WRONG)
    with pytest.raises(RotatorError) as caught:
        handler({"force": True}, LambdaContext())
    output = capsys.readouterr()
    said = f"{output.out}{output.err}{caught.value}{caught.value.__context__}"

    assert output.err
    assert [s for s in (token, WRONG, vault.client_secret) if s in said] == []
    assert caught.value.__context__ is None


def test_unreadable_credentials_are_an_error_that_helps(vault: Vault) -> None:
    vault.put("{}", secret_id=vault.credentials_secret)

    with pytest.raises(CredentialsError, match="client_id is missing"):
        handler(SCHEDULED, LambdaContext())


def test_error_of_an_unknown_kind_is_raised_without_its_text(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(_: object) -> None:
        raise ZeroDivisionError(vault.client_secret)

    monkeypatch.setattr(lambda_handler, "open_store", explode)
    with pytest.raises(RotatorError) as caught:
        handler(SCHEDULED, LambdaContext())
    output = capsys.readouterr()

    place = r"explode \(test_lambda_handler\.py:\d+\)"
    assert re.fullmatch(
        f"unexpected ZeroDivisionError in {place}; please report it", str(caught.value)
    )
    assert caught.value.__context__ is None
    assert vault.client_secret not in output.out + output.err
    assert metrics_of(output.out)["RotationFailed"] == 1


@pytest.mark.usefixtures("vault")
def test_no_mint_is_begun_without_time_to_publish(ims: LocalIms) -> None:
    # Reading a rival's version and putting ours: a few calls, each of which may be repeated.
    # Lambda's own default is a timeout of 3 seconds.
    for remaining_ms in (3_000, 10_000):
        with pytest.raises(ConfigError, match="raise the function's timeout, to 120 seconds"):
            handler(SCHEDULED, LambdaContext(remaining_ms=remaining_ms))

    assert ims.observed()["token_requests"] == 0


@pytest.mark.usefixtures("vault")
def test_aws_client_is_kept_between_invocations(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_and_count(region: str | None) -> SecretsManagerStore:
        opened.append(region)
        return open_store(region)

    monkeypatch.setattr(lambda_handler, "open_store", open_and_count)

    for cadence in ("23h", "22h", "21h"):  # settings that make no difference to the client
        monkeypatch.setenv("ROTATOR_CADENCE", cadence)
        handler(SCHEDULED, LambdaContext())

    assert len(opened) == 1


def test_event_that_names_a_secret_makes_no_metric_dimension(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # CloudWatch bills each dimension, and whoever may invoke the function chooses the names.
    event = {"credentials_secret": vault.credentials_secret, "token_secret": vault.token_secret}
    monkeypatch.setenv("ROTATOR_TOKEN_SECRET", "another/token")

    outcome = handler(event, LambdaContext())["outcome"]
    with pytest.raises(RotatorError):
        handler({**event, "token_secret": "no/such/token"}, LambdaContext())

    assert outcome == "rotated"
    assert capsys.readouterr().out == ""


def test_event_that_names_the_binding_of_the_environment_is_measured(
    vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    handler(
        {"credentials_secret": vault.credentials_secret, "token_secret": vault.token_secret},
        LambdaContext(),
    )

    assert metrics_of(capsys.readouterr().out)["TokenSecret"] == vault.token_secret
