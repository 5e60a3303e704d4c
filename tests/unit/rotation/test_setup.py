"""Making a binding: nothing is overwritten, and what failed half-way can be done again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import ConfigError, CredentialsError, RotatorError, SecretNotFound, StoreError
from rotator.model.binding import BINDING_TAG
from rotator.model.secret import Secret, SecretInfo, StoredSecret
from rotator.rotation.setup import bind

if TYPE_CHECKING:
    from collections.abc import Mapping


CANARY = "canary-client-secret"
GIVEN = {"client_id": "me", "client_secret": CANARY}
STORED = {**GIVEN, "token_secrets": ["t"]}


@dataclass
class MemoryStore:
    """Secrets by name, with their tags and values; `broken` is the verb that fails once."""

    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str | None] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    broken: str = ""

    def add(self, name: str, *, value: str | None = None, bound_to: str | None = None) -> None:
        self.tags[name] = {BINDING_TAG: bound_to} if bound_to else {}
        if value is not None:
            self.values[name] = value

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        return [
            StoredSecret(name, f"arn:{name}", "first", Secret(self.values[name]))
            for name in secret_ids
        ]

    def describe(self, secret_id: str) -> SecretInfo:
        name = secret_id.removeprefix("arn:")
        if name not in self.tags:
            raise SecretNotFound("missing", operation="DescribeSecret", secret_id=secret_id)
        return SecretInfo(f"arn:{name}", self.tags[name], name in self.values)

    def create(
        self,
        name: str,
        *,
        description: str,
        tags: Mapping[str, str],
        text: Secret | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        assert description
        self._call("create", name)
        self.add(name, value=text.reveal() if text else None)
        self.tags[name] |= tags
        self.keys[name] = kms_key_id

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        assert 32 <= len(version_id) <= 64
        self._call("put", secret.secret_id)
        self.values[secret.secret_id] = text.reveal()

    def tag(self, secret_id: str, tags: Mapping[str, str]) -> None:
        self._call("tag", secret_id)
        self.tags[secret_id] |= tags

    def _call(self, verb: str, name: str) -> None:
        self.calls.append(f"{verb} {name}")
        if verb == self.broken:
            self.broken = ""
            raise StoreError("unwell", operation=verb, secret_id=name, retryable=True)


def bound(store: MemoryStore, **changes: Any) -> list[str]:
    options: dict[str, Any] = {"credentials": "c", "token": "t", "ask": lambda: GIVEN} | changes
    names = options.pop("credentials"), options.pop("token")
    return bind(*names, store=store, **options)


def test_both_secrets_are_created_and_the_credentials_come_last() -> None:
    store = MemoryStore()

    done = bound(store, kms_key_id="alias/k")

    assert store.calls == ["create t", "create c"]
    assert json.loads(store.values["c"]) == STORED
    assert "t" not in store.values
    assert store.tags == {"t": {BINDING_TAG: "c"}, "c": {}}
    assert store.keys == {"t": "alias/k", "c": "alias/k"}
    assert done[-1] == "next: rotator run --credentials-secret c --token-secret t"
    assert CANARY not in "".join(done)


def test_credentials_with_a_value_are_not_asked_for_and_not_overwritten() -> None:
    store = MemoryStore()
    store.add("c", value="theirs")

    with pytest.raises(ConfigError, match="secret c: holds a value, which init does not overwrite"):
        bound(store, ask=lambda: pytest.fail("asked for what is in the way"))

    assert (store.calls, store.values) == ([], {"c": "theirs"})


def test_token_secret_of_other_credentials_is_left_alone() -> None:
    store = MemoryStore()
    store.add("t", bound_to="others")

    with pytest.raises(ConfigError, match="secret t: is bound to another credentials secret"):
        bound(store)

    assert store.calls == []


@pytest.mark.parametrize("bound_to", ["c", "arn:c"])
def test_token_secret_that_is_ours_already_is_no_obstacle(bound_to: str) -> None:
    store = MemoryStore()
    store.add("c")
    store.add("t", bound_to=bound_to, value="a token")

    done = bound(store)

    assert store.values == {"t": "a token", "c": json.dumps(STORED, indent=2)}
    assert store.tags["t"] == {BINDING_TAG: "c"}
    assert done[:2] == [
        "bound token secret t, which existed",
        "stored the client credentials in c, which was empty",
    ]


def test_secret_with_a_value_of_somebody_else_does_not_become_the_token_secret() -> None:
    store = MemoryStore()
    store.add("t", value="a password")

    with pytest.raises(ConfigError, match="holds a value and is bound to nothing"):
        bound(store)

    assert store.values == {"t": "a password"}
    assert BINDING_TAG not in store.tags["t"]


def test_existing_credentials_only_agree_to_the_token_secret() -> None:
    store = MemoryStore()
    store.add("c", value=json.dumps({**GIVEN, "note": "ours"}))

    done = bound(store, ask=None)

    assert json.loads(store.values["c"]) == {**GIVEN, "note": "ours", "token_secrets": ["t"]}
    assert store.calls == ["put c", "create t"]
    assert done[0] == "added t in token_secrets of credentials secret c"


@pytest.mark.parametrize("entries", [["t"], ["other", "t"]])
def test_credentials_that_agree_already_are_not_written(entries: list[str]) -> None:
    store = MemoryStore()
    store.add("c", value=json.dumps({**GIVEN, "token_secrets": entries}))

    bound(store, ask=None)

    assert store.calls == ["create t"]


def test_credentials_that_cannot_be_used_are_refused_before_anything_is_made() -> None:
    store = MemoryStore()
    store.add("c", value="theirs")

    with pytest.raises(CredentialsError, match="credentials secret c: is not JSON"):
        bound(store, ask=None)

    assert store.calls == []


def test_credentials_that_do_not_exist_cannot_be_bound_as_they_are() -> None:
    store = MemoryStore()

    with pytest.raises(ConfigError, match="secret c: does not exist; leave --bind-only out"):
        bound(store, ask=None)

    assert store.calls == []


@pytest.mark.parametrize("empty", [True, False])
def test_one_secret_can_be_both(*, empty: bool) -> None:
    store = MemoryStore()
    if empty:
        store.add("c")

    bound(store, token="c")

    assert store.tags == {"c": {BINDING_TAG: "c"}}
    assert json.loads(store.values["c"]) == GIVEN


@pytest.mark.parametrize(("exists", "broken"), [(False, "create"), (True, "tag"), (True, "put")])
def test_what_failed_half_way_can_be_done_again(*, exists: bool, broken: str) -> None:
    store = MemoryStore(broken=broken)
    if exists:
        store.add("c")
        store.add("t")
    with pytest.raises(StoreError):
        bound(store)
    assert "c" not in store.values

    bound(store)

    assert json.loads(store.values["c"]) == STORED
    assert store.tags["t"] == {BINDING_TAG: "c"}


@pytest.mark.parametrize("name", ["credentials", "token"])
def test_arn_of_a_missing_secret_cannot_be_created(name: str) -> None:
    store = MemoryStore()

    with pytest.raises(ConfigError, match="secret arn:x: does not exist; give a name to create it"):
        bound(store, **{name: "arn:x"})

    assert store.calls == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "client_id is missing"),
        ({"client_id": "me"}, "client_secret is missing"),
        (GIVEN | {"token_uri": CANARY}, "did you mean token_url?"),
        (GIVEN | {"provider": CANARY}, "provider: unknown"),
        (GIVEN | {"token_url": "http://a.example/"}, "token_url: must use https"),
        (GIVEN | {"note": "n" * 65_536}, "longer than the 65536 bytes"),
    ],
)
def test_credentials_that_a_run_would_refuse_are_not_stored(
    fields: dict[str, str], problem: str
) -> None:
    store = MemoryStore()

    with pytest.raises(CredentialsError) as caught:
        bound(store, ask=lambda: fields)

    error: RotatorError = caught.value
    assert str(error).startswith("client credentials: ")
    assert problem in str(error)
    assert CANARY not in str(error)
    assert error.__context__ is None
    assert store.calls == []
