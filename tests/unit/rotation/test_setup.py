"""Making a binding: nothing is overwritten, and what failed half-way can be done again."""

import json
from functools import partial
from typing import Any

import pytest

from rotator.errors import ConfigError, CredentialsError, RotatorError, StoreError
from rotator.model.binding import BINDING_TAG
from rotator.model.commands import create_command
from rotator.model.json_text import JsonInput
from rotator.rotation.setup import set_up_binding
from tests.support.memory_store import MemoryStore

CANARY = "canary-client-secret"
GIVEN = {"client_id": "me", "client_secret": CANARY}
STORED = {**GIVEN, "token_secrets": ["t"]}


def bound(store: MemoryStore, **changes: Any) -> list[str]:
    options: dict[str, Any] = {
        "credentials": "c",
        "token": "t",
        "ask": lambda: JsonInput(GIVEN),
    } | changes
    names = options.pop("credentials"), options.pop("token")
    return set_up_binding(*names, store=store, **options)


def refused(
    store: MemoryStore, match: str, error: type[RotatorError] = ConfigError, **changes: Any
) -> RotatorError:
    """The error of what leaves every secret as it was."""
    before = dict(store.values)
    with pytest.raises(error, match=match) as caught:
        bound(store, **changes)
    assert (store.writes, store.values) == ([], before)
    return caught.value


def test_both_secrets_are_created_and_the_credentials_come_last() -> None:
    store = MemoryStore()

    done = bound(store, kms_key_id="alias/k")

    assert store.writes == ["create t", "create c"]
    assert json.loads(store.values["c"]) == STORED
    assert "t" not in store.values
    assert {name: secret.tags for name, secret in store.secrets.items()} == {
        "t": {BINDING_TAG: "c"},
        "c": {},
    }
    assert {secret.kms_key_id for secret in store.secrets.values()} == {"alias/k"}
    assert done[-1] == "next: `rotator run --credentials-secret c --token-secret t`"
    assert CANARY not in "".join(done)


def test_credentials_with_a_value_are_not_asked_for_and_not_overwritten() -> None:
    store = MemoryStore()
    store.add("c", "theirs")

    ask = partial(pytest.fail, "asked for what is in the way")
    refused(store, "secret c: holds a value, which init does not overwrite", ask=ask)


def test_token_secret_of_other_credentials_is_left_alone() -> None:
    store = MemoryStore()
    store.add("t", **{BINDING_TAG: "others"})

    refused(store, "secret t: is bound to the credentials secret others")


@pytest.mark.parametrize("bound_to", ["c", "arn:c"])
def test_token_secret_that_is_ours_already_is_no_obstacle(bound_to: str) -> None:
    store = MemoryStore()
    store.add("c")
    store.add("t", "a token", **{BINDING_TAG: bound_to})

    done = bound(store)

    assert store.values == {"t": "a token", "c": json.dumps(STORED, indent=2)}
    assert store.secrets["t"].tags == {BINDING_TAG: "c"}
    assert done[:2] == [
        "bound token secret t, which existed",
        "stored the client credentials in c, which was empty",
    ]


def test_secret_with_a_value_of_somebody_else_does_not_become_the_token_secret() -> None:
    store = MemoryStore()
    store.add("t", "a password")

    refused(store, "holds a value and is bound to nothing; name another token secret, or, if")

    assert BINDING_TAG not in store.secrets["t"].tags


@pytest.mark.parametrize("value", ["{}", " ", "\n{ }\n"])
def test_token_secret_that_holds_nothing_is_no_obstacle(value: str) -> None:
    store = MemoryStore()
    store.add("t", value)

    bound(store)

    assert json.loads(store.values["c"]) == STORED
    assert store.secrets["t"].tags == {BINDING_TAG: "c"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a password", "`rotator run` that names both secrets replaces it"),
        ('{"username": "u", "password": "p"}', "that finds the binding by its tag refuses it"),
        (GIVEN, "holds client credentials, which no run overwrites"),
        ("{}", None),
        ({"schema": 1, "issued_at": "x", "expires_at": "x"}, None),
    ],
)
def test_binding_says_what_becomes_of_a_value_that_is_no_token(
    value: object, told: str | None
) -> None:
    store = MemoryStore()
    store.add("c", GIVEN)
    store.add("t", value)

    done = bound(store, ask=None)

    lines = [line for line in done if "holds" in line]
    assert len(lines) == (told is not None)
    assert told is None or told in lines[0]


def test_existing_credentials_only_agree_to_the_token_secret() -> None:
    store = MemoryStore()
    store.add("c", json.dumps({**GIVEN, "note": "ours"}))

    done = bound(store, ask=None)

    assert json.loads(store.values["c"]) == {**GIVEN, "note": "ours", "token_secrets": ["t"]}
    assert store.writes == ["put c", "create t"]
    assert done[0] == "added t in token_secrets of credentials secret c"


