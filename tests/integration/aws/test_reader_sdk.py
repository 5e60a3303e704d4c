"""The reader through botocore, against a strict Secrets Manager."""

from collections.abc import Iterator

import botocore.session
import pytest

from rotator.errors import SecretNotFound, StoreError, TokenUnavailable
from rotator.reader import TokenReader, get_token
from tests.support.reader_rig import live_version
from tests.support.sdk_service import SdkClient
from tests.support.wire import Wire

NAME = "photoshop/token"
REGION = "us-east-1"


def value(token: str, *, lives_s: int = 3600) -> str:
    text: str = live_version(token, lives_s=lives_s)["SecretString"]
    return text


@pytest.fixture
def secrets(strict_aws: Wire) -> Iterator[SdkClient]:
    """A Secrets Manager client; the reader finds the same service by the environment."""
    client: SdkClient = botocore.session.get_session().create_client(
        "secretsmanager", region_name=REGION, endpoint_url=strict_aws.endpoint_url
    )
    yield client
    client.close()


def test_script_reads_the_current_token(secrets: SdkClient) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary"))
    assert get_token(NAME) == "canary"


def test_reader_reads_by_arn_without_a_region(
    secrets: SdkClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = secrets.create_secret(Name=NAME, SecretString=value("canary"))["ARN"]
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert get_token(arn) == "canary"


def test_snapshot_names_the_version_that_secrets_manager_gave(secrets: SdkClient) -> None:
    version_id = secrets.create_secret(Name=NAME, SecretString=value("canary"))["VersionId"]
    with TokenReader(NAME) as reader:
        assert reader.current().version_id == version_id
        assert reader.headers() == {"Authorization": "Bearer canary", "x-api-key": "my-client"}


def test_client_of_the_caller_is_used_and_left_open(
    secrets: SdkClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary"))
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with TokenReader(NAME, client=secrets) as reader:
        assert reader.token() == "canary"
    assert secrets.get_secret_value(SecretId=NAME)["Name"] == NAME


def test_rejected_token_is_replaced_by_the_new_version(secrets: SdkClient) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("old"))
    with TokenReader(NAME) as reader:
        rejected = reader.token()
        secrets.put_secret_value(SecretId=NAME, SecretString=value("new"))
        assert reader.token() == "old"
        assert reader.invalidate(rejected)
        assert reader.token() == "new"


@pytest.mark.parametrize("current", ["no JSON", value("ended", lives_s=-60)])
def test_previous_version_serves_when_the_current_one_is_unusable(
    secrets: SdkClient, current: str
) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("previous"))
    secrets.put_secret_value(SecretId=NAME, SecretString=current)
    assert get_token(NAME) == "previous"


def test_pending_version_is_never_read(secrets: SdkClient) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("current"))
    secrets.put_secret_value(
        SecretId=NAME, SecretString=value("pending"), VersionStages=["AWSPENDING"]
    )
    assert get_token(NAME) == "current"


def test_missing_secret_is_told_from_one_without_a_value(secrets: SdkClient) -> None:
    with pytest.raises(SecretNotFound, match="does not exist"):
        get_token(NAME)
    secrets.create_secret(Name=NAME)
    with pytest.raises(TokenUnavailable, match="has no AWSCURRENT value yet"):
        get_token(NAME)


def test_binary_value_is_refused(secrets: SdkClient) -> None:
    secrets.create_secret(Name=NAME, SecretBinary=value("canary").encode())
    with pytest.raises(TokenUnavailable, match="is binary"):
        get_token(NAME)


def test_secret_scheduled_for_deletion_names_the_way_out(secrets: SdkClient) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary"))
    secrets.delete_secret(SecretId=NAME)
    with pytest.raises(StoreError, match="restore-secret") as caught:
        get_token(NAME)
    assert not caught.value.retryable


# -- replicas


def test_replica_serves_where_the_first_region_has_no_such_secret(secrets: SdkClient) -> None:
    secrets.create_secret(
        Name=NAME, SecretString=value("canary"), AddReplicaRegions=[{"Region": "us-west-2"}]
    )
    with TokenReader(NAME, regions=("eu-north-1", "us-west-2")) as reader:
        assert reader.token() == "canary"


def test_arn_of_the_primary_names_its_replicas_too(secrets: SdkClient) -> None:
    created = secrets.create_secret(
        Name=NAME, SecretString=value("canary"), AddReplicaRegions=[{"Region": "us-west-2"}]
    )
    with TokenReader(created["ARN"], regions=("eu-north-1", "us-west-2")) as reader:
        assert reader.token() == "canary"


def test_error_tells_of_all_regions(secrets: SdkClient) -> None:
    secrets.create_secret(Name=NAME)
    with (
        TokenReader(NAME, regions=("eu-north-1", REGION)) as reader,
        pytest.raises(TokenUnavailable) as caught,
    ):
        reader.token()
    text = str(caught.value)
    assert text.startswith(f"secret {NAME}: in eu-north-1: does not exist")
    assert f"; in {REGION}: has no AWSCURRENT value yet" in text
