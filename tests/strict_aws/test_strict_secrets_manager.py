"""The strict Secrets Manager keeps the rules of the API reference, each of which moto breaks or
leaves to luck. The pages are named where the rules are (`tests/strict_aws`)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import Refused
from tests.support.clock import ManualClock
from tests.support.wire import Wire

SdkClient = Any  # its methods are made at run time
NAME = "photoshop/token"
DAY_S = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def wire(clock: ManualClock) -> Iterator[Wire]:
    with Wire(StrictSecretsManager(now=clock.epoch, monotonic=clock.monotonic)) as wire:
        yield wire


def client_of(wire: Wire, *, region: str = "us-east-1", **config: Any) -> SdkClient:
    return botocore.session.Session().create_client(
        "secretsmanager",
        region_name=region,
        endpoint_url=wire.endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, **config),
    )


@pytest.fixture
def client(wire: Wire) -> Iterator[SdkClient]:
    client = client_of(wire)
    yield client
    client.close()


def token(number: int) -> str:
    return f"{number:032d}"


def put(client: SdkClient, number: int, text: str | None = None, **params: Any) -> None:
    client.put_secret_value(
        SecretId=NAME,
        ClientRequestToken=token(number),
        SecretString=text or f"value {number}",
        **params,
    )


def labels(client: SdkClient) -> dict[str, list[str]]:
    stages: dict[str, list[str]] = client.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    return {str(int(version_id)): sorted(names) for version_id, names in stages.items()}


@contextmanager
def refused(code: str) -> Iterator[None]:
    """What happens within is refused with this code, and HTTP 400."""
    with pytest.raises(ClientError) as caught:
        yield
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_value_of_65536_bytes_is_taken_and_one_more_refused(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1, "x" * 65_536)
    with refused("InvalidParameterException"):
        put(client, 2, "ü" * 32_768 + "x")


@pytest.mark.parametrize("length", [31, 65])
def test_request_token_of_a_wrong_length_is_refused(wire: Wire, length: int) -> None:
    client = client_of(wire, parameter_validation=False)
    client.create_secret(Name=NAME)
    with refused("InvalidParameterException"):
        client.put_secret_value(SecretId=NAME, ClientRequestToken="t" * length, SecretString="v")


def test_same_request_token_with_the_same_content_changes_nothing(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    put(client, 2)
    put(client, 1)
    assert labels(client) == {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}


def test_same_request_token_with_other_content_is_refused(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    with refused("ResourceExistsException"):
        put(client, 1, "other")
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "value 1"


def test_first_version_becomes_current_whatever_labels_it_asks_for(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1, VersionStages=["AWSPENDING"])
    assert labels(client) == {"1": ["AWSCURRENT", "AWSPENDING"]}


def test_current_label_survives_being_moved_by_hand(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    put(client, 2)
    client.update_secret_version_stage(
        SecretId=NAME,
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=token(2),
        MoveToVersionId=token(1),
    )
    assert labels(client) == {"1": ["AWSCURRENT"], "2": ["AWSPREVIOUS"]}
    put(client, 3)
    assert labels(client) == {"1": ["AWSPREVIOUS"], "3": ["AWSCURRENT"]}


@pytest.mark.parametrize(
    "move",
    [
        {"MoveToVersionId": token(1)},
        {"MoveToVersionId": token(1), "RemoveFromVersionId": token(1)},
        {"RemoveFromVersionId": token(2)},
        {},
    ],
)
def test_current_label_is_neither_taken_blindly_nor_removed(
    client: SdkClient, move: dict[str, str]
) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    put(client, 2)
    with refused("InvalidParameterException"):
        client.update_secret_version_stage(SecretId=NAME, VersionStage="AWSCURRENT", **move)
    assert labels(client) == {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]}


def test_versions_of_the_last_day_fill_the_quota(client: SdkClient, clock: ManualClock) -> None:
    client.create_secret(Name=NAME)
    for number in range(100):
        put(client, number)
        clock.advance(600)
    with refused("LimitExceededException"):
        put(client, 100)


def test_oldest_unlabelled_version_makes_room_after_a_day(
    client: SdkClient, clock: ManualClock, wire: Wire
) -> None:
    client.create_secret(Name=NAME)
    for number in range(120):
        put(client, number)
        clock.advance(DAY_S / 50)
    kept = [int(v.version_id) for v in wire.secrets_manager.versions(NAME).all]
    assert kept == list(range(20, 120))


def test_more_than_twenty_labels_are_refused(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    put(client, 2, VersionStages=[f"label{n}" for n in range(19)])
    with refused("LimitExceededException"):
        put(client, 3, VersionStages=["one-too-many"])


def test_writes_beyond_the_rate_are_throttled_until_a_second_has_passed(
    client: SdkClient, clock: ManualClock
) -> None:
    client.create_secret(Name=NAME)
    for number in range(50):
        put(client, number)
    with refused("ThrottlingException"):
        put(client, 50)
    clock.advance(1)
    put(client, 50)


def test_secret_without_a_value_is_no_resource_but_can_be_described(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME)
    assert "VersionIdsToStages" not in client.describe_secret(SecretId=NAME)
    batch = client.batch_get_secret_value(SecretIdList=[NAME])
    assert [e["ErrorCode"] for e in batch["Errors"]] == ["ResourceNotFoundException"]


def test_secret_marked_for_deletion_takes_and_gives_no_value(client: SdkClient) -> None:
    client.create_secret(Name=NAME, SecretString="value")
    client.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    for call in (lambda: put(client, 1), lambda: client.get_secret_value(SecretId=NAME)):
        with refused("InvalidRequestException"):
            call()
    assert client.describe_secret(SecretId=NAME)["DeletedDate"]
    client.restore_secret(SecretId=NAME)
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "value"


@pytest.mark.parametrize("days", [6, 31])
def test_deletion_window_is_a_week_to_a_month(client: SdkClient, days: int) -> None:
    client.create_secret(Name=NAME)
    with refused("InvalidParameterException"):
        client.delete_secret(SecretId=NAME, RecoveryWindowInDays=days)


def test_missing_secret_and_unknown_version_are_400(client: SdkClient) -> None:
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId="missing")
    client.create_secret(Name=NAME, SecretString="value")
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME, VersionId=token(9))


def test_version_and_label_that_disagree_are_refused(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    with refused("InvalidRequestException"):
        client.get_secret_value(SecretId=NAME, VersionId=token(1), VersionStage="AWSPREVIOUS")


def test_read_may_lag_behind_a_recent_write_and_no_longer(
    client: SdkClient, clock: ManualClock, wire: Wire
) -> None:
    client.create_secret(Name=NAME, SecretString="old")
    clock.advance(60)
    wire.secrets_manager.behind = lambda _operation, _region: 9
    put(client, 1, "new")
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "old"
    clock.advance(wire.secrets_manager.settle_s)
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "new"


def test_replica_lags_longer_and_cannot_be_written(
    client: SdkClient, clock: ManualClock, wire: Wire
) -> None:
    arn = client.create_secret(Name=NAME, SecretString="old")["ARN"]
    client.replicate_secret_to_regions(SecretId=NAME, AddReplicaRegions=[{"Region": "eu-west-1"}])
    clock.advance(600)
    put(client, 1, "new")
    clock.advance(wire.secrets_manager.settle_s)
    wire.secrets_manager.behind = lambda _operation, _region: 1
    replica = client_of(wire, region="eu-west-1")
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "new"
    assert replica.get_secret_value(SecretId=NAME)["SecretString"] == "old"
    clock.advance(wire.secrets_manager.replica_settle_s)
    assert replica.get_secret_value(SecretId=NAME)["SecretString"] == "new"
    with refused("InvalidParameterException"):
        replica.put_secret_value(
            SecretId=arn.replace("us-east-1", "eu-west-1"), SecretString="third"
        )


def test_update_secret_refuses_a_taken_request_token_even_for_the_same_content(
    client: SdkClient,
) -> None:
    client.create_secret(Name=NAME)
    put(client, 1)
    with refused("ResourceExistsException"):
        client.update_secret(SecretId=NAME, ClientRequestToken=token(1), SecretString="value 1")


def test_denied_action_is_refused_in_a_batch_entry_by_entry(client: SdkClient, wire: Wire) -> None:
    client.create_secret(Name=NAME, SecretString="value")
    wire.secrets_manager.denied = {"GetSecretValue"}
    batch = client.batch_get_secret_value(SecretIdList=[NAME])
    assert [e["ErrorCode"] for e in batch["Errors"]] == ["AccessDeniedException"]
    with refused("AccessDeniedException"):
        client.get_secret_value(SecretId=NAME)


def test_string_and_binary_exclude_each_other(client: SdkClient) -> None:
    client.create_secret(Name=NAME)
    for content in ({}, {"SecretString": "a", "SecretBinary": b"b"}):
        with refused("InvalidParameterException"):
            client.put_secret_value(SecretId=NAME, **content)


def test_unsigned_request_is_refused(wire: Wire) -> None:
    client = client_of(wire, signature_version=UNSIGNED)
    with refused("MissingAuthenticationTokenException"):
        client.list_secrets()


def test_listing_shows_the_labels_as_they_are(client: SdkClient) -> None:
    client.create_secret(Name=NAME, Tags=[{"Key": "rotator:credentials-secret", "Value": "c"}])
    put(client, 1, json.dumps({"a": 1}))
    put(client, 2)
    [listed] = client.list_secrets(
        Filters=[{"Key": "tag-key", "Values": ["rotator:credentials-secret"]}]
    )["SecretList"]
    assert listed["SecretVersionsToStages"] == {token(1): ["AWSPREVIOUS"], token(2): ["AWSCURRENT"]}


def test_promoted_replica_is_written_by_itself_alone() -> None:
    """API_StopReplicationToReplica.html, and its errors."""
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME, SecretString="old")
    with pytest.raises(Refused, match="not a replica"):
        service.ask("StopReplicationToReplica", SecretId=NAME)
    there = [{"Region": "eu-west-1"}]
    service.ask("ReplicateSecretToRegions", SecretId=NAME, AddReplicaRegions=there)
    service.ask("StopReplicationToReplica", region="eu-west-1", SecretId=NAME)
    service.ask("PutSecretValue", SecretId=NAME, SecretString="new")
    service.ask("PutSecretValue", region="eu-west-1", SecretId=NAME, SecretString="own")
    values = [
        service.ask("GetSecretValue", region=region, SecretId=NAME)["SecretString"]
        for region in ("us-east-1", "eu-west-1")
    ]
    assert values == ["new", "own"]
