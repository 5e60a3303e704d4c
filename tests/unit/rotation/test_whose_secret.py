"""Which value a token may overwrite, and which credentials a token secret belongs to."""

import json
from typing import Any

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.model.binding import BINDING_TAG, Binding, is_name_of
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.support.clock import NOW, ManualClock
from tests.support.documents import HOUR, token_document
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemoryStore

CREDENTIALS = {"client_id": "my-client", "client_secret": "canary-secret", "scope": "a b"}
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/credentials-AbCdEf"
FRESH: dict[str, Any] = {"issued_at": NOW - HOUR}


def job(stored: Any, *, credentials: Any = CREDENTIALS, tag: str | None = None) -> MemoryStore:  # noqa: ANN401 - a text, or what becomes JSON
    store = MemoryStore(credentials=credentials, token=stored)
    if tag is not None:
        store.secrets["app/token"].tags[BINDING_TAG] = tag
    return store


def run(store: MemoryStore, **options: Any) -> RotationResult:
    clock = ManualClock(NOW)
    text = f"canary-{len(store.secrets['app/token'].versions)}"
    return rotate_token(
        Binding("app/credentials", "app/token"),
        store=store,
        endpoint=MemoryEndpoint(clock=clock, changes={"access_token": Secret(text)}),
        policy=RenewalPolicy(),
        clock=clock,
        **options,
    )


@pytest.mark.parametrize(
    "value",
    [
        *(
            "hunter2",
            '{"username": "me"}',
            "[]",
            "-----BEGIN PRIVATE KEY-----",
            '"text"',
            '{"a": 1',
        ),
        # RFC 6749 section 5.1: what another client keeps of a response.
        '{"access_token": "theirs", "token_type": "bearer", "refresh_token": "theirs"}',
        '{"access_token": 1, "username": "me"}',
        '{"schema": 1, "password": "theirs"}',
        '{"client_id": "theirs", "scope": "read"}',
        '{"schema": 2, "db": {"password": "theirs"}}',
        '{"schema": 1, "schema": 1, "password": "theirs"}',
    ],
)
def test_value_of_somebody_else_is_never_overwritten(value: str) -> None:
    store = job(value)
    with pytest.raises(
        ConfigError,
        match=r"`rotator init .* --token-secret app/token --bind-only`",
    ) as caught:
        run(store, force=True)
    assert value not in str(caught.value)
    assert store.values["app/token"] == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "{}",
        '{"schema": "x"}',
        '{"access_token": 1, "expires_at": null}',
        '{"schema": 1, "access_token": "x", "access_token": "y"}',
        '\ufeff{"access_token": "x"}',
    ],
)
@pytest.mark.parametrize("tag", [None, "app/credentials", "app/other_credentials"])
def test_secret_without_a_token_is_filled_unless_its_tag_names_other_credentials(
    value: str | None, tag: str | None
) -> None:
    store = job(value, tag=tag)
    if tag == "app/other_credentials":
        with pytest.raises(ConfigError, match="names the credentials secret app/other_credentials"):
            run(store)
        assert store.values.get("app/token") == value
    else:
        assert run(store).outcome == "rotated"
    assert store.calls.count("describe") == 1


def test_token_of_a_newer_release_is_ours_whatever_else_it_says() -> None:
    store = job(token_document(**FRESH) | {"schema": 2, "sender": {"key": "x"}})
    assert run(store, force=True).outcome == "rotated"
    assert "describe" not in store.calls


@pytest.mark.parametrize("value", ["hunter2", '{"access_token": "x", "refresh_token": "y"}'])
@pytest.mark.parametrize("tag", ["app/credentials", "arn:app/credentials"])
def test_value_of_a_secret_that_is_bound_to_these_credentials_is_overwritten(
    tag: str, value: str
) -> None:
    store = job(value, tag=tag)
    assert run(store).outcome == "rotated"
    assert store.calls.count("describe") == 1


def test_token_that_replaces_a_binary_value_is_told_with_version_and_expiry() -> None:
    store = job("", tag="app/credentials")
    read = store.read

    def read_binary(*secret_ids: str) -> list[StoredSecret]:
        return [each._replace(is_binary=each.version_id == "first") for each in read(*secret_ids)]

    store.read = lambda *ids: [*read(ids[0]), *read_binary(*ids[1:])]  # type: ignore[method-assign]
    result = run(store)
    assert (result.outcome, result.reason) == ("rotated", "token_malformed")
    assert result.version_id == store.secrets["app/token"].current
    assert result.expires_at is not None


