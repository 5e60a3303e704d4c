"""Messages about what was not found or not reached say where the SDK has looked."""

import boto3
import pytest
from botocore.config import Config

from rotator.aws.store import SecretsManagerStore
from rotator.errors import RotatorError, SecretNotFound
from tests.support.http_server import HttpServer, json_reply

NOWHERE = "http://user:canary@127.0.0.1:1"


def problem(monkeypatch: pytest.MonkeyPatch, **variables: str) -> RotatorError:
    """What a read says of a secret; nothing but `variables` leads the SDK anywhere."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    client = boto3.Session("key", "secret", region_name="eu-west-1").client(
        "secretsmanager", config=Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(RotatorError) as caught:
        SecretsManagerStore(client).read("adobe/token")
    return caught.value


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
def test_unreachable_endpoint_is_named_with_what_has_set_it(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    said = str(problem(monkeypatch, **{variable: NOWHERE}))

    assert "cannot be reached (GetSecretValue: " in said
    assert f"; eu-west-1, {variable} is 127.0.0.1:1)" in said
    assert "canary" not in said


def test_missing_secret_is_told_with_the_region_that_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = {"__type": "ResourceNotFoundException", "Message": "no such secret"}
    with HttpServer(lambda _: json_reply(400, refusal)) as server:
        error = problem(monkeypatch, AWS_ENDPOINT_URL=server.url)

    host = server.url.removeprefix("http://")
    assert isinstance(error, SecretNotFound)
    assert f"account and region (eu-west-1, AWS_ENDPOINT_URL is {host}); check" in str(error)


def test_endpoint_of_aws_is_named_by_its_region_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert "; eu-west-1)" in str(problem(monkeypatch))
