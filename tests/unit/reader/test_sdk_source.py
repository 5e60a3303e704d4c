"""The source sdk: its client, and what the SDK's exceptions become."""

import gc
from functools import partial
from typing import Any

import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from rotator.aws.store import connect
from rotator.errors import ConfigError, RotatorError, SecretNotFound, StoreError, TokenUnavailable
from rotator.reader import TokenReader, get_token
from rotator.reader.secrets_manager import SdkSource
from tests.support.reader_rig import free_port

NOT_FOUND = "ResourceNotFoundException"
NO_VALUE = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
PERMANENT, TEMPORARY, SETTING = (StoreError, False), (StoreError, True), (ConfigError, False)


pytestmark = pytest.mark.usefixtures("bare_environment")


class FailingClient:
    """A client of the caller's that fails as botocore does."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        raise self.error


def client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "GetSecretValue")


@pytest.mark.parametrize(
    ("sdk_error", "outcome", "text"),
    [
        (client_error(NOT_FOUND, "no such secret"), (SecretNotFound, False), "does not exist"),
        (client_error(NOT_FOUND, NO_VALUE), (TokenUnavailable, True), "has no AWSCURRENT value"),
        (client_error("AccessDeniedException"), PERMANENT, "grant secretsmanager:GetSecret"),
        (
            client_error("AccessDeniedException", "Access to KMS is not allowed"),
            PERMANENT,
            "kms:Decrypt",
        ),
        (client_error("DecryptionFailure"), PERMANENT, "kms:Decrypt"),
        (client_error("ExpiredTokenException"), PERMANENT, "does not accept these AWS cred"),
        (
            client_error("InvalidRequestException", "it was marked for deletion."),
            PERMANENT,
            "restore-secret",
        ),
        (client_error("InvalidRequestException", "other"), PERMANENT, "refused"),
        (client_error("ThrottlingException"), TEMPORARY, "temporarily unavailable"),
        (client_error("InternalServiceError", status=500), TEMPORARY, "temporarily unavailable"),
        (client_error("NewTrouble", status=503), TEMPORARY, "temporarily unavailable"),
        (NoRegionError(), SETTING, "AWS region: not set"),
        (InvalidRegionError(region_name="canary"), SETTING, "AWS region"),
        (NoCredentialsError(), SETTING, "AWS credentials"),
        (PartialCredentialsError(provider="env", cred_var="x"), SETTING, "AWS cred"),
        (UnauthorizedSSOTokenError(), SETTING, "run `aws sso login`"),
        (ProfileNotFound(profile="canary"), SETTING, "AWS_PROFILE"),
        (ValueError("Invalid endpoint: canary"), SETTING, "AWS_ENDPOINT_URL"),
        (ModuleNotFoundError("No module named 'botocore'"), SETTING, "AWS SDK"),
        (EndpointConnectionError(endpoint_url="x"), TEMPORARY, "cannot be reached"),
        (ConnectTimeoutError(endpoint_url="x"), TEMPORARY, "cannot be reached"),
        (ReadTimeoutError(endpoint_url="x"), TEMPORARY, "cannot be reached"),
        (ResponseParserError("invalid JSON: canary"), PERMANENT, "the AWS SDK failed"),
        (KeyError("canary"), PERMANENT, "the AWS SDK failed"),
    ],
)
def test_sdk_exceptions_become_ours_without_their_text(
    sdk_error: Exception, outcome: tuple[type[RotatorError], bool], text: str
) -> None:
    with pytest.raises(RotatorError, match=text) as caught:
        TokenReader("s", client=FailingClient(sdk_error)).token()
    assert (type(caught.value), caught.value.retryable) == outcome
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert "canary" not in str(caught.value)


def test_unreachable_endpoint_without_region_or_credentials_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigError, match="AWS region: not set"):
        get_token("s")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(ConfigError, match="AWS credentials: none found"):
        get_token("s")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="AWS_PROFILE: there is no such profile"):
        get_token("s")
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no url")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL: is not a URL"):
        get_token("s")


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("AWS_DEFAULTS_MODE", "AWS_DEFAULTS_MODE: is not a mode"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "AWS_STS_REGIONAL_ENDPOINTS: is neither"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_REQUEST_CHECKSUM_CALCULATION or"),
        ("AWS_METADATA_SERVICE_TIMEOUT", "AWS configuration: the AWS SDK rejects it"),
    ],
)
def test_setting_that_the_sdk_does_not_take_is_one_for_job_and_reader(
    monkeypatch: pytest.MonkeyPatch, variable: str, problem: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv(variable, "canary")
    known = [names[1] for names in BOTOCORE_DEFAUT_SESSION_VARIABLES.values()]
    if "CHECKSUM" in variable and variable not in known:
        pytest.skip(f"this botocore does not know {variable}")
    for call in (
        partial(connect, "eu-west-3"),
        partial(SdkSource().read, "s", "AWSCURRENT", fresh=False),
    ):
        with pytest.raises(ConfigError, match=problem) as caught:
            call()
        assert "canary" not in str(caught.value)


def test_arn_names_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers there; the SDK gets as far as asking, without a region in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    source = SdkSource()
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        source.read(
            "arn:aws:secretsmanager:eu-west-3:123456789012:secret:s", "AWSCURRENT", fresh=False
        )
    assert caught.value.retryable
    assert source._client.meta.region_name == "eu-west-3"  # noqa: SLF001
    source.close()


def test_request_to_secrets_manager_is_bounded_and_not_repeated_by_the_sdk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A read may wait for it while a good token is in hand, on Lambda with 3 s to live."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    source = SdkSource(region="eu-west-3")
    with pytest.raises(StoreError, match="cannot be reached"):
        source.read("s", "AWSCURRENT", fresh=False)
    config = source._client.meta.config  # noqa: SLF001
    assert config.connect_timeout + config.read_timeout < 3
    assert config.retries["total_max_attempts"] == 1
    source.close()


@pytest.mark.parametrize("collects", [True, False])
def test_collector_is_left_as_it_was_by_the_import_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, *, collects: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no url")
    assert gc.isenabled()
    if not collects:
        gc.disable()
    try:
        with pytest.raises(ConfigError, match="is not a URL"):
            SdkSource(region="eu-west-3").read("s", "AWSCURRENT", fresh=False)
        assert gc.isenabled() is collects
    finally:
        gc.enable()
