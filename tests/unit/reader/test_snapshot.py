"""What the reader accepts as a token secret's value, and what a snapshot shows of it."""

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.reader.snapshot import Snapshot, parse

EXPIRES = "2026-11-24T05:00:00Z"
EXPIRES_AT = datetime(2026, 11, 24, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EPOCH = int(EXPIRES_AT.timestamp())


def by_pickle(snapshot: Snapshot) -> Snapshot:
    arrived: Snapshot = pickle.loads(pickle.dumps(snapshot))  # noqa: S301 - our own
    return arrived


def parsed(**fields: object) -> Snapshot:
    return parse({"SecretString": json.dumps(fields), "VersionId": "v1"})


@pytest.mark.parametrize(
    ("fields", "expires_at"),
    [
        ({"expires_at": EXPIRES}, EXPIRES_AT),
        ({"expires_at_epoch": EPOCH}, EXPIRES_AT),
        ({"expires_at": "2026-11-24T07:00:00+02:00"}, EXPIRES_AT),
        ({"expires_at": EXPIRES, "expires_at_epoch": EPOCH}, EXPIRES_AT),
        ({"expires_at": EXPIRES, "expires_at_epoch": EPOCH + 60}, EXPIRES_AT),
        ({"expires_at": "2026-11-24T05:01:00Z", "expires_at_epoch": EPOCH}, EXPIRES_AT),
        ({"expires_at": EXPIRES, "expires_at_epoch": None}, EXPIRES_AT),
        ({"expires_at_epoch": str(EPOCH)}, EXPIRES_AT),
        ({"expires_at_epoch": f" {EPOCH}\n"}, EXPIRES_AT),
        ({"expires_at": EXPIRES, "expires_at_epoch": str(EPOCH - 60)}, EXPIRES_AT - MINUTE),
        ({"schema": "1", "expires_at": EXPIRES, "expires_at_epoch": str(EPOCH)}, EXPIRES_AT),
    ],
)
def test_expiry_is_read_in_both_forms_and_the_earlier_one_counts(
    fields: dict[str, Any], expires_at: datetime
) -> None:
    assert parsed(access_token="t", **fields).expires_at == expires_at


def test_byte_order_mark_of_an_editor_is_passed_over() -> None:
    text = "\ufeff" + json.dumps({"access_token": "t", "expires_at": EXPIRES}, indent=2)
    assert parse({"SecretString": text, "VersionId": "v1"}).token == "t"


@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "9" * 5_000, "1e400", "-0", "1E-400"])
def test_number_of_any_size_beside_the_token_is_passed_over(number: str) -> None:
    """RFC 8259 section 6 sets no limit; Python's parser raises for more than 4,300 digits."""
    text = json.dumps({"access_token": "t", "expires_at": EXPIRES})[:-1] + f', "other": {number}}}'
    assert parse({"SecretString": text, "VersionId": "v1"}).token == "t"


def test_higher_schema_with_unknown_fields_is_read() -> None:
    snapshot = parsed(
        schema=7, access_token="t", expires_at=EXPIRES, client_secret="x", sender={"key": [1]}
    )
    assert snapshot.token == "t"
    assert snapshot.version_id == "v1"


def test_token_of_another_type_is_refused_by_its_own_error() -> None:
    """RFC 6749 section 7.1: a client must not use a token whose type it does not understand."""
    with pytest.raises(ValueError, match="has a token_type that is not bearer"):
        parsed(access_token="t", expires_at=EXPIRES, token_type="mac")


