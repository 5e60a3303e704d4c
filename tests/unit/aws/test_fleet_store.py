import threading
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
from rotator.fleet.discovery import discover
from rotator.model.secret import StoredSecret

UNREACHABLE = EndpointConnectionError(endpoint_url="https://sm.example")
TAG = "rotator:credentials-secret"


def arn_of(name: str, region: str = "eu-west-1") -> str:
    return f"arn:aws:secretsmanager:{region}:123456789012:secret:{name}-AbC123"


def version_of(name: str) -> dict[str, Any]:
    return {
        "ARN": arn_of(name),
        "Name": name,
        "VersionId": f"version-of-{name}",
        "SecretString": "{}",
        "VersionStages": ["AWSCURRENT"],
    }


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


def read_all(store: FleetStore, names: list[str]) -> dict[str, StoredSecret | RotatorError]:
    found: dict[str, StoredSecret | RotatorError] = {}
    for batch in store.read_many(names):
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


def test_throttled_batch_is_repeated_in_its_turn() -> None:
    client = ScriptedClient()
    client.batch_errors = [refusal("ThrottlingException")] * 2
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
        client.hanging = set(names[7:27])
    well = set(names) - client.hanging
    found: dict[str, StoredSecret | RotatorError] = {}
    store = FleetStore(client, readers=4, patience_s=0.3, stall_s=0.05)

    for read in store.read_many(names):
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

    found = read_all(store_of(client, patience_s=0.05), [f"s{n}" for n in range(20)])

    assert [name for name, each in found.items() if isinstance(each, StoreError)] == ["s3"]


def test_service_that_hangs_is_given_up_after_a_few_calls() -> None:
    names = [f"s{n}" for n in range(400)]
    client = HangingClient(*names)

    found = read_all(FleetStore(client, readers=4, patience_s=0.05), names)

    client.ended.set()
    assert all(isinstance(each, StoreError) and each.retryable for each in found.values())
    assert found.keys() == set(names)


def test_without_aws_credentials_nothing_is_read_at_all() -> None:
    client = ScriptedClient()
    client.batch_errors = [NoCredentialsError()]

    with pytest.raises(ConfigError, match="AWS credentials"):
        read_all(store_of(client), ["a", "b"])


def listed(name: str, tags: dict[str, str], **fields: str) -> dict[str, Any]:
    pairs = [{"Key": key, "Value": text} for key, text in tags.items()]
    return {"ARN": arn_of(name), "Name": name, "Tags": pairs, **fields}


def test_listing_goes_on_past_empty_pages_and_checks_each_tag_itself() -> None:
    client = ScriptedClient()
    wanted = {TAG: "c", "env": "prod"}
    client.pages = [
        {
            "SecretList": [listed("wanted", wanted), listed("longer key", {TAG + "2": "c"})],
            "NextToken": "1",
        },
        {"SecretList": [], "NextToken": "2"},
        {
            "SecretList": [
                listed("replica", wanted, PrimaryRegion="us-east-1"),
                listed("elsewhere", {TAG: "c"}),
                listed("longer value", {TAG: "c", "env": "production"}),
                listed("primary", wanted, PrimaryRegion="eu-west-1"),
            ]
        },
    ]

    found = list(store_of(client).list_tagged(TAG, {"env": "prod"}))

    assert [each.name for each in found] == ["wanted", "primary"]
    assert [params.get("NextToken") for _, params in client.calls] == [None, "1", "2"]


def test_list_that_never_ends_is_an_error() -> None:
    client = ScriptedClient()
    client.pages = [{"SecretList": [], "NextToken": "same"}] * 3

    with pytest.raises(StoreError, match="list of secrets: does not end"):
        list(FleetStore(client).list_tagged(TAG, {}))


FIRST = {"SecretList": [listed("a", {TAG: "c"})], "NextToken": "1"}
LAST = {"SecretList": [listed("b", {TAG: "c"})]}


def test_list_whose_continuation_is_refused_is_begun_again_once() -> None:
    client = ScriptedClient()
    client.pages = [FIRST, refusal("InvalidNextTokenException"), FIRST, LAST]

    found = {each.name for each in FleetStore(client).list_tagged(TAG, {})}

    assert found == {"a", "b"}
    assert [params.get("NextToken") for _, params in client.calls] == [None, "1", None, "1"]


def test_list_whose_continuation_is_refused_again_is_a_temporary_failure() -> None:
    client = ScriptedClient()
    client.pages = [FIRST, refusal("InvalidNextTokenException")] * 2

    with pytest.raises(StoreError) as raised:
        list(FleetStore(client).list_tagged(TAG, {}))

    assert str(raised.value) == (
        "list of secrets: its continuation was refused (ListSecrets: InvalidNextTokenException);"
        " the next run begins anew"
    )
    assert (raised.value.retryable, len(client.calls)) == (True, 4)


def test_list_that_may_not_be_read_says_what_to_grant() -> None:
    client = ScriptedClient()
    client.pages = [refusal("AccessDeniedException")]

    with pytest.raises(StoreError) as raised:
        list(FleetStore(client).list_tagged(TAG, {}))

    assert str(raised.value) == (
        "list of secrets: access denied; grant secretsmanager:ListSecrets on * to this role"
    )
    assert not raised.value.retryable


@pytest.mark.parametrize("error", [refusal("InternalServiceError"), UNREACHABLE])
def test_page_that_fails_costs_no_binding_of_the_pages_before(error: Exception) -> None:
    client = ScriptedClient()
    client.pages = [FIRST, error]

    selection = discover(FleetStore(client), {})

    assert [each.binding.token_secret for each in selection.bindings] == ["a"]
    assert selection.broken_off is not None
    assert selection.broken_off.retryable


def test_list_of_which_nothing_can_be_read_is_a_failure_of_the_run() -> None:
    client = ScriptedClient()
    client.pages = [UNREACHABLE]

    with pytest.raises(StoreError, match="list of secrets: "):
        discover(FleetStore(client), {})


def test_tag_without_a_value_costs_no_secret_its_place_in_the_list() -> None:
    client = ScriptedClient()
    # API reference, Tag: neither Key nor Value is required.
    odd: Any = [{"Key": "team"}, {"Value": "nobody's"}, {"Key": TAG, "Value": "a/credentials"}]
    client.pages = [{"SecretList": [{"ARN": arn_of("a"), "Name": "a", "Tags": odd}]}]

    [listed] = store_of(client).list_tagged(TAG, {})

    assert listed.tags == {"team": "", TAG: "a/credentials"}
