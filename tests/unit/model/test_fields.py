"""JSON as people store it: what editors and shells made of it is named, and its content is not."""

import json

import pytest

from rotator.errors import CredentialsError
from rotator.model.fields import load_object
from rotator.model.secret import Secret, StoredSecret
from rotator.model.stored import parse_credentials

GOOD = json.dumps({"client_id": "canary", "client_secret": "canary-secret"})


def problem(source: str | bytes) -> str:
    with pytest.raises(ValueError, match="is ") as caught:
        load_object(source)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    return str(caught.value)


def stored(text: str) -> StoredSecret:
    return StoredSecret(secret_id="c", arn="arn:c", version_id="v", text=Secret(text))


@pytest.mark.parametrize("text", ["\ufeff" + GOOD, "\ufeff\r\n" + GOOD, GOOD + "\r\n"])
def test_byte_order_mark_and_line_ends_of_an_editor_are_passed_over(text: str) -> None:
    assert load_object(text)["client_id"] == "canary"
    assert parse_credentials(stored(text)).client_id == "canary"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{client_id:canary,client_secret:canary}", "quotes are missing, as after PowerShell"),
        ("{ client_id: canary }", "quotes are missing, as after PowerShell"),
        (GOOD.replace('"', '\\"'), "quotes are escaped, as in a shell"),
        ("'" + GOOD.replace('"', '\\"') + "'", "quotes are escaped, as in a shell"),
        (GOOD.encode("utf-16").decode("latin-1"), "UTF-16, as PowerShell writes files"),
        (GOOD.encode("utf-16-le").decode("latin-1"), "UTF-16, as PowerShell writes files"),
    ],
)
def test_what_a_shell_made_of_json_is_named_with_the_way_out(text: str, named: str) -> None:
    assert named in problem(text)
    with pytest.raises(CredentialsError, match=named) as caught:
        parse_credentials(stored(text))
    assert "canary" not in str(caught.value)
    assert "credentials secret c: " in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "canary", GOOD[:-1], "[]", '["canary"]', "null", '"canary"', GOOD + GOOD, "{'canary': 1}"],
)
def test_what_is_no_json_object_is_refused_without_its_content(text: str) -> None:
    assert problem(text).startswith(("is not JSON", "is JSON, but not an object"))


def test_binary_credentials_are_named_as_such() -> None:
    version = StoredSecret(
        secret_id="c", arn="arn:c", version_id="v", text=Secret(""), is_binary=True
    )

    with pytest.raises(CredentialsError, match=r"c: is binary \(SecretBinary\); store it as text"):
        parse_credentials(version)


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    assert problem(b"\xff\xfecanary") == "is not UTF-8"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"a": 1, "a": "canary"}', "a key that occurs twice"),
        ('{"a": {"canary": 1, "b": 2, "canary": 3}}', "a key that occurs twice"),
        ('{"a": NaN}', "is not JSON"),
        ('{"a": Infinity}', "is not JSON"),
        ('{"a": [-Infinity]}', "is not JSON"),
        ('{"a": ' + "[" * 30 + "]" * 30 + "}", "nested too deeply"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_json_that_two_parsers_may_read_differently_is_refused(text: str, named: str) -> None:
    assert named in problem(text)


@pytest.mark.parametrize("begin", ["", "{", '"', "'", "{a", '{"', "\\\\", '"{'])
@pytest.mark.parametrize("fill", [" ", "\n", "\\\\", "a", "{", '"'])
def test_time_for_what_is_no_json_grows_with_its_length_only(begin: str, fill: str) -> None:
    """A megabyte: at the square of that nobody would see the end of this test."""
    problem(begin + fill * 1_000_000 + "\x01")
