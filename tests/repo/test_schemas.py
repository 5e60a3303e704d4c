"""The JSON Schemas of both secrets say what the codecs do."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rotator.errors import CredentialsError
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.client_admin import ADMIN_KINDS, parse_admin_settings
from rotator.model.client_credentials import ClientCredentials
from rotator.model.fields import load_object
from rotator.model.providers import AUTH_METHODS, PRESETS, resolve
from rotator.model.secret import Secret
from rotator.model.secret_rotation import SecretRotation

SCHEMAS = Path(__file__).parents[2] / "rotator" / "schemas"
# Relations between fields, which a schema cannot express.
ONLY_THE_CODEC_KNOWS = ("is not later than", "disagrees with", "token_url: missing")


def schema(name: str) -> dict[str, Any]:
    return load_object((SCHEMAS / f"{name}-secret.schema.json").read_text("utf-8"))


TOKEN, CREDENTIALS = schema("token"), schema("credentials")
TOKEN_VALIDATOR, CREDENTIALS_VALIDATOR = map(Draft202012Validator, (TOKEN, CREDENTIALS))

one_line = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
instants = st.integers(1, 250_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3_000_000_000)
    # A whole float is an integer to a schema.
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number % 1 != 0)
    | st.text(max_size=8)
    | st.text(st.sampled_from("a \t\n\x00\x7f\u00e4"), max_size=4)
    | st.sampled_from(["https://a.example/", "http://a.example/", "2026-01-30T09:00:00Z", "x\n"])
    | st.sampled_from(["2026-01-30T09:00:00+01:00", "2026-01-30 09:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


def read_credentials(fields: dict[str, Any]) -> None:
    """What the job and the rotation do with the fields before they send anything."""
    resolve(ClientCredentials.from_fields(fields))
    parse_admin_settings(fields)
    SecretRotation.from_fields(fields)


def problem(read: Callable[[dict[str, Any]], object], fields: dict[str, Any]) -> str:
    """Why the codec refuses the fields, empty if it does not, or only for what no schema knows."""
    try:
        read(fields)
    except (ValueError, CredentialsError) as error:
        text = str(error)
        return "" if any(known in text for known in ONLY_THE_CODEC_KNOWS) else text
    return ""


@pytest.mark.parametrize("stated", [TOKEN, CREDENTIALS], ids=["token", "credentials"])
def test_schema_is_one_and_describes_every_field(stated: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(stated)
    assert all(each["description"] for each in stated["properties"].values())
    assert stated["required"] == [
        name for name in stated["properties"] if name in stated["required"]
    ]


@pytest.mark.parametrize("path", sorted(SCHEMAS.iterdir()), ids=lambda path: path.name)
def test_schema_has_an_id_of_its_own(path: Path) -> None:
    kind, _, rest = path.name.partition(".")

    assert rest == "schema.json"
    assert load_object(path.read_text("utf-8"))["$id"] == f"urn:rotator:{kind}:1"


def test_schemas_describe_the_fields_that_the_codecs_know() -> None:
    assert TOKEN["properties"].keys() == TOKEN_FIELDS
    assert CREDENTIALS["properties"].keys() == ClientCredentials.FIELDS
    assert set(CREDENTIALS["properties"]["provider"]["enum"]) == {*PRESETS, None}
    assert set(CREDENTIALS["properties"]["auth_method"]["enum"]) == {*AUTH_METHODS, None}


def test_schema_asks_for_the_ids_of_each_kind() -> None:
    _, *stated = CREDENTIALS["properties"]["client_admin"]["anyOf"]
    assert {each["properties"]["kind"]["const"] for each in stated} == ADMIN_KINDS.keys()
    for each in stated:
        kind = ADMIN_KINDS[each["properties"]["kind"]["const"]]
        needed = {"kind", *kind.ids} | (set() if kind.url else {"url"})
        needed |= {"credentials_secret"} if kind.needs_credentials_secret else set()
        assert set(each["required"]) == needed


@pytest.mark.parametrize("example", TOKEN["examples"])
def test_examples_of_the_token_secret_are_read(example: dict[str, Any]) -> None:
    TOKEN_VALIDATOR.validate(example)
    assert AccessToken.from_fields(example).to_fields() == example
    assert example.keys() == TOKEN_FIELDS


@pytest.mark.parametrize("example", CREDENTIALS["examples"])
def test_examples_of_the_credentials_secret_are_read(example: dict[str, Any]) -> None:
    CREDENTIALS_VALIDATOR.validate(example)
    read_credentials(example)


@given(
    st.builds(
        AccessToken,
        access_token=st.from_regex(r"[!-~]{1,20}", fullmatch=True).map(Secret),
        token_type=st.sampled_from(["bearer", "Bearer", "BEARER"]),
        issued_at=instants,
        expires_at=instants,
        client_id=one_line,
        token_url=st.none() | one_line,
        scope=st.none() | one_line,
        next_rotation_at=st.none() | instants,
    )
)
def test_every_token_that_is_written_fits_the_schema(token: AccessToken) -> None:
    TOKEN_VALIDATOR.validate(json.loads(json.dumps(token.to_fields())))


@given(st.sampled_from(sorted(TOKEN_FIELDS)), anything)
def test_token_that_is_refused_does_not_fit_the_schema(name: str, value: object) -> None:
    fields = TOKEN["examples"][0] | {name: value}
    assert not (problem(AccessToken.from_fields, fields) and TOKEN_VALIDATOR.is_valid(fields))


@given(st.sampled_from(sorted(ClientCredentials.FIELDS)), anything, st.sampled_from([0, 1]))
def test_credentials_that_are_refused_do_not_fit_the_schema(
    name: str, value: object, number: int
) -> None:
    fields = CREDENTIALS["examples"][number] | {name: value}
    assert not (problem(read_credentials, fields) and CREDENTIALS_VALIDATOR.is_valid(fields))


@pytest.mark.parametrize("name", sorted(TOKEN["required"]))
def test_token_without_a_required_field_is_refused_by_both(name: str) -> None:
    fields = {key: value for key, value in TOKEN["examples"][0].items() if key != name}
    assert not TOKEN_VALIDATOR.is_valid(fields)
    with pytest.raises(ValueError, match=name):
        AccessToken.from_fields(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", 0),
        ("schema", "1"),
        ("access_token", "line\n"),
        ("access_token", " x"),
        ("access_token", "x y"),
        ("token_type", "mac"),
        ("token_type", "bearer\n"),
        ("client_id", "\u00e4"),
        ("scope", ""),
        ("token_url", 5),
        ("issued_at", "2026-01-30T09:00:00"),
        ("next_rotation_at", "2026-01-30T10:00:00+01:00"),
        ("expires_at_epoch", 1769849999.5),
        ("expires_at_epoch", "1769849999"),
        ("expires_at_epoch", True),
    ],
)
def test_wrong_field_of_a_token_is_refused_by_both(name: str, value: object) -> None:
    fields = TOKEN["examples"][0] | {name: value}
    assert not TOKEN_VALIDATOR.is_valid(fields)
    with pytest.raises(ValueError, match=name):
        AccessToken.from_fields(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", None),
        ("client_id", "x "),
        ("client_secret", ""),
        ("client_secret", []),
        ("client_secret", ["x", " "]),
        ("client_secret", "line\n"),
        ("provider", "adobe"),
        ("auth_method", "none"),
        ("token_url", "http://login.example/token"),
        ("token_url", "https://id:x@login.example/token"),
        ("token_url", "https://login.example/token#x"),
        ("scope", [7]),
        ("parameters", {"a": 1}),
        ("parameters", "a=1"),
    ],
)
def test_wrong_field_of_the_credentials_is_refused_by_both(name: str, value: object) -> None:
    fields = CREDENTIALS["examples"][1] | {name: value}
    assert not CREDENTIALS_VALIDATOR.is_valid(fields)
    with pytest.raises((ValueError, CredentialsError), match=name):
        read_credentials(fields)


@pytest.mark.parametrize("name", CREDENTIALS["propertyNames"]["not"]["enum"])
def test_other_names_of_the_token_url_are_refused_by_both(name: str) -> None:
    fields = CREDENTIALS["examples"][0] | {name: "https://login.example/token"}
    assert not CREDENTIALS_VALIDATOR.is_valid(fields)
    with pytest.raises(ValueError, match=r"did you mean token_url|headers cannot be set"):
        read_credentials(fields)


def test_page_lists_the_names_that_a_secret_for_both_reserves() -> None:
    page = (SCHEMAS.parents[1] / "docs" / "configuration.md").read_text("utf-8")
    listed = page.partition("reserved there: ")[2].partition(". ")[0]

    assert set(re.findall("`(\\w+)`", listed)) == (
        TOKEN["properties"].keys() - CREDENTIALS["properties"].keys()
    )
