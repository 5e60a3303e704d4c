import threading
from collections import deque
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from rotator.aws.fleet_store import FleetStore
from rotator.errors import ConfigError, RotatorError, StoreError
from rotator.model.secret import SecretInfo, StoredSecret
from tests.support.sdk_responses import arn_of, version_of

Read = StoredSecret | SecretInfo | RotatorError

UNREACHABLE = EndpointConnectionError(endpoint_url="https://sm.example")
TAG = "rotator:credentials-secret"


def refusal(code: str, operation: str = "x") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(response, operation)


class ScriptedClient:
    """A client whose responses are made by the test; it keeps the parameters of each call."""

    def __init__(self, **failures: str) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.failures = failures  # secret name to code, inside a batch
        self.batch_errors: list[Exception] = []
        self.pages: list[Any] = []
        self.error: Exception | None = None  # of every read

    def batch_get_secret_value(self, *, SecretIdList: list[str]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(("batch", SecretIdList))
        if self.error is not None:
            raise self.error
        if self.batch_errors:
            raise self.batch_errors.pop(0)
        assert len(SecretIdList) <= 20
        return {
            "SecretValues": [version_of(n) for n in SecretIdList if n not in self.failures],
            "Errors": [
                {"SecretId": n, "ErrorCode": self.failures[n], "Message": "m"}
                for n in SecretIdList
                if n in self.failures
            ],
        }

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(("get", SecretId))
        assert VersionStage == "AWSCURRENT"
        if self.error is not None:
            raise self.error
        if SecretId in self.failures:
            raise refusal(self.failures[SecretId])
        return version_of(SecretId)

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(("describe", SecretId))
        return {"ARN": arn_of(SecretId)}

    def list_secrets(self, **params: Any) -> Any:  # noqa: ANN401 - what the test has put there
        self.calls.append(("list", dict(params)))
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page


def store_of(client: Any, **options: Any) -> FleetStore:  # noqa: ANN401 - a client
    """One reader, whose calls come in the same order each time."""
    return FleetStore(client, **{"readers": 1, **options})


def read_all(store: FleetStore, names: list[str]) -> dict[str, Read]:
    found: dict[str, Read] = {}
    for batch in store.read_many(names, deque()):
        found |= batch
    return found


def test_secrets_are_read_twenty_at_a_time() -> None:
    client = ScriptedClient()

    found = read_all(store_of(client), [f"s{n}" for n in range(45)])

    assert [len(ids) for _, ids in client.calls] == [20, 20, 5]
    assert len(found) == 45
    assert all(isinstance(each, StoredSecret) for each in found.values())


def test_secret_that_fails_in_a_batch_fails_alone() -> None:
    client = ScriptedClient(b="AccessDeniedException", c="DecryptionFailure")

    found = read_all(store_of(client), ["a", "b", "c", "d"])

    assert isinstance(found["a"], StoredSecret)
    assert isinstance(found["d"], StoredSecret)
    assert str(found["b"]).startswith("secret b: access denied")
    assert "KMS" in str(found["c"])
    assert all(isinstance(found[name], StoreError) for name in "bc")


def test_secret_without_a_value_is_told_from_one_that_is_missing() -> None:
    client = ScriptedClient(empty="ResourceNotFoundException")

    found = read_all(store_of(client), ["a", "empty"])

    empty = found["empty"]
    assert isinstance(empty, StoredSecret)
    assert (empty.version_id, empty.arn) == (None, arn_of("empty"))


def test_role_that_may_not_read_in_batches_is_found_out_once() -> None:
    client = ScriptedClient()
    client.batch_errors = [refusal("AccessDeniedException")]

    found = read_all(store_of(client), [f"s{n}" for n in range(25)])

    assert [kind for kind, _ in client.calls].count("batch") == 1
    assert len(found) == 25


@pytest.mark.parametrize(
    "code", ["RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"]
)
def test_throttled_batch_is_repeated_in_its_turn(code: str) -> None:
    client = ScriptedClient()
    client.batch_errors = [refusal(code)] * 2
    paced: list[str] = []
    store = FleetStore(
        client, pace=lambda: paced.append("turn"), back_off=lambda: paced.append("back off")
    )

    found = read_all(store, ["a", "b"])

    assert paced == ["turn", "back off", "turn", "back off", "turn"]
    assert all(isinstance(each, StoredSecret) for each in found.values())


@pytest.mark.parametrize("code", ["InternalServiceError", "ThrottlingException"])
def test_batch_that_fails_while_single_reads_work_is_found_out_once(code: str) -> None:
    client = ScriptedClient()
    client.batch_errors = [refusal(code)] * 5

    found = read_all(store_of(client), [f"s{n}" for n in range(45)])

    assert all(isinstance(each, StoredSecret) for each in found.values())
    kinds = [kind for kind, _ in client.calls]
    assert kinds.count("batch") <= 5
    assert kinds[kinds.index("get") :] == ["get"] * 45


@pytest.mark.parametrize(
    "error",
    [refusal("InternalServiceError"), EndpointConnectionError(endpoint_url="x")],
    ids=["answered", "out of reach"],
)
def test_service_that_is_down_is_a_temporary_failure_of_each_after_a_few_calls(
    error: Exception,
) -> None:
    names = [f"s{n}" for n in range(200)]
    client = ScriptedClient()
    client.error = error

    found = read_all(store_of(client), names)

    assert found.keys() == set(names)
    assert all(isinstance(each, StoreError) and each.retryable for each in found.values())
    assert len(client.calls) <= 4


class HangingClient(ScriptedClient):
    """Answers no call for one of these secrets, nor for a batch with one of them, until the end."""

    def __init__(self, *hanging: str) -> None:
        super().__init__()
        self.hanging = set(hanging)
        self.ended = threading.Event()
        self.in_vain = False

    def batch_get_secret_value(self, *, SecretIdList: list[str]) -> dict[str, Any]:  # noqa: N803
        if not self.batch_errors:
            self._hang(SecretIdList)
        return super().batch_get_secret_value(SecretIdList=SecretIdList)

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803
        self._hang([SecretId])
        return super().get_secret_value(SecretId=SecretId, VersionStage=VersionStage)

    def _hang(self, secret_ids: list[str]) -> None:
        if self.hanging & set(secret_ids):
            self.in_vain |= not self.ended.wait(20)
            raise ReadTimeoutError(endpoint_url="x")


@pytest.mark.parametrize("may_batch", [True, False])
def test_secrets_that_hang_cost_no_other_secret_its_value(*, may_batch: bool) -> None:
    names = [f"s{n}" for n in range(100)]
    client = HangingClient(*names[:8])
    if not may_batch:
        client.batch_errors = [refusal("AccessDeniedException")] * len(names)
        client.hanging = set(names[5:19])  # more in a row than make an outage for two readers
    well = set(names) - client.hanging
    found: dict[str, Read] = {}
    store = FleetStore(client, readers=2, first_timeout_s=0.3, stall_s=0.05)

    for read in store.read_many(names, deque()):
        found |= read
        if not read and well <= found.keys():  # what else is there waits for what hangs
            client.ended.set()

    client.ended.set()
    assert not client.in_vain, "secrets waited for those that hang"
    assert {name for name, each in found.items() if isinstance(each, StoredSecret)} == well
    assert found.keys() == set(names)


def test_secret_that_hangs_in_a_batch_costs_no_other_of_the_batch_its_value() -> None:
    client = HangingClient("s3")
    client.ended.set()

    found = read_all(store_of(client, first_timeout_s=0.05), [f"s{n}" for n in range(20)])

    assert [name for name, each in found.items() if isinstance(each, StoreError)] == ["s3"]


def test_metadata_that_hangs_costs_no_other_secret_its_value_or_metadata() -> None:
    names = [f"s{n}" for n in range(60)]
    hanging, well = set(names[1:9]), {names[0], *names[9:]}

    class HangingMetadata(HangingClient):
        def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
            self._hang([SecretId] if SecretId in hanging else [])
            return super().describe_secret(SecretId=SecretId)

    client = HangingMetadata()
    store = FleetStore(client, readers=4, first_timeout_s=1.0, stall_s=0.05)
    client.hanging = hanging
    client.batch_errors = [refusal("AccessDeniedException")]
    to_describe, values, described = deque(names), set[str](), dict[str, Read]()

    for read in store.read_many([name for name in names if name not in hanging], to_describe):
        values |= {name for name, each in read.items() if isinstance(each, StoredSecret)}
        described |= {name: each for name, each in read.items() if name not in values | hanging}
        described |= {name: each for name, each in read.items() if isinstance(each, SecretInfo)}
        if not read and well <= values and well <= described.keys():
            client.ended.set()

    client.ended.set()
    assert not client.in_vain, "secrets waited for those whose metadata hang"
    assert values == well
    assert {name for name, each in described.items() if isinstance(each, SecretInfo)} == well


def test_service_that_hangs_is_given_up_after_a_few_calls() -> None:
    names = [f"s{n}" for n in range(400)]
    client = HangingClient(*names)

    found = read_all(FleetStore(client, readers=4, first_timeout_s=0.05), names)

    client.ended.set()
    assert all(isinstance(each, StoreError) and each.retryable for each in found.values())
    assert found.keys() == set(names)


def test_without_aws_credentials_nothing_is_read_at_all() -> None:
    client = ScriptedClient()
    client.batch_errors = [NoCredentialsError()]

    with pytest.raises(ConfigError, match="AWS credentials"):
        read_all(store_of(client), ["a", "b"])


def test_secret_that_was_given_up_is_named_with_the_last_cause() -> None:
    names = [f"s{n}" for n in range(400)]
    client = HangingClient(*names)

    found = read_all(FleetStore(client, readers=2, first_timeout_s=0.05), names)

    client.ended.set()
    texts = {name: str(each) for name, each in found.items()}
    assert all(text.startswith(f"secret {name}: ") for name, text in texts.items())
    given_up = [text for text in texts.values() if "calls failed, the last one" in text]
    assert len(given_up) > len(names) // 2
    assert all("the last one: Secrets Manager" in text for text in given_up)


def test_secret_in_a_refused_batch_is_named_alone() -> None:
    client = ScriptedClient()
    client.error = refusal("InternalServiceError")

    found = read_all(store_of(client), ["a", "b"])

    assert [str(found[name]).split(": ")[0] for name in "ab"] == ["secret a", "secret b"]


def test_call_after_the_end_of_a_run_says_so() -> None:
    [read] = read_all(store_of(ScriptedClient()).limit_time(lambda: -3.0), ["a"]).values()

    assert "secret a: the time limit of this run was reached" in str(read)