@pytest.mark.parametrize("value", ["hunter2", json.dumps(token_document(client_id="theirs"))])
def test_secret_that_is_bound_to_other_credentials_is_refused_by_their_name(value: str) -> None:
    store = job(value, tag="app/other_credentials")
    with pytest.raises(ConfigError, match="names the credentials secret app/other_credentials"):
        run(store)
    assert store.values["app/token"] == value


def test_other_credentials_of_the_same_client_are_refused_by_the_tag_too() -> None:
    # Else the two would replace each other's token at every run, each for its own scope.
    stored = rotated_with(CREDENTIALS | {"scope": "theirs"})
    store = job(stored, tag="app/other_credentials")
    with pytest.raises(ConfigError, match="names the credentials secret app/other_credentials"):
        run(store)
    assert store.fields() == stored


@pytest.mark.parametrize("tag", [None, "app/credentials"])
def test_token_of_another_client_is_replaced_where_nobody_else_claims_it(tag: str | None) -> None:
    store = job(token_document(client_id="before", **FRESH), tag=tag)
    result = run(store)
    assert (result.outcome, result.reason) == ("rotated", "client_changed")


@pytest.mark.parametrize("stored", [token_document(client_id="before", **FRESH), None])
def test_role_that_may_not_describe_still_fills_a_secret_that_looks_like_ours(stored: Any) -> None:  # noqa: ANN401
    store = job(stored)

    def denied(_: str) -> None:
        raise StoreError("denied", operation="DescribeSecret", secret_id="t")

    store.describe = denied  # type: ignore[assignment,method-assign]
    assert run(store).outcome == "rotated"


def test_fresh_token_of_ours_costs_no_question() -> None:
    store = job(token_document(**FRESH), tag="app/other_credentials")
    assert run(store).outcome == "not_due"
    assert store.calls == ["read"]


@pytest.mark.parametrize(
    ("tag", "is_ours"),
    [
        ("app/credentials", True),
        (ARN, True),
        (ARN.removesuffix("-AbCdEf"), True),
        ("app/credential", False),
        ("credentials", False),
        (ARN.replace("eu-west-1", "us-east-1"), False),
    ],
)
def test_tag_means_a_secret_by_name_or_arn(tag: str, *, is_ours: bool) -> None:
    assert is_name_of(tag, ARN, ARN) is is_ours


# What the credentials ask for


def rotated_with(credentials: dict[str, Any]) -> dict[str, Any]:
    store = job(None, credentials=credentials)
    run(store)
    return store.fields()


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "a b c"},
        {"scope": None},
        {"token_url": "https://other.example/token"},
        {"provider": "generic", "token_url": "https://other.example/token"},
        {"audience": "https://api.example"},
        {"resource": ["https://api.example"]},
    ],
)
def test_changed_credentials_make_the_token_due(change: dict[str, Any]) -> None:
    store = job(rotated_with(CREDENTIALS), credentials=CREDENTIALS | change)
    result = run(store)
    assert (result.outcome, result.reason) == ("rotated", "credentials_changed")
    assert run(store).reason == "fresh"


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "b,a"},
        {"client_secret": ["new", "canary-secret"]},
        {"parameters": {"organization": "x"}},
        {"token_secrets": ["app/token"]},
    ],
)
def test_what_asks_for_the_same_token_changes_nothing(change: dict[str, Any]) -> None:
    store = job(rotated_with(CREDENTIALS), credentials=CREDENTIALS | change)
    assert run(store).reason == "fresh"


def test_token_of_an_older_release_is_not_changed_by_an_upgrade() -> None:
    assert run(job(token_document(**FRESH))).reason == "fresh"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "adobe-ims"),
        ({"token_url": "https://ims-na1.adobelogin.com/ims/token/v3"}, "adobe-ims"),
        ({"token_url": "https://as.example/token"}, "generic"),
        ({"issuer": "https://as.example"}, "generic"),
    ],
)
def test_naming_the_provider_that_is_meant_anyway_changes_nothing(
    fields: dict[str, str], name: str
) -> None:
    base = {"client_id": "c", "client_secret": "s", **fields}
    implied, named, other = (
        ClientCredentials.from_fields(base | more).fingerprint
        for more in ({}, {"provider": name}, {"provider": "uaa"})
    )
    assert implied == named != other


def test_fingerprint_holds_no_secret() -> None:
    with_secret, without = (
        ClientCredentials.from_fields(CREDENTIALS | {"client_secret": secret, "parameters": extra})
        for secret, extra in (("one", {"password": "p"}), ("two", {}))
    )
    assert with_secret.fingerprint == without.fingerprint
    assert len(with_secret.fingerprint) == 64


def test_document_says_which_credentials_were_accepted() -> None:
    fields = rotated_with(CREDENTIALS)
    assert fields["credentials_version_id"] == "first"
    assert fields["client_secret_position"] == 1
    assert "rotated_for" not in fields
