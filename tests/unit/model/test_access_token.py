"""The values, and how they are written down."""

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.model.access_token import SCHEMA, TOKEN_FIELDS, AccessToken
from rotator.model.fields import load_object
from rotator.model.instants import format_instant, parse_instant
from rotator.model.secret import Secret, StoredSecret
from rotator.reader.snapshot import parse

ISSUED_AT = datetime(2026, 1, 30, 9, tzinfo=UTC)

one_line = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40
).filter(lambda text: text == text.strip())
instants = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=0))
tokens = st.builds(
    AccessToken,
    access_token=st.from_regex(r"[!-~]{1,40}", fullmatch=True).map(Secret),
    token_type=st.sampled_from(["bearer", "Bearer", "BEARER"]),
    issued_at=instants,
    expires_at=instants,
    client_id=one_line,
    token_url=st.none() | one_line,
    scope=st.none() | one_line,
    next_rotation_at=st.none() | instants,
).filter(lambda token: token.issued_at < token.expires_at)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def token(**changes: Any) -> AccessToken:
    whole = AccessToken(
        access_token=Secret("canary"),
        token_type="bearer",
        issued_at=ISSUED_AT,
        expires_at=ISSUED_AT + timedelta(hours=24),
        client_id="my-client",
        token_url="https://ims.example/token",
    )
    return replace(whole, **changes)


# Secret


@pytest.mark.parametrize(
    "shown",
    [
        str(Secret("canary")),
        repr(Secret("canary")),
        f"{Secret('canary')!s:>20}{Secret('canary')!r}{Secret('canary'):x}",
        "%s %r" % (Secret("canary"), Secret("canary")),  # noqa: UP031 - how old code logs
        repr(token()),
        repr(StoredSecret(secret_id="s", arn="arn", text=Secret("canary"))),
    ],
)
def test_secret_shows_itself_to_nobody(shown: str) -> None:
    assert "canary" not in shown


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_secret_is_not_copied_or_pickled(duplicate: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        duplicate(token().access_token)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@given(st.text(), st.text())
def test_secrets_are_equal_exactly_if_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert bool(Secret(one)) is bool(one)
    assert Secret(one).reveal() == one


def test_secret_differs_from_its_text() -> None:
    text: object = "canary"
    assert Secret("canary") != text


def test_secret_with_half_a_character_compares_without_showing_it() -> None:
    assert Secret("\ud800 canary") != Secret("canary")
    assert Secret("\ud800") == Secret("\ud800")


# Instants


@given(instants, st.integers(-23 * 60, 23 * 60))
def test_instant_survives_being_written(at: datetime, offset_minutes: int) -> None:
    local = at.astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert format_instant(local) == format_instant(at)
    assert parse_instant(format_instant(at)) == at


def test_instant_is_written_in_utc_and_whole_seconds() -> None:
    assert format_instant(ISSUED_AT + timedelta(seconds=0.9)) == "2026-01-30T09:00:00Z"
    assert format_instant(datetime(999, 1, 2, tzinfo=UTC)) == "0999-01-02T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-30",
        "2026-01-30T09:00:00",
        "2026-01-30T09Z",
        "2026-01-30T09:00Z",
        "20260130T090000Z",
        "2026-W05-5T09:00:00Z",
        "2026-01-30T09:00:00,5Z",
        "2026-01-30T09:00:00+01:00:30",
        "2026-01-30T09:00:00+0100",
        "2026-01-30T10:00:00+01:00",
        "2026-01-30T09:00:00+00:00",
        "2026-01-30T09:00:00.5Z",
        "2026-01-30t09:00:00z",
        "2026-02-30T09:00:00Z",
        "2026-01-30T09:00:60Z",
        "0001-01-01T00:00:00+14:00",
        "2026-01-30T09:00:00Z\n",
        "\u0662\u0660\u0662\u0666-01-30T09:00:00Z",
        "1769763600",
    ],
)
def test_what_is_no_rfc_3339_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an RFC 3339 instant") as caught:
        parse_instant(text)
    assert caught.value.__context__ is None


# The token secret


