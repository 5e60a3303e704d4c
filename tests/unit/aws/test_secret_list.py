"""The list of secrets that discovery reads: its pages, and entries of any shape."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.aws.fleet_store import FleetStore
from rotator.errors import StoreError
from rotator.fleet.discovery import discover
from tests.support.sdk_responses import arn_of
from tests.unit.aws.test_fleet_store import (
    TAG,
    UNREACHABLE,
    ScriptedClient,
    refusal,
    store_of,
)


def listed(name: str, tags: dict[str, str], **fields: str) -> dict[str, Any]:
    pairs = [{"Key": key, "Value": text} for key, text in tags.items()]
    return {"ARN": arn_of(name), "Name": name, "Tags": pairs, **fields}


def listing(*pages: object) -> ScriptedClient:
    """A client whose list of secrets has these pages."""
    client = ScriptedClient()
    client.pages = list(pages)
    return client


def tagged(store: FleetStore) -> list[Any]:
    return list(store.list_tagged(TAG, {}))


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

    assert [each.name for each in found if each] == ["wanted", "primary"]
    assert [params.get("NextToken") for _, params in client.calls] == [None, "1", "2"]


def test_list_that_never_ends_is_an_error() -> None:
    client = listing(*[{"SecretList": [], "NextToken": "same"}] * 3)

    with pytest.raises(StoreError, match="list of secrets: does not end"):
        tagged(FleetStore(client))


FIRST = {"SecretList": [listed("a", {TAG: "c"})], "NextToken": "1"}
LAST = {"SecretList": [listed("b", {TAG: "c"})]}


def test_list_whose_continuation_is_refused_is_begun_again_once() -> None:
    client = listing(FIRST, refusal("InvalidNextTokenException"), FIRST, LAST)

    found = {each.name for each in tagged(FleetStore(client)) if each}

    assert found == {"a", "b"}
    assert [params.get("NextToken") for _, params in client.calls] == [None, "1", None, "1"]


def test_list_whose_continuation_is_refused_again_is_a_temporary_failure() -> None:
    client = listing(*[FIRST, refusal("InvalidNextTokenException")] * 2)

    with pytest.raises(StoreError) as raised:
        tagged(FleetStore(client))

    assert str(raised.value) == (
        "list of secrets: its continuation was refused (ListSecrets: InvalidNextTokenException);"
        " the next run starts over"
    )
    assert (raised.value.retryable, len(client.calls)) == (True, 4)


def test_list_that_may_not_be_read_says_what_to_grant() -> None:
    client = listing(refusal("AccessDeniedException"))

    with pytest.raises(StoreError) as raised:
        tagged(FleetStore(client))

    assert str(raised.value) == (
        "list of secrets: access denied; grant secretsmanager:ListSecrets on * to this role"
    )
    assert not raised.value.retryable


@pytest.mark.parametrize("error", [refusal("InternalServiceError"), UNREACHABLE])
def test_page_that_fails_costs_no_binding_of_the_pages_before(error: Exception) -> None:
    client = listing(FIRST, error)

    selection = discover(FleetStore(client), {})

    assert [each.binding.token_secret for each in selection.bindings] == ["a"]
    assert selection.broken_off is not None
    assert selection.broken_off.retryable


def test_list_of_which_nothing_can_be_read_is_a_failure_of_the_run() -> None:
    client = listing(UNREACHABLE)

    with pytest.raises(StoreError, match="list of secrets: "):
        discover(FleetStore(client), {})


def test_tag_without_a_value_costs_no_secret_its_place_in_the_list() -> None:
    client = ScriptedClient()
    # API reference, Tag: neither Key nor Value is required.
    odd: Any = [{"Key": "team"}, {"Value": "nobody's"}, {"Key": TAG, "Value": "a/credentials"}]
    client.pages = [{"SecretList": [{"ARN": arn_of("a"), "Name": "a", "Tags": odd}]}]

    [listed] = tagged(store_of(client))

    assert listed is not None
    assert listed.tags == {"team": "", TAG: "a/credentials"}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"ARN": arn_of("q"), "Tags": [{"Key": TAG, "Value": "c"}]},
        {"Name": "q", "Tags": [{"Key": TAG, "Value": "c"}]},
        {"ARN": "q", "Name": "q", "Tags": [{"Key": TAG, "Value": "c"}]},
        {"ARN": arn_of("q"), "Name": 7, "Tags": [{"Key": TAG, "Value": "c"}]},
        "q",
    ],
)
def test_entry_that_names_no_secret_is_left_out_and_told_of(entry: object) -> None:
    client = listing({"SecretList": [entry, listed("a", {TAG: "c"}), entry]})

    with capture_logs() as events:
        selection = discover(store_of(client), {})

    assert [each.binding.token_secret for each in selection.bindings] == ["a"]
    [event] = events
    assert (event["event"], event["entries"]) == ("rotator.list_entries_skipped", 2)


@pytest.mark.parametrize(
    "tags", [None, "text", [None], ["text"], [{"Key": 7}], {"Key": TAG}, [[]], [{}]]
)
def test_tags_of_any_shape_cost_no_other_secret_its_place_in_the_list(tags: object) -> None:
    client = ScriptedClient()
    odd = {"ARN": arn_of("q"), "Name": "q", "Tags": tags}
    client.pages = [{"SecretList": [odd, listed("a", {TAG: "c"})]}]

    assert [each.name for each in tagged(store_of(client)) if each] == ["a"]


def test_tag_with_the_arn_of_something_else_says_so() -> None:
    client = listing({"SecretList": [listed("a", {TAG: "arn:aws:s3:::bucket"})]})

    [refused] = discover(store_of(client), {}).refused

    assert "is an ARN, but not that of a secret" in str(refused.error)
