"""The credentials secret is read whole or refused with the name of the wrong field."""

from typing import Any

import pytest

from rotator.model.access_token import TOKEN_FIELDS
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret

MINIMAL: dict[str, Any] = {"client_id": "client", "client_secret": "p8e-canary"}


def problem(**changes: object) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the caller looks at its text
        ClientCredentials.from_fields(MINIMAL | changes)
    return str(caught.value)


def test_two_fields_are_enough() -> None:
    credentials = ClientCredentials.from_fields(MINIMAL)

    assert credentials.client_id == "client"
    assert credentials.client_secrets == (Secret("p8e-canary"),)
    assert credentials.resources == ()
    assert credentials.parameters == {}


def test_every_field_is_read() -> None:
    fields: dict[str, Any] = {
        "client_id": "client",
        "client_secret": ["new", "old"],
        "provider": "okta",
        "token_url": "https://as.example/token",
        "issuer": "https://as.example",
        "scope": "read",
        "audience": "https://api.example",
        "resource": ["https://one.example", "https://two.example"],
        "auth_method": "private_key_jwt",
        "basic_encoding": "raw",
        "private_key": {"kty": "EC"},
        "key_id": "kid",
        "certificate": "-----BEGIN CERTIFICATE-----",
        "lifetime_s": 3600,
        "single_active": True,
        "scope_policy": "refuse",
        "token_type_policy": "assume_bearer",
        "token_secrets": ["adobe/token", "adobe/eu/*"],
        "admin_of": ["adobe/credentials"],
        "parameters": {"organization": "org"},
        "client_admin": {"kind": "entra-id"},
        "client_secret_rotation": {"step": "done"},
    }

    credentials = ClientCredentials.from_fields(fields)

    assert fields.keys() == ClientCredentials.FIELDS
    assert credentials.client_secrets == (Secret("new"), Secret("old"))
    assert credentials.resources == ("https://one.example", "https://two.example")
    assert credentials.private_key == Secret('{"kty": "EC"}')
    assert credentials.token_secrets == ("adobe/token", "adobe/eu/*")
    assert credentials.admin_of == ("adobe/credentials",)
    # These are read where the client secret is rotated.
    of_others = {"client_admin", "client_secret_rotation"}
    apart = {"client_secret", "resource", "private_key", "token_secrets", "admin_of"}
    for name in fields.keys() - apart - of_others:
        assert getattr(credentials, name) == fields[name], name


def test_key_takes_the_place_of_a_client_secret() -> None:
    credentials = ClientCredentials.from_fields({"client_id": "client", "private_key": "PEM"})

    assert credentials.client_secrets == ()
    assert credentials.secrets == (Secret("PEM"),)


def test_single_resource_may_be_a_string() -> None:
    credentials = ClientCredentials.from_fields(MINIMAL | {"resource": "https://one.example"})

    assert credentials.resources == ("https://one.example",)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"client_id": None}, "client_id is missing"),
        ({"client_id": ""}, "client_id must be a non-empty string"),
        ({"client_id": 7}, "client_id must be a non-empty string"),
        ({"client_id": "canary\n"}, "client_id must be printable ASCII"),
        ({"client_secret": None}, "client_secret is missing"),
        ({"client_secret": ""}, "client_secret must be a non-empty string, or a list"),
        ({"client_secret": []}, "client_secret must be a non-empty string, or a list"),
        ({"client_secret": ["canary", ""]}, "client_secret must be a non-empty string, or a list"),
        ({"client_secret": ["canary", 5]}, "client_secret must be a non-empty string, or a list"),
        ({"client_secret": {"canary": 1}}, "client_secret must be a non-empty string, or a list"),
        ({"client_secret": "canary\n"}, "client_secret must be one line"),
        ({"client_secret": "can\x80ary"}, "client_secret must be one line"),
        ({"client_secret": [" canary"]}, "client_secret must be one line"),
        ({"client_secret": "canary\ud800"}, "client_secret must be one line"),
        ({"token_url": 5}, "token_url must be a non-empty string"),
        ({"resource": [7]}, "resource must be a non-empty string, or a list"),
        ({"resource": ["canary", "can\u00e4ry"]}, "resource must be printable ASCII"),
        ({"scope": ["canary", 7]}, "scope must be a non-empty string"),
        ({"scope": []}, "scope must be a non-empty string"),
        ({"single_active": "canary"}, "single_active must be true or false"),
        ({"token_type_policy": "canary"}, "token_type_policy must be one of refuse, assume_bearer"),
        ({"CLIENT_ID": "canary"}, "has both client_id and CLIENT_ID, which differ"),
        ({"certificate": "can\u00e4ry"}, "certificate must be a non-empty string of ASCII"),
        ({"certificate": ["canary"]}, "certificate must be a non-empty string of ASCII"),
        ({"private_key": 7}, "private_key"),
        ({"basic_encoding": "canary"}, "basic_encoding must be one of form, raw"),
        ({"scope_policy": "canary"}, "scope_policy must be one of accept, refuse"),
        ({"lifetime_s": "3600"}, "lifetime_s"),
        ({"lifetime_s": 0}, "lifetime_s"),
        ({"lifetime_s": True}, "lifetime_s"),
        ({"lifetime_s": 10**12}, "lifetime_s"),
        ({"parameters": ["canary"]}, "parameters"),
        ({"parameters": {"x": 7}}, "parameters"),
        ({"parameters": {"canary\ud800": "x"}}, "parameters must not contain surrogates"),
        ({"parameters": {"x": "canary\ud800"}}, "parameters must not contain surrogates"),
        ({"token_url": None}, "token_url is null, and nothing else names the provider"),
        ({"issuer": None, "token_url": None}, "token_url is null"),
        ({"provider": None}, "provider is null, and nothing else names the provider"),
    ],
)
def test_wrong_field_is_named_and_its_content_is_not(changes: dict[str, Any], name: str) -> None:
    told = problem(**changes)

    assert told.startswith(name)
    assert "canary" not in told