def test_optional_instants_that_cannot_be_read_are_none() -> None:
    snapshot = parsed(
        access_token="t", expires_at=EXPIRES, issued_at="yesterday", next_rotation_at=5
    )
    assert snapshot.issued_at is None
    assert snapshot.next_rotation_at is None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"expires_at": EXPIRES}, "has no access_token"),
        ({"client_id": "me", "client_secret": "canary"}, "client credentials; name the token sec"),
        ({"access_token": "", "expires_at": EXPIRES}, "has no access_token"),
        ({"access_token": None, "expires_at": EXPIRES}, "has no access_token"),
        ({"access_token": 7, "expires_at": EXPIRES}, "has no access_token"),
        ({"access_token": "t\r\nX-Evil: 1", "expires_at": EXPIRES}, "access_token with characters"),
        ({"access_token": "tökén", "expires_at": EXPIRES}, "access_token with characters"),
        ({"access_token": " t", "expires_at": EXPIRES}, "access_token with characters"),
        ({"access_token": "t u", "expires_at": EXPIRES}, "access_token with characters"),
        ({"access_token": "t"}, "has neither expires_at nor expires_at_epoch"),
        ({"access_token": "t", "expires_at": EXPIRES, "expires_at_epoch": "x"}, "expires_at_epoch"),
        ({"access_token": "t", "expires_at": EXPIRES, "client_id": 5}, "client_id"),
        ({"access_token": "t", "expires_at": EXPIRES, "client_id": "a\nb"}, "client_id"),
    ],
)
def test_field_that_is_missing_or_wrong_is_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parsed(**fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("expires_at", value) for value in ("tomorrow", "2026-11-24T05:00:00", EPOCH)),
        *(("expires_at_epoch", value) for value in ("1e9", True, 0, -5, 1.5, EPOCH * 1000)),
    ],
)
def test_end_that_is_no_time_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} that is not a valid time"):
        parsed(access_token="t", **{name: value})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary-token",
        '{"access_token": "canary-token", ',
        '["canary-token"]',
        '"canary-token"',
        "null",
        "[" * 60_000,
        '{"canary-token": ' + "9" * 5_000 + "x}",
        None,
        b"canary-token",
    ],
)
def test_value_that_is_no_json_object_is_refused_without_being_shown(text: object) -> None:
    with pytest.raises(ValueError, match="is not a JSON object") as caught:
        parse({"SecretString": text, "VersionId": "v1"})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "canary" not in str(caught.value)


def test_binary_value_is_named_as_such() -> None:
    with pytest.raises(ValueError, match="is binary") as caught:
        parse({"SecretBinary": b"canary", "VersionId": "v1"})
    assert "canary" not in str(caught.value)


def test_snapshot_shows_no_token() -> None:
    snapshot = parsed(access_token="canary-token", expires_at=EXPIRES)
    for text in (repr(snapshot), str(snapshot), f"{snapshot}"):
        assert text == "<Snapshot v1: token not shown, expires at 2026-11-24T05:00:00Z>"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, by_pickle])
def test_snapshot_can_be_copied_and_pickled(duplicate: Callable[[Snapshot], Snapshot]) -> None:
    snapshot = parsed(access_token="canary-token", expires_at=EXPIRES, client_id="c")
    arrived = duplicate(snapshot)
    assert arrived == snapshot
    assert {arrived, snapshot} == {snapshot}
    for name in ("token", "version_id", "expires_at", "client_id", "issued_at", "next_rotation_at"):
        assert getattr(arrived, name) == getattr(snapshot, name)
    with pytest.raises(AttributeError):
        arrived.token = "x"


def test_snapshots_are_equal_only_if_all_that_they_say_is() -> None:
    fields = {"access_token": "t", "expires_at": EXPIRES, "client_id": "c"}
    assert parsed(**fields) == parsed(**fields)
    for change in ({"access_token": "u"}, {"client_id": "d"}, {"issued_at": EXPIRES}):
        assert parsed(**fields | change) != parsed(**fields)
    assert parsed(**fields) != "t"


def test_snapshot_cannot_be_changed() -> None:
    snapshot = parsed(access_token="t", expires_at=EXPIRES)
    for name in ("token", "expires_at", "something_new"):
        with pytest.raises(AttributeError):
            setattr(snapshot, name, "x")
    with pytest.raises(AttributeError):
        del snapshot.token
    assert snapshot.token == "t"
