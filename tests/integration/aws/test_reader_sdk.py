"""The reader through botocore, against a strict Secrets Manager."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import botocore.session
import pytest

from rotator.errors import SecretNotFound, StoreError, TokenUnavailable
from rotator.reader import TokenReader, get_token
from tests.support.wire import Wire

NAME = "photoshop/token"
REGION = "us-east-1"


class Secrets(Protocol):
    """What these tests use of a Secrets Manager client."""

    def create_secret(self, **params: object) -> dict[str, str]: ...
    def put_secret_value(self, **params: object) -> dict[str, str]: ...
    def get_secret_value(self, **params: object) -> dict[str, str]: ...
    def delete_secret(self, **params: object) -> dict[str, str]: ...


def value(token: str, *, lives_s: int = 3600) -> str:
    expires_at = datetime.fromtimestamp(int(time.time()) + lives_s, UTC)
    return json.dumps(
        {
            "schema": 1,
            "access_token": token,
            "token_type": "bearer",
            "expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "expires_at_epoch": int(expires_at.timestamp()),
            "client_id": "my-client",
        }
    )


@pytest.fixture
def secrets(strict_aws: Wire) -> Iterator[Secrets]:
    """A Secrets Manager client; the reader finds the same service by the environment."""
    client: Any = botocore.session.get_session().create_client(
        "secretsmanager", region_name=REGION, endpoint_url=strict_aws.endpoint_url
    )
    yield client
    client.close()


def test_script_reads_the_current_token(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary"))
    assert get_token(NAME) == "canary"


def test_reader_reads_by_arn_without_a_region(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = secrets.create_secret(Name=NAME, SecretString=value("canary"))["ARN"]
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert get_token(arn) == "canary"


def test_snapshot_names_the_version_that_secrets_manager_gave(secrets: Secrets) -> None:
    version_id = secrets.create_secret(Name=NAME, SecretString=value("canary"))["VersionId"]
    with TokenReader(NAME) as reader:
        assert reader.current().version_id == version_id
        assert reader.headers() == {"Authorization": "Bearer canary", "x-api-key": "my-client"}


def test_client_of_the_caller_is_used_and_left_open(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary"))
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with TokenReader(NAME, client=secrets) as reader:
        assert reader.token() == "canary"
    assert secrets.get_secret_value(SecretId=NAME)["Name"] == NAME


def test_rejected_token_is_replaced_by_the_new_version(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("old"))
    with TokenReader(NAME) as reader:
        rejected = reader.token()
        secrets.put_secret_value(SecretId=NAME, SecretString=value("new"))
        assert reader.token() == "old"
        assert reader.invalidate(rejected)
        assert reader.token() == "new"


@pytest.mark.parametrize("current", ["no JSON", value("ended", lives_s=-60)])
def test_previous_version_serves_when_the_current_one_is_unusable(
    secrets: Secrets, current: str
) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("previous"))
    secrets.put_secret_value(SecretId=NAME, SecretString=current)
    assert get_token(NAME) == "previous"


def test_pending_version_is_never_read(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("current"))
    secrets.put_secret_value(
        SecretId=NAME, SecretString=value("pending"), VersionStages=["AWSPENDING"]
    )
    assert get_token(NAME) == "current"


def test_missing_secret_is_told_from_one_without_a_value(secrets: Secrets) -> None:
    with pytest.raises(SecretNotFound, match="does not exist"):
        get_token(NAME)
    secrets.create_secret(Name=NAME)
    with pytest.raises(TokenUnavailable, match="has no AWSCURRENT value yet"):
        get_token(NAME)


def test_reader_without_a_token_recovers_when_there_is_one(secrets: Secrets) -> None:
    with TokenReader(NAME) as reader:
        with pytest.raises(SecretNotFound):
            reader.token()
        secrets.create_secret(Name=NAME, SecretString=value("canary"))
        assert reader.token() == "canary"


def test_expired_token_is_never_served(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary", lives_s=-1))
    with pytest.raises(TokenUnavailable, match="expired at") as caught:
        get_token(NAME)
    assert caught.value.expires_at is not None
    assert "canary" not in str(caught.value)


def test_binary_value_is_refused(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME, SecretBinary=value("canary").encode())
    with pytest.raises(TokenUnavailable, match="is binary"):
        get_token(NAME)


def test_secret_scheduled_for_deletion_names_the_way_out(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME, SecretString=value("canary"))
    secrets.delete_secret(SecretId=NAME)
    with pytest.raises(StoreError, match="restore-secret") as caught:
        get_token(NAME)
    assert not caught.value.retryable


# -- replicas


def test_replica_serves_where_the_first_region_has_no_such_secret(secrets: Secrets) -> None:
    secrets.create_secret(
        Name=NAME, SecretString=value("canary"), AddReplicaRegions=[{"Region": "us-west-2"}]
    )
    with TokenReader(NAME, regions=("eu-north-1", "us-west-2")) as reader:
        assert reader.token() == "canary"


def test_arn_of_the_primary_names_its_replicas_too(secrets: Secrets) -> None:
    created = secrets.create_secret(
        Name=NAME, SecretString=value("canary"), AddReplicaRegions=[{"Region": "us-west-2"}]
    )
    with TokenReader(created["ARN"], regions=("eu-north-1", "us-west-2")) as reader:
        assert reader.token() == "canary"


def test_error_tells_of_all_regions(secrets: Secrets) -> None:
    secrets.create_secret(Name=NAME)
    with (
        TokenReader(NAME, regions=("eu-north-1", REGION)) as reader,
        pytest.raises(TokenUnavailable) as caught,
    ):
        reader.token()
    text = str(caught.value)
    assert text.startswith(f"secret {NAME}: in eu-north-1: does not exist")
    assert f"; in {REGION}: has no AWSCURRENT value yet" in text