@given(tokens)
def test_token_survives_being_written(written: AccessToken) -> None:
    fields = load_object(json.dumps(written.to_fields()))
    assert AccessToken.from_fields(fields) == written
    assert fields.keys() <= TOKEN_FIELDS


@given(tokens)
def test_reader_reads_every_token_that_the_job_believes_in(written: AccessToken) -> None:
    fields = AccessToken.from_fields(written.to_fields()).to_fields()
    snapshot = parse({"SecretString": json.dumps(fields), "VersionId": "v1"})
    assert snapshot.token == written.access_token.reveal()
    assert snapshot.expires_at == written.expires_at
    assert snapshot.next_rotation_at == written.next_rotation_at
    assert snapshot.client_id == written.client_id


@given(tokens, st.sampled_from(sorted(TOKEN_FIELDS)), json_values)
def test_token_that_the_job_believes_in_is_one_that_the_reader_serves(
    written: AccessToken, name: str, value: object
) -> None:
    fields = written.to_fields() | {name: value}
    try:
        AccessToken.from_fields(fields)
    except ValueError:
        return
    parse({"SecretString": json.dumps(fields), "VersionId": "v1"})


def test_newer_schema_with_unknown_fields_is_read() -> None:
    fields = token().to_fields() | {"schema": SCHEMA + 1, "news": ["of", "later"]}
    assert AccessToken.from_fields(fields) == token()


EXPIRES_AT_EPOCH = int(token().expires_at.timestamp())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schema": None}, "schema is missing"),
        ({"schema": 0}, "schema is"),
        ({"schema": True}, "schema is"),
        ({"schema": "1"}, "schema is"),
        ({"access_token": None}, "access_token is missing"),
        ({"access_token": ""}, "access_token must be a non-empty string"),
        ({"access_token": "  "}, "access_token must be a non-empty string"),
        ({"access_token": ["canary"]}, "access_token must be a non-empty string"),
        ({"access_token": "canary\n"}, "access_token must be printable ASCII"),
        ({"access_token": "can ary\x00"}, "access_token must be printable ASCII"),
        ({"access_token": "can ary"}, "access_token contains white space"),
        ({"access_token": "c\u00e4nary"}, "access_token must be printable ASCII"),
        ({"access_token": "canary\ud800"}, "access_token must be printable ASCII"),
        ({"client_id": 5}, "client_id must be a non-empty string"),
        ({"client_id": "my\u00a0client"}, "client_id must be printable ASCII"),
        ({"token_url": 5}, "token_url must be a non-empty string"),
        ({"scope": ""}, "scope must be a non-empty string"),
        ({"issued_at": None}, "issued_at is missing"),
        ({"issued_at": "canary"}, "issued_at is not an RFC 3339 instant"),
        ({"issued_at": "2026-01-30T09:00:00"}, "issued_at is not an RFC 3339 instant"),
        ({"expires_at": 1769850000}, "expires_at must be a non-empty string"),
        ({"next_rotation_at": "soon"}, "next_rotation_at is not an RFC 3339 instant"),
        ({"issued_at": "2026-01-31T09:00:00Z"}, "expires_at is not later than issued_at"),
        ({"expires_at_epoch": None}, "expires_at_epoch is missing or disagrees"),
        ({"expires_at_epoch": EXPIRES_AT_EPOCH + 1}, "expires_at_epoch is missing or disagrees"),
        ({"expires_at_epoch": str(EXPIRES_AT_EPOCH)}, "expires_at_epoch is missing or disagrees"),
        ({"expires_at_epoch": float(EXPIRES_AT_EPOCH)}, "expires_at_epoch is missing or disagrees"),
    ],
)
def test_malformed_token_names_the_field_and_not_its_value(
    changes: dict[str, object], problem: str
) -> None:
    fields = token().to_fields() | changes
    with pytest.raises(ValueError, match=f"^{problem}") as caught:
        AccessToken.from_fields(fields)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_epoch_that_is_a_truth_value_is_no_epoch() -> None:
    fields = token().to_fields() | {
        "issued_at": "1970-01-01T00:00:00Z",
        "expires_at": "1970-01-01T00:00:01Z",
        "expires_at_epoch": True,
    }
    with pytest.raises(ValueError, match="expires_at_epoch"):
        AccessToken.from_fields(fields)
