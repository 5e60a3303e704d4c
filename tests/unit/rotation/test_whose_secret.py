"""Which value a token may overwrite, and which credentials a token secret belongs to."""

import json
from typing import Any

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.model.binding import is_name_of
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret, StoredSecret
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.rotation_rig import CREDENTIALS, TokenJob

ASKING = CREDENTIALS | {"scope": "a b"}
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/credentials-AbCdEf"
FRESH: dict[str, Any] = {"issued_at": NOW - HOUR}


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
    job = TokenJob(value)
    with pytest.raises(
        ConfigError, match=r"`rotator init .* --token-secret app/token --bind-only`"
    ) as caught:
        job.run(force=True)
    assert value not in str(caught.value)
    assert job.store.values["app/token"] == value


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
    job = TokenJob(value, tag=tag)
    if tag == "app/other_credentials":
        with pytest.raises(ConfigError, match="names the credentials secret app/other_credentials"):
            job.run()
        assert job.store.values.get("app/token") == value
    else:
        assert job.run().outcome == "rotated"
    assert job.store.calls.count("describe") == 1


def test_token_of_a_newer_release_is_ours_whatever_else_it_says() -> None:
    job = TokenJob(token_document(**FRESH) | {"schema": 2, "sender": {"key": "x"}})
    assert job.run(force=True).outcome == "rotated"
    assert "describe" not in job.store.calls


@pytest.mark.parametrize("value", ["hunter2", '{"access_token": "x", "refresh_token": "y"}'])
@pytest.mark.parametrize("tag", ["app/credentials", "arn:app/credentials"])
def test_value_of_a_secret_that_is_bound_to_these_credentials_is_overwritten(
    tag: str, value: str
) -> None:
    job = TokenJob(value, tag=tag)
    assert job.run().outcome == "rotated"
    assert job.store.calls.count("describe") == 1


def test_token_that_replaces_a_binary_value_is_told_with_version_and_expiry() -> None:
    job = TokenJob("", tag="app/credentials")
    read = job.store.read

    def read_binary(*secret_ids: str) -> list[StoredSecret]:
        return [each._replace(is_binary=each.version_id == "first") for each in read(*secret_ids)]

    job.store.read = lambda *ids: [*read(ids[0]), *read_binary(*ids[1:])]  # type: ignore[method-assign]
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "token_malformed")
    assert result.version_id == job.secret.current
    assert result.expires_at is not None


@pytest.mark.parametrize("value", ["hunter2", json.dumps(token_document(client_id="theirs"))])
def test_secret_that_is_bound_to_other_credentials_is_refused_by_their_name(value: str) -> None:
    job = TokenJob(value, tag="app/other_credentials")
    with pytest.raises(ConfigError, match="names the credentials secret app/other_credentials"):
        job.run()
    assert job.store.values["app/token"] == value


def test_other_credentials_of_the_same_client_are_refused_by_the_tag_too() -> None:
    # Else the two would replace each other's token at every run, each for its own scope.
    stored = rotated_with(ASKING | {"scope": "theirs"})
    job = TokenJob(stored, tag="app/other_credentials")
    with pytest.raises(ConfigError, match="names the credentials secret app/other_credentials"):
        job.run()
    assert job.fields == stored


@pytest.mark.parametrize("tag", [None, "app/credentials"])
def test_token_of_another_client_is_replaced_where_nobody_else_claims_it(tag: str | None) -> None:
    job = TokenJob(token_document(client_id="before", **FRESH), tag=tag)
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "client_changed")


@pytest.mark.parametrize("stored", [token_document(client_id="before", **FRESH), None])
def test_role_that_may_not_describe_still_fills_a_secret_that_looks_like_ours(stored: Any) -> None:  # noqa: ANN401
    job = TokenJob(stored)

    def denied(_: str) -> None:
        raise StoreError("denied", operation="DescribeSecret", secret_id="t")

    job.store.describe = denied  # type: ignore[assignment,method-assign]
    assert job.run().outcome == "rotated"


def test_fresh_token_of_ours_costs_no_question() -> None:
    job = TokenJob(token_document(**FRESH), tag="app/other_credentials")
    assert job.run().outcome == "not_due"
    assert job.store.calls == ["read"]


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
    job = TokenJob(None, credentials, changes={"access_token": Secret("canary-before")})
    job.run()
    return job.fields


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
    job = TokenJob(rotated_with(ASKING), ASKING | change)
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "credentials_changed")
    assert job.run().reason == "fresh"


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
    job = TokenJob(rotated_with(ASKING), ASKING | change)
    assert job.run().reason == "fresh"


def test_token_of_an_older_release_is_not_changed_by_an_upgrade() -> None:
    assert TokenJob(token_document(**FRESH)).run().reason == "fresh"


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
        ClientCredentials.from_fields(ASKING | {"client_secret": secret, "parameters": extra})
        for secret, extra in (("one", {"password": "p"}), ("two", {}))
    )
    assert with_secret.fingerprint == without.fingerprint
    assert len(with_secret.fingerprint) == 64


def test_document_says_which_credentials_were_accepted() -> None:
    fields = rotated_with(ASKING)
    assert fields["credentials_version_id"] == "first"
    assert fields["client_secret_position"] == 1
    assert "rotated_for" not in fields
