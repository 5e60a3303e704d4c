"""Which sources are chosen, and in which order they are asked."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.reader import TokenReader
from rotator.reader.source import Source
from rotator.reader.sources import find_token, open_sources
from tests.support.reader_rig import (
    UNREACHABLE,
    FakeSource,
    fixed_source,
    live_version,
    store_error,
)

pytestmark = pytest.mark.usefixtures("bare_environment")


def kinds(source: str | Sequence[str | Source] | None = None) -> list[str]:
    names = {"SdkSource": "sdk", "DirectSource": "direct"}
    kinds_of = [(each, type(each).__name__) for each in open_sources(source)]
    return [str(getattr(each, "_name", names.get(kind, kind))) for each, kind in kinds_of]


def test_secrets_manager_is_asked_where_nothing_is_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of a developer's shell")
    assert kinds() == ["direct"]


def test_announced_loopback_sources_come_before_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    assert kinds() == ["the Parameters and Secrets Lambda Extension", "direct"]
    monkeypatch.setenv("AWS_TOKEN", "file:///run/token")
    assert kinds() == ["the Secrets Manager Agent", "direct"]


def test_endpoint_named_for_the_sdk_is_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_TOKEN", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    assert kinds() == ["direct"]


@pytest.mark.parametrize("name", ["agent", "extension", "direct", "sdk"])
def test_source_can_be_named_and_stands_alone(name: str) -> None:
    assert len(kinds(name)) == 1


def test_sources_can_be_given_in_an_order_of_the_callers() -> None:
    own = fixed_source(live_version())
    assert kinds(["sdk", "direct", own, "sdk"]) == ["sdk", "direct", "FunctionSource", "sdk"]
    assert kinds(["direct", "sdk"]) == ["direct"]
    assert kinds(["agent", own, "sdk"]) == ["the Secrets Manager Agent", "FunctionSource", "sdk"]


def test_regions_are_asked_in_their_order_behind_what_is_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_TOKEN", "x")
    sources = open_sources(None, regions=("eu-west-1", "us-east-1"))
    assert [getattr(each, "region", None) for each in sources] == [None, "eu-west-1", "us-east-1"]


@pytest.mark.parametrize(
    "settings",
    [
        {"regions": "eu-west-1"},
        {"client": object(), "regions": ["eu-west-1"]},
        {"source": "agent", "regions": ["eu-west-1"]},
        {"source": ["agent", "vault"]},
    ],
)
def test_impossible_sources_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="token reader: "):
        TokenReader("s", **settings).token()


@pytest.mark.parametrize("name", ["AWS_TOKEN", "AWS_ENDPOINT_URL"])
def test_empty_variable_announces_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    monkeypatch.setenv(name, "")
    assert kinds() == ["the Parameters and Secrets Lambda Extension", "direct"]


# -- one behind the other


def found(*sources: Source) -> Any:  # noqa: ANN401 - a snapshot and where it is from, or an error
    return find_token(sources, "s", fresh=False, now=time.time)


DENIED = store_error("denied", code="AccessDeniedException", retryable=False)


@pytest.mark.parametrize(
    "first", [UNREACHABLE, store_error("", code="Throttling"), live_version("expired", lives_s=-5)]
)
def test_next_source_serves_where_the_first_has_nothing(first: Any) -> None:  # noqa: ANN401 - a case
    assert found(fixed_source(first), fixed_source(live_version("second")))[0].token == "second"


def test_fallback_that_is_not_set_up_does_not_hide_what_is_wrong() -> None:
    fallback = fixed_source(ConfigError("AWS credentials: none found"))
    assert found(fixed_source(UNREACHABLE), fallback) is UNREACHABLE


def test_refusal_of_secrets_manager_itself_ends_the_search() -> None:
    fallback = fixed_source(live_version("second"))
    assert found(fixed_source(DENIED), fallback) is DENIED
    assert fallback.calls == 0


def test_previous_version_that_a_cache_may_not_read_does_not_end_the_search() -> None:
    """The cache's AWSCURRENT may be older than that of Secrets Manager."""
    cache = FakeSource(AWSCURRENT=live_version("expired", lives_s=-5), AWSPREVIOUS=DENIED)

    assert found(cache, fixed_source(live_version("second")))[0].token == "second"
    error = found(cache)
    assert isinstance(error, StoreError)
    assert (error.aws_code, error.retryable) == ("AccessDeniedException", False)


def test_failure_can_pass_by_itself_if_that_of_any_region_can() -> None:
    error = found(fixed_source(UNREACHABLE, "eu-west-1"), fixed_source(DENIED, "us-east-1"))
    assert isinstance(error, StoreError)
    assert error.retryable
    assert str(error).startswith("secret s: in eu-west-1: ")
    assert "; in us-east-1: " in str(error)


def test_refusal_in_one_region_does_not_end_the_search_in_others() -> None:
    replica = fixed_source(live_version("second"), "us-east-1")
    assert found(fixed_source(DENIED, "eu-west-1"), replica)[0].token == "second"


@pytest.mark.parametrize("answer", [None, "canary", 7, ["canary"]])
def test_source_that_answers_with_no_mapping_has_failed(answer: Any) -> None:  # noqa: ANN401 - wrong
    with pytest.raises(StoreError, match="its source failed") as caught:
        TokenReader("s", source=fixed_source(answer)).token()
    assert "canary" not in str(caught.value)
