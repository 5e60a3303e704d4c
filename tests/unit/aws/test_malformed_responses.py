"""A part of AWS's response that has another shape than documented costs no other its place."""

from collections import deque
from typing import Any

import pytest

from rotator.aws.fleet_store import FleetStore
from rotator.aws.queue import send_messages
from rotator.aws.rotation_store import RotationStore
from rotator.aws.store import SecretsManagerStore
from rotator.errors import StoreError
from rotator.model.secret import StoredSecret
from tests.support.clock import ManualClock
from tests.support.sdk_responses import arn_of, version_of

QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/rotator"
ODD: list[Any] = [None, 5, "text", [], {}, [None], [5], [[]], [{}]]


class OddClient:
    """Two secrets, `a` and `b`; `batch` and `described` replace parts of these responses."""

    def __init__(self, *, batch: object = None, described: object = None) -> None:
        self.batch, self.described = batch, described
        self.calls: list[str] = []

    def batch_get_secret_value(self, *, SecretIdList: list[str]) -> Any:  # noqa: ANN401, N803
        self.calls.append("batch")
        values = {"SecretValues": [version_of(name) for name in SecretIdList], "Errors": []}
        return values | self.batch if isinstance(self.batch, dict) else self.batch

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> Any:  # noqa: ANN401, N803
        assert VersionStage == "AWSCURRENT"
        self.calls.append(SecretId)
        return version_of(SecretId)

    def describe_secret(self, *, SecretId: str) -> Any:  # noqa: ANN401, N803
        return {"ARN": arn_of(SecretId), "VersionIdsToStages": self.described}


def read_in_a_fleet(client: OddClient) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for batch in FleetStore(client, readers=1).read_many(["a", "b"], deque()):
        found |= batch
    return found


def read_as_a_pair(client: OddClient) -> dict[str, Any]:
    return dict(zip("ab", SecretsManagerStore(client).read("a", "b"), strict=True))


BATCHES = [
    *[{name: odd} for name in ("SecretValues", "Errors") for odd in ODD],
    *[{"Errors": [{"SecretId": odd, "ErrorCode": odd, "Message": odd}]} for odd in ODD],
    {"SecretValues": [version_of("a"), None], "Errors": [None]},
    {"SecretValues": [version_of("a")], "Errors": [{"SecretId": "b", "ErrorCode": 7}]},
]


@pytest.mark.parametrize("read", [read_in_a_fleet, read_as_a_pair])
@pytest.mark.parametrize("batch", [*BATCHES, None, [], 5], ids=str)
def test_batch_of_any_shape_costs_no_secret_its_value(read: Any, batch: object) -> None:  # noqa: ANN401
    client = OddClient(batch=batch)

    found = read(client)

    assert all(isinstance(found[name], StoredSecret) for name in "ab")
    assert client.calls.count("a") <= 1  # read singly at most once


def test_secret_that_fails_temporarily_in_a_batch_is_read_singly() -> None:
    failure = {"SecretId": "b", "ErrorCode": "InternalServiceError", "Message": "m"}
    client = OddClient(batch={"SecretValues": [version_of("a")], "Errors": [failure]})

    found = read_in_a_fleet(client)

    assert isinstance(found["b"], StoredSecret)
    assert client.calls == ["batch", "b"]


@pytest.mark.parametrize("described", [*ODD, {"version": None}, {"version": [None]}], ids=str)
def test_staging_labels_of_any_shape_are_none(described: object) -> None:
    client = OddClient(described=described)

    assert not SecretsManagerStore(client).describe("a").has_value
    assert not any(RotationStore(client).rotation_state("a").stages.values())


@pytest.mark.parametrize("response", [None, [], 5, {}, {"ARN": None}, {"ARN": 5}], ids=str)
def test_response_of_any_shape_is_an_error_of_the_store(response: object) -> None:
    class OddReads:
        def describe_secret(self, **_: object) -> object:
            return response

        get_secret_value = describe_secret

    with pytest.raises(StoreError, match="not from Secrets Manager"):
        SecretsManagerStore(OddReads()).describe("a")
    with pytest.raises(StoreError, match="not from Secrets Manager"):
        FleetStore(OddReads()).read("a")


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_message_with_an_odd_entry_is_not_taken_for_sent(odd: object) -> None:
    class OddQueue:
        def send_message_batch(self, **_: object) -> dict[str, Any]:
            sent = [{"Id": "0"}, {"Id": odd}, odd]
            return {"Successful": sent, "Failed": [{"Id": odd}, odd]}

    failed = send_messages(QUEUE_URL, ["one", "two"], client=OddQueue(), clock=ManualClock())

    assert list(failed) == [1]
    assert failed[1].retryable
