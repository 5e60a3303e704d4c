"""Changing the credentials: no edit of another is lost, whoever made it and however."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from rotator.cli.client_settings import ask_credentials
from rotator.errors import ConfigError, CredentialsError, SecretNotFound, VersionConflict
from rotator.model.secret import Secret, StoredSecret
from rotator.model.unreadable import find_lost_fields, unreadable_credentials
from rotator.rotation.credentials import (
    add_client_secret,
    consent_to,
    edit_credentials,
    is_complete,
    merge_settings,
    remove_client_secret,
)
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore

FIELDS = {"client_id": "me", "client_secret": "old"}
NAME = "app/credentials"


def edited(store: MemoryStore, **settings: Any) -> bool:
    published = edit_credentials(
        NAME,
        lambda fields: merge_settings(fields, settings),
        store=store,
        clock=ManualClock(),
        replacement=settings if is_complete(settings) else None,
    )
    return published is not None


def test_command_that_corrects_a_value_by_hand_names_the_region_of_the_secret() -> None:
    arn = f"arn:aws:secretsmanager:eu-north-1:123456789012:secret:{NAME}-AbCdEf"

    told = str(unreadable_credentials(StoredSecret(NAME, arn, text=Secret("{")), "is not JSON"))

    assert "--secret-string file://value.json --region eu-north-1`" in told


def test_edit_that_another_makes_meanwhile_is_kept() -> None:
    store = MemoryStore(credentials=FIELDS)

    def another() -> None:
        edited(store, audience="theirs")

    store.before_put.append(another)

    assert edited(store, scope="ours")

    assert store.fields(NAME) == FIELDS | {"audience": "theirs", "scope": "ours"}


def test_edit_leaves_other_keys_and_settings_as_they_are_written() -> None:
    kept = '"rate": 1e5', '"note": "ü"', '"parameters": {"a":"\\u00fc"}'
    store = MemoryStore(credentials=json.dumps(FIELDS)[:-1] + f",{','.join(kept)}}}")
    assert edited(store, scope="new")
    assert [each for each in kept if each not in store.values[NAME]] == []
    assert store.fields(NAME)["scope"] == "new"


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "me", "client_secret": "old"},
        {"client_id": "me", "client_secret": ["old"]},
        {"CLIENT_ID": "me", "CLIENT_SECRETS": ["old"]},
    ],
)
def test_client_secret_that_is_stored_already_is_not_written_again(fields: dict[str, Any]) -> None:
    store = MemoryStore(credentials=fields)

    assert not edited(store, client_secret="old")
    assert not edit_credentials(
        NAME, lambda fields: add_client_secret(fields, "old"), store=store, clock=ManualClock()
    )

    assert store.writes == []


@pytest.mark.parametrize("name", ["scope", "audience", "provider", "token_url"])
def test_client_secret_is_stored_in_no_other_field(name: str) -> None:
    store = MemoryStore(credentials=FIELDS)

    with pytest.raises(ConfigError, match=f"^{name}: is the client secret"):
        edited(store, **{name: "old"})

    assert store.writes == []


def test_labels_moved_by_hand_do_not_stand_in_the_way() -> None:
    store = MemoryStore(credentials=FIELDS)
    edited(store, scope="one")
    store.secrets[NAME].current = "first"

    assert edited(store, scope="two")

    assert store.fields(NAME)["scope"] == "two"


def test_secret_that_keeps_changing_is_given_up_and_can_be_tried_again() -> None:
    store = MemoryStore(credentials=FIELDS)

    numbers = iter(range(100))

    def interfere() -> None:
        scope = f"theirs-{next(numbers)}"
        store.secrets[NAME].publish(json.dumps(FIELDS | {"scope": scope}), scope)
        raise VersionConflict("taken", operation="PutSecretValue", secret_id=NAME)

    store.before_put += [interfere] * 100

    with pytest.raises(VersionConflict, match="its versions keep changing") as caught:
        edited(store, audience="ours")

    assert caught.value.retryable


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (
            None,
            SecretNotFound,
            "has no value yet; store the client credentials with `rotator init --cred",
        ),
        ("canary", CredentialsError, f"credentials secret {NAME}: is not JSON"),
    ],
)
def test_secret_that_holds_no_credentials_is_not_changed(
    value: str | None, error: type[Exception], says: str
) -> None:
    store = MemoryStore(credentials=value)

    with pytest.raises(error, match=says):
        edited(store, scope="ours")

    assert store.writes == []


@pytest.mark.parametrize(
    "value",
    [
        '{"client_id": "a", "db": {"password": "canary", "x": 1, "x": 2}}',
        '{"client_id": "a", "limit": NaN}',
        '{"client_id": "a", "access_token": "canary", "access_token": "canary"}',
        '{"client_id": "a", "other": ' + "[" * 30 + "]" * 30 + "}",
        '{"client_id": "a", "other": "canary"',
        '{\\"client_id\\": \\"a\\", \\"other\\": \\"canary\\"}',
        "{client_id: a, other: canary}",
        "{'client_id': 'a', 'other': 'canary'}",
        "{\u201cclient_id\u201d: \u201ca\u201d, \u201cother\u201d: \u201ccanary\u201d}",
        "client_id: a\nclient_secret: canary\nother: canary\n",
    ],
)
def test_unreadable_value_with_other_keys_is_never_replaced(value: str) -> None:
    store = MemoryStore(credentials=value)
    for settings in (FIELDS, {"scope": "ours"}):
        with pytest.raises(CredentialsError, match="more than client credentials") as caught:
            edited(store, **settings)
        by_hand = f"`aws secretsmanager put-secret-value --secret-id {NAME} "
        assert f"by hand, in the console or with {by_hand}" in str(caught.value)
        assert "credentials set" not in str(caught.value)
        assert "canary" not in str(caught.value)
    assert store.writes == []


@pytest.mark.parametrize(
    "value",
    [
        "canary",
        "canary: no JSON",
        '{"client_id": "a", "client_id": "b", "client_secret": "c"}',
        "{client_id: a, client_secret: b, scope: c}",
        '{"CLIENT_ID": "a", "CLIENT_SECRETS": ["c"]',
    ],
)
def test_unreadable_value_that_holds_client_credentials_alone_may_be_replaced(value: str) -> None:
    store = MemoryStore(credentials=value)
    with pytest.raises(CredentialsError, match=f"`rotator credentials set {NAME} < cred"):
        edited(store, scope="ours")
    assert edited(store, **FIELDS)
    assert store.fields(NAME) == FIELDS


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('{"client_id": "canary", "token_url": "https://as.example/token",}', "token_url"),
        ('{"client_id": "canary", "issuer": "https://as.example", "issuer": "b"}', "issuer"),
        ("{\u201cprovider\u201d: \u201cokta\u201d}", "provider"),
        ("client_id: canary\nclient_secret: canary\ntoken_url: https://as.example/t", "token_url"),
        ("TOKEN_URL=https://as.example/canary", "token_url"),
        ("token_uri: https://as.example/canary", "token_uri"),
        ('["issuer", "https://as.example"]', "issuer"),
        (r'"{\"client_id\": \"canary\", \"issuer\": \"https://as.example\"}"', "issuer"),
        ("\0".join('{"provider": "okta"}'), "provider"),  # UTF-16
        ("{client_id: canary, token_url: https://as.example/token}", "token_url"),
        ("{client_id:canary,issuer:https://as.example}", "issuer"),
        ("access_token_url: https://as.example/canary\n", "token_url"),
        ("spring.security.provider.idp.token-uri=https://as.example/canary", "token-uri"),
        ("client_id=canary&issuer=https%3A%2F%2Fas.example", "issuer"),
        ("rotator init --provider auth0 --client-id canary", "provider"),
        ("client id  canary\ntoken url  https://as.example/canary", "token url"),
        ("{:client_id => canary, :issuer => https://as.example}", "issuer"),
        ("{`provider`: `okta`}", "provider"),
    ],
)
def test_unreadable_value_that_names_a_provider_never_comes_to_mean_adobe(
    value: str, name: str
) -> None:
    store = MemoryStore(credentials=value)
    for nothing in ({}, {"token_url": ""}, {"provider": None}):
        with pytest.raises(CredentialsError, match="would go to Adobe") as caught:
            edited(store, **FIELDS, **nothing)
        assert f"would lose {name}" in str(caught.value)
        assert "canary" not in str(caught.value)
    assert store.writes == []

    named = {"token_url": "https://as.example/token"}
    assert edited(store, **FIELDS, **named)
    assert store.fields(NAME) == FIELDS | named


@pytest.mark.parametrize(
    "words",
    [
        '"scope": "openid identity-provider:read"',
        '"scope": ["openid", "identity-provider:read"]',
        '"scope": "urn:issuer:read"',
        '"audience": "https://login.provider.example"',
        '"audience": "https://provider:8443/token"',
    ],
)
def test_unreadable_value_whose_scope_or_host_has_the_word_names_no_provider(words: str) -> None:
    store = MemoryStore(credentials=f'{{"client_id": "me", "client_secret": "old", {words},}}')

    assert edited(store, **FIELDS)

    assert store.fields(NAME) == FIELDS


@pytest.mark.parametrize(
    ("value", "kept", "lost"),
    [
        ('{"token_url": "https://login.provider.example/t",}', {"token_url": "a"}, []),
        ('{"audience": "https://api.example/resource/scope",}', {"audience": "a"}, []),
        ('{"token_url": "https://as.example/t",}', {"issuer": "https://as.example"}, []),
        ('{"issuer": "https://as.example",}', {"issuer": ""}, ["issuer"]),
        ('{"SCOPES": "a", "scope_policy": "refuse",}', {}, ["scope", "scope_policy"]),
        (r"{\"audience\": \"a\", \"scope\": \"b\"}", {"scope": "b"}, ["audience"]),
        ("audience: a\nresource: b", {}, ["audience", "resource"]),
        ("audience  a\nresource  b", {}, ["audience", "resource"]),
        ("{\u201caudience\u201d : \u201ca\u201d}", {}, ["audience"]),
    ],
)
def test_fields_of_an_unreadable_value_are_lost_unless_the_new_ones_have_them(
    value: str, kept: dict[str, object], lost: list[str]
) -> None:
    assert find_lost_fields(StoredSecret(NAME, "v", text=Secret(value)), kept) == lost


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("old", ["new", "old"]),
        (["old", "older"], ["new", "old", "older"]),
        (["old", "new"], ["new", "old"]),
        (None, ["new"]),
    ],
)
def test_added_client_secret_is_tried_first(stored: object, expected: list[str]) -> None:
    fields = {"client_id": "me", "client_secret": stored}

    assert add_client_secret(fields, "new")["client_secret"] == expected


def test_client_secret_that_is_removed_is_the_same_after_another_was_added_meanwhile() -> None:
    store = MemoryStore(credentials=FIELDS | {"client_secret": ["new", "old"]})

    def edit(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        edit_credentials(NAME, change, store=store, clock=ManualClock())

    store.before_put.append(lambda: edit(lambda fields: add_client_secret(fields, "newer")))
    edit(lambda fields: remove_client_secret(fields, "old"))

    assert store.fields(NAME)["client_secret"] == ["newer", "new"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (None, ["app/token"]),
        ("other", ["other", "app/token"]),
        (["app/token"], ["app/token"]),
        (["app/*"], ["app/*", "app/token"]),
        (["APP/token"], ["APP/token", "app/token"]),
    ],
)
def test_consent_is_added_where_it_is_not_given_yet(entries: object, expected: list[str]) -> None:
    fields = {"client_id": "me"} | ({} if entries is None else {"token_secrets": entries})

    assert consent_to(fields, "app/token")["token_secrets"] == expected


def test_client_secret_is_added_to_the_download_of_adobes_console() -> None:
    added = add_client_secret({"CLIENT_ID": "me", "CLIENT_SECRETS": ["old"]}, "new")

    assert added == {"CLIENT_ID": "me", "client_secret": ["new", "old"]}


DOWNLOAD = {"CLIENT_ID": "me", "CLIENT_SECRETS": ["old"], "SCOPES": ["openid", "AdobeID"]}


@pytest.mark.parametrize(
    ("name", "value", "replaced"),
    [("client_secret", "new", "CLIENT_SECRETS"), ("scope", "x", "SCOPES"), ("scope", "", "SCOPES")],
)
def test_setting_takes_the_place_of_its_key_in_the_download_of_adobes_console(
    name: str, value: str, replaced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore(credentials=DOWNLOAD)
    assert edited(store, **{name: value})
    others = {key: text for key, text in DOWNLOAD.items() if key != replaced}
    assert store.fields(NAME) == others | ({name: value} if value else {})
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(DOWNLOAD)))
    assert ask_credentials({name: value}).fields == store.fields(NAME)


@pytest.mark.parametrize(
    "settings",
    [{"client_id": "me"}, {"scope": ["openid", "AdobeID"]}, {"client_secret": "old"}],
)
def test_value_that_is_stored_under_the_name_of_adobes_console_is_not_written_again(
    settings: dict[str, Any],
) -> None:
    store = MemoryStore(credentials=DOWNLOAD)

    assert not edited(store, **settings)

    assert store.writes == []


def test_edit_that_takes_out_a_contradiction_between_both_names_is_stored() -> None:
    store = MemoryStore(credentials={"CLIENT_ID": "other", **FIELDS})

    assert edited(store, client_id="me")

    assert store.fields(NAME) == FIELDS


@pytest.mark.parametrize("name", ["token_url", "issuer", "provider"])
def test_client_secret_is_not_sent_to_adobe_because_a_setting_was_taken_away(name: str) -> None:
    value = "auth0" if name == "provider" else "https://idp.example/token"
    extra = {"audience": "a"} if name == "provider" else {}
    stored = FIELDS | extra | {name: value}
    store = MemoryStore(credentials=stored)
    with pytest.raises(ConfigError, match="--provider"):
        edited(store, **{name: ""})
    assert store.values[NAME] == json.dumps(stored)
    if name != "provider":
        assert edited(store, **{name: "", "provider": "adobe-ims"})


@pytest.mark.parametrize(
    "stored",
    [
        "hello",
        "[]",
        '{"client_id": "me"',
        '{"client_id": "me", "client_id": "you"}',
        '{"client_id": "me", "token_uri": "https://idp.example/token"}',
    ],
)
def test_complete_credentials_replace_what_cannot_be_used(stored: str) -> None:
    store = MemoryStore(credentials=stored)
    with pytest.raises(CredentialsError):
        edited(store, client_secret="new")
    complete = FIELDS | {"token_url": "https://idp.example/token"}
    assert edited(store, **complete)
    assert store.fields(NAME) == complete


def test_complete_credentials_leave_the_other_keys_as_they_are() -> None:
    store = MemoryStore(credentials=FIELDS | {"owner": "team", "token_secrets": ["app/token"]})
    assert edited(store, client_id="me", client_secret="new")
    assert store.fields(NAME)["token_secrets"] == ["app/token"]
    assert store.fields(NAME)["owner"] == "team"