@pytest.mark.parametrize(
    "name",
    [
        "audience",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "resource",
        "scope",
    ],
)
def test_parameters_cannot_replace_what_has_a_place_of_its_own(name: str) -> None:
    assert f"parameters must not hold {name}" in problem(parameters={name: "canary"})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("token_uri", "token_url"),
        ("tokenUrl", "token_url"),
        ("token_endpoint", "token_url"),
        ("access_token_url", "token_url"),
        ("scopes", "scope"),
        ("clientId", "client_id"),
        ("Client_Secret", "client_secret"),
        ("auth-method", "auth_method"),
        ("resources", "resource"),
        ("private_keys", "private_key"),
    ],
)
def test_misspelt_field_is_refused(misspelt: str, meant: str) -> None:
    told = problem(**{misspelt: "canary"})

    assert told == f"has an unknown key {misspelt}; did you mean {meant}?"


def test_blank_around_the_scope_is_not_asked_for() -> None:
    assert ClientCredentials.from_fields(MINIMAL | {"scope": " read write "}).scope == "read write"


def test_file_that_adobe_offers_for_download_is_understood() -> None:
    fields = {
        "CLIENT_SECRETS": ["p8e-new", "p8e-old"],
        "ORG_ID": "0123@AdobeOrg",
        "CLIENT_ID": "client",
        "SCOPES": ["openid", "AdobeID", "read_organizations"],
        "TECHNICAL_ACCOUNT_ID": "0123@techacct.adobe.com",
        "TECHNICAL_ACCOUNT_EMAIL": "0123@techacct.adobe.com",
    }

    credentials = ClientCredentials.from_fields(fields)

    assert credentials.client_id == "client"
    assert credentials.client_secrets == (Secret("p8e-new"), Secret("p8e-old"))
    assert credentials.scope == "openid AdobeID read_organizations"


def test_headers_are_refused_with_a_hint_of_what_can_be_set() -> None:
    told = problem(headers={"X-Tenant": "canary"})

    assert "form fields go into parameters" in told
    assert "canary" not in told


def test_misspelt_field_with_odd_characters_is_not_repeated() -> None:
    assert problem(**{"client secret": "canary"}) == (
        "has an unknown key (not shown, as it may hold a secret); did you mean client_secret?"
    )


@pytest.mark.parametrize(
    "key", ["owner", "notes", "org_id", "technical_account_email", "api_key", "ticket", "x"]
)
def test_keys_of_the_team_are_left_alone(key: str) -> None:
    assert ClientCredentials.from_fields(MINIMAL | {key: 1}).client_id == "client"


def test_fields_of_a_token_in_the_same_secret_are_no_misspellings() -> None:
    fields = dict.fromkeys(TOKEN_FIELDS) | MINIMAL | {"provider": "adobe-ims"}

    assert ClientCredentials.from_fields(fields).client_id == "client"


def test_client_secret_beyond_ascii_is_taken_at_its_word() -> None:
    credentials = ClientCredentials.from_fields(MINIMAL | {"client_secret": "p\u00e4ss w\u00f6rd"})

    assert credentials.client_secrets == (Secret("p\u00e4ss w\u00f6rd"),)


def test_nothing_secret_is_in_the_repr() -> None:
    fields = MINIMAL | {
        "private_key": "canary-key",
        "certificate": "canary-certificate",
        "parameters": {"pin": "canary-pin"},
    }

    assert "canary" not in repr(ClientCredentials.from_fields(fields))
