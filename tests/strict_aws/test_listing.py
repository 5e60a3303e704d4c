"""ListSecrets, BatchGetSecretValue and the rates of the strict service, each by its page."""

from typing import Any

import pytest

from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import Refused
from tests.support.clock import ManualClock

TAG = "rotator:credentials-secret"
MINUTE_S = 60.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def service(clock: ManualClock) -> StrictSecretsManager:
    return StrictSecretsManager(now=clock.epoch, monotonic=clock.monotonic)


def create(service: StrictSecretsManager, name: str, **tags: str) -> str:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    arn: str = service.ask("CreateSecret", Name=name, SecretString="v", Tags=listed)["ARN"]
    return arn


def names(answer: dict[str, Any]) -> list[str]:
    return [entry["Name"] for entry in answer["SecretList"]]


def test_list_comes_in_pages_of_a_hundred(service: StrictSecretsManager) -> None:
    """API_ListSecrets.html, MaxResults and NextToken."""
    wanted = [f"s{number:03d}" for number in range(201)]
    for name in wanted:
        create(service, name)
    found: list[str] = []
    sizes: list[int] = []
    token: dict[str, str] = {}
    while True:
        answer = service.ask("ListSecrets", **token)
        found += names(answer)
        sizes.append(len(answer["SecretList"]))
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert (found, sizes) == (wanted, [100, 100, 1])
    with pytest.raises(Refused, match="InvalidNextTokenException"):
        service.ask("ListSecrets", NextToken="made up")
    with pytest.raises(Refused, match="InvalidParameterException"):
        service.ask("ListSecrets", MaxResults=101)


def test_empty_page_may_have_a_next_token(service: StrictSecretsManager) -> None:
    """API_ListSecrets.html, NextToken: more may follow although the list is empty."""
    service.listing.empty_pages = 1
    create(service, "a")
    first = service.ask("ListSecrets")
    assert first["SecretList"] == []
    second = service.ask("ListSecrets", NextToken=first["NextToken"])
    assert (names(second), "NextToken" in second) == (["a"], False)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("tag-key", "rotator:credentials-secret")], ["a", "b"]),
        ([("tag-key", "rotator:")], ["a", "b"]),
        ([("tag-key", "Rotator:")], []),
        ([("tag-value", "team/c")], ["a", "b"]),
        ([("tag-value", "team/credentials")], ["a"]),
        ([("tag-key", "rotator:"), ("tag-value", "x")], ["b"]),
        ([("tag-key", "!rotator:")], ["c"]),
        ([("name", "c")], ["c"]),
    ],
)
def test_filters_are_case_sensitive_prefixes(
    service: StrictSecretsManager, filters: list[tuple[str, str]], expected: list[str]
) -> None:
    """API_Filter.html: prefix match; key and value are not of the same tag by necessity."""
    create(service, "a", **{TAG: "team/credentials"})
    create(service, "b", **{TAG: "team/c", "other": "xyz"})
    create(service, "c")
    listed = [{"Key": key, "Values": [value]} for key, value in filters]
    assert names(service.ask("ListSecrets", Filters=listed)) == expected


def test_change_may_not_be_listed_for_five_minutes(
    service: StrictSecretsManager, clock: ManualClock
) -> None:
    """API_ListSecrets.html: "might not show changes from the last five minutes"."""
    service.listing.lag_s = 5 * MINUTE_S
    create(service, "a")
    assert names(service.ask("ListSecrets")) == []
    clock.advance(5 * MINUTE_S)
    assert names(service.ask("ListSecrets")) == ["a"]
    service.ask("TagResource", SecretId="a", Tags=[{"Key": "k", "Value": "v"}])
    assert service.ask("ListSecrets")["SecretList"][0].get("Tags", []) == []
    service.settle()
    assert service.ask("ListSecrets")["SecretList"][0]["Tags"] == [{"Key": "k", "Value": "v"}]


def test_replica_is_listed_with_its_primary_region(service: StrictSecretsManager) -> None:
    """API_SecretListEntry.html, PrimaryRegion."""
    create(service, "a")
    create(service, "b")
    service.ask(
        "ReplicateSecretToRegions", SecretId="a", AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    [replica] = service.ask("ListSecrets", region="eu-west-1")["SecretList"]
    assert (replica["Name"], replica["PrimaryRegion"]) == ("a", "us-east-1")
    assert ":eu-west-1:" in replica["ARN"]
    primary, single = service.ask("ListSecrets")["SecretList"]
    assert primary["PrimaryRegion"] == "us-east-1"
    assert "PrimaryRegion" not in single


def test_listed_entry_says_which_version_has_which_label(service: StrictSecretsManager) -> None:
    """API_SecretListEntry.html, SecretVersionsToStages; a secret without a value has none."""
    create(service, "a")
    service.ask("CreateSecret", Name="empty")
    full, empty = service.ask("ListSecrets")["SecretList"]
    assert list(full["SecretVersionsToStages"].values()) == [["AWSCURRENT"]]
    assert empty["SecretVersionsToStages"] == {}


def test_deleted_secret_is_not_listed_unless_asked_for(service: StrictSecretsManager) -> None:
    """API_ListSecrets.html, IncludePlannedDeletion."""
    create(service, "a")
    service.ask("DeleteSecret", SecretId="a")
    assert names(service.ask("ListSecrets")) == []
    assert names(service.ask("ListSecrets", IncludePlannedDeletion=True)) == ["a"]


def test_batch_takes_twenty_ids_and_tells_failures_beside_values(
    service: StrictSecretsManager,
) -> None:
    """API_BatchGetSecretValue.html: SecretIdList, Errors."""
    create(service, "a")
    service.ask("CreateSecret", Name="empty")
    ids = ["a", "empty", *(f"missing-{number}" for number in range(18))]
    answer = service.ask("BatchGetSecretValue", SecretIdList=ids)
    assert [entry["Name"] for entry in answer["SecretValues"]] == ["a"]
    assert {error["SecretId"] for error in answer["Errors"]} == set(ids) - {"a"}
    assert {error["ErrorCode"] for error in answer["Errors"]} == {"ResourceNotFoundException"}
    with pytest.raises(Refused, match="InvalidParameterException"):
        service.ask("BatchGetSecretValue", SecretIdList=[*ids, "one more"])


@pytest.mark.parametrize(
    ("operations", "per_s"),
    [
        (["GetSecretValue"], 10_000),
        (["DescribeSecret"], 40_000),
        (["BatchGetSecretValue"], 100),
        (["ListSecrets"], 100),
        (["PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage"], 50),
        (["TagResource", "UntagResource"], 50),
    ],
)
def test_quota_per_second_is_that_of_the_user_guide(operations: list[str], per_s: int) -> None:
    """reference_limits.html, "Rate quotas"; GetSecretValue and DescribeSecret have one each."""
    from tests.strict_aws.rates import RequestRates

    rates = RequestRates(lambda: 0.0)
    for number in range(per_s):
        rates.take(operations[number % len(operations)])
    for operation in operations:
        with pytest.raises(Refused, match="ThrottlingException"):
            rates.take(operation)


def test_managed_secret_is_written_by_its_service_only(service: StrictSecretsManager) -> None:
    """API_PutSecretValue.html, InvalidRequestException; service-linked-secrets.html."""
    create(service, "rds!db", **{"aws:secretsmanager:owningService": "rds"})
    with pytest.raises(Refused, match="managed by another service"):
        service.ask("PutSecretValue", SecretId="rds!db", SecretString="mine")
    assert service.ask("ListSecrets")["SecretList"][0]["OwningService"] == "rds"