@pytest.mark.parametrize("entries", [["t"], ["other", "t"]])
def test_credentials_that_agree_already_are_not_written(entries: list[str]) -> None:
    store = MemoryStore()
    store.add("c", json.dumps({**GIVEN, "token_secrets": entries}))

    bound(store, ask=None)

    assert store.writes == ["create t"]


def test_secret_that_is_to_hold_both_names_itself_whatever_pattern_it_has() -> None:
    store = MemoryStore()
    store.add("x/c", json.dumps({**GIVEN, "token_secrets": ["x/*"]}))

    bound(store, credentials="x/c", token="x/c", ask=None)

    assert json.loads(store.values["x/c"])["token_secrets"] == ["x/*", "x/c"]
    assert store.secrets["x/c"].tags == {BINDING_TAG: "x/c"}


def test_credentials_that_cannot_be_used_are_refused_before_anything_is_made() -> None:
    store = MemoryStore()
    store.add("c", "theirs")

    refused(store, "credentials secret c: is not JSON", CredentialsError, ask=None)


def test_credentials_that_do_not_exist_cannot_be_bound_as_they_are() -> None:
    refused(MemoryStore(), "secret c: does not exist; leave --bind-only out", ask=None)


@pytest.mark.parametrize("empty", [True, False])
def test_one_secret_can_be_both(*, empty: bool) -> None:
    store = MemoryStore()
    if empty:
        store.add("c")

    bound(store, token="c")

    assert list(store.secrets) == ["c"]
    assert store.secrets["c"].tags == {BINDING_TAG: "c"}
    assert json.loads(store.values["c"]) == GIVEN


@pytest.mark.parametrize(("exists", "broken"), [(False, "create"), (True, "tag"), (True, "put")])
def test_what_failed_half_way_can_be_done_again(*, exists: bool, broken: str) -> None:
    store = MemoryStore()
    store.broken = broken
    if exists:
        store.add("c")
        store.add("t")
    with pytest.raises(StoreError):
        bound(store)
    assert "c" not in store.values

    bound(store)

    assert json.loads(store.values["c"]) == STORED
    assert store.secrets["t"].tags == {BINDING_TAG: "c"}


@pytest.mark.parametrize("name", ["credentials", "token"])
def test_arn_of_a_missing_secret_cannot_be_created(name: str) -> None:
    arn = f"arn:aws:secretsmanager:eu-west-1:1:secret:app/{name}-s-AbCdEf"
    other = "--token-secret t" if name == "credentials" else "--credentials-secret c"
    ids: dict[str, Any] = {name: arn}
    command = str(refused(MemoryStore(), f"secret {arn}: does not exist; an ARN cannot", **ids))
    assert f" --{name}-secret app/{name}-s" in command
    assert f" {other}" in command
    assert command.endswith("` (with AWS_REGION=eu-west-1)")


@pytest.mark.parametrize(
    ("end", "name"),
    [
        ("tok-AbCdEf", "tok"),
        ("a-b-2xYz09", "a-b"),
        ("my-secret", "my-secret"),
        ("orders-prod01", "orders-prod01"),
        ("tok", "tok"),
    ],
)
def test_name_in_an_arn_has_no_random_characters(end: str, name: str) -> None:
    arn = f"arn:aws:secretsmanager:eu-west-1:1:secret:{end}"
    command = create_command(arn, "t", missing=arn)
    assert command.startswith(f"`rotator init --credentials-secret {name} --token-secret t`")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "client_id is missing"),
        ({"client_id": "me"}, "client_secret is missing"),
        (GIVEN | {"token_uri": CANARY}, "did you mean token_url?"),
        (GIVEN | {"provider": CANARY}, "provider: unknown"),
        (GIVEN | {"token_url": "http://a.example/"}, "token_url: must use https"),
        (GIVEN | {"note": "n" * 65_536}, "longer than the 65536 bytes"),
        (
            {
                "client_id": "me",
                "token_url": "https://as.example",
                "private_key": '{"n": "' + 2000 * "A" + '"}',
            },
            "private_key: its number n has more than 4,096 bits",
        ),
    ],
)
def test_credentials_that_a_run_would_refuse_are_not_stored(
    fields: dict[str, str], problem: str
) -> None:
    told = "^client credentials: "
    error = refused(MemoryStore(), told, CredentialsError, ask=lambda: JsonInput(fields))

    assert problem in str(error)
    assert CANARY not in str(error)
    assert error.__context__ is None
