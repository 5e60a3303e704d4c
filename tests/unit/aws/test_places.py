"""Messages about what was not found or not reached say where the SDK has looked."""

import boto3
import botocore.session
import pytest
from botocore.config import Config

from rotator.aws.errors import explain_error
from rotator.aws.places import DNS_SUFFIXES, place_of_client
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


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:0", "http://[::1", "ftp://127.0.0.1", "http://:4566", "127.0.0.1:4566"],
)
def test_endpoint_where_no_server_can_be_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    """Some of them counted as unreachable, which the next run would try again."""
    error = None
    try:
        error = problem(monkeypatch, **{variable: url})
    except ValueError as refused:  # boto3 parses some of them before we have a client
        error = explain_error(refused)

    assert not error.retryable
    assert str(error).startswith(f"{variable}: is not a URL; write it as ")


def place(host: str, region: str = "eu-west-1") -> str:
    client = boto3.Session("key", "secret", region_name=region).client(
        "secretsmanager", endpoint_url=f"https://{host}"
    )
    return place_of_client(client)


@pytest.mark.parametrize(
    "host",
    [
        "secretsmanager.eu-west-1.canary.example",
        "secretsmanager.eu-west-1.amazonaws.com.canary.example",
        "secretsmanager.eu-west-1.notamazonaws.com",
        "secretsmanager.us-east-1.amazonaws.com",
        "vpce-0a1b-2c3d.secretsmanager.eu-west-1.vpce.amazonaws.com",
    ],
)
def test_host_that_is_not_the_public_endpoint_of_the_region_is_named(host: str) -> None:
    assert place(host) == f"eu-west-1, endpoint_url is {host}"


@pytest.mark.parametrize(
    "host",
    [
        "secretsmanager.eu-west-1.amazonaws.com",
        "secretsmanager-fips.eu-west-1.amazonaws.com",
        "secretsmanager.eu-west-1.api.aws",
    ],
)
def test_public_endpoint_goes_without_saying(host: str) -> None:
    assert place(host) == "eu-west-1"


def test_suffixes_of_aws_are_those_of_its_sdk() -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    outputs = [each["outputs"] for each in loader.load_data("partitions")["partitions"]]

    named = {each[key] for each in outputs for key in ("dnsSuffix", "dualStackDnsSuffix")}

    assert named <= DNS_SUFFIXES
