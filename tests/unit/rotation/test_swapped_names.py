"""A token secret named as the credentials secret gets no client secret: consumers read it."""

from collections.abc import Callable
from typing import Any

import pytest

from rotator.errors import ConfigError, CredentialsError, StoreError
from rotator.model.binding import BINDING_TAG, Binding
from rotator.model.json_text import JsonInput
from rotator.rotation.credentials import add_client_secret, edit_credentials, merge_settings
from rotator.rotation.setup import set_up_binding
from tests.support.clock import NOW, ManualClock
from tests.support.documents import HOUR, token_document
from tests.support.memory_store import MemoryStore
from tests.support.rotation_rig import CREDENTIALS, TokenJob
from tests.support.secret_providers import FakeAdobe
from tests.support.secret_world import CREDENTIALS as NAME
from tests.support.secret_world import SecretWorld

TOKEN = token_document(issued_at=NOW - HOUR)
FOREIGN = {"access_token": "canary", "token_type": "bearer", "refresh_token": "canary"}
MALFORMED = {"schema": 1, "client_id": "me"}
BOTH = TOKEN | CREDENTIALS
SWAPPED = "are the names of the credentials secret and the token secret swapped?"
EDITS: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda fields: add_client_secret(fields, "new"),
    lambda fields: merge_settings(fields, {"client_secret": "new"}),
    lambda fields: merge_settings(fields, {"client_id": "me", "client_secret": "new"}),
]


def edit(store: MemoryStore, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bool:
    published = edit_credentials(
        "app/token", change, store=store, clock=ManualClock(), replacement={}
    )
    return published is not None


@pytest.mark.parametrize("change", EDITS)
@pytest.mark.parametrize(
    ("token", "tag"),
    [
        (TOKEN, None),
        (TOKEN, "app/credentials"),
        (FOREIGN, None),
        (MALFORMED, None),
        (BOTH, "app/credentials"),
        ({}, "app/credentials"),
        ("no JSON", "app/credentials"),
        (None, "app/credentials"),
    ],
)
def test_client_secret_is_never_stored_in_a_token_secret(
    change: Callable[[dict[str, Any]], dict[str, Any]], token: object, tag: str | None
) -> None:
    store = TokenJob(token, tag=tag).store
    before = dict(store.values)

    with pytest.raises(CredentialsError) as caught:
        edit(store, change)

    assert str(caught.value).startswith("credentials secret app/token: ")
    assert str(caught.value).endswith(SWAPPED)
    assert "canary" not in str(caught.value)
    assert (store.values, store.writes) == (before, [])


@pytest.mark.parametrize(
    ("token", "tag"), [(BOTH, None), (BOTH, "app/token"), (CREDENTIALS, None), ({}, None)]
)
def test_secret_that_holds_both_is_still_edited(token: object, tag: str | None) -> None:
    store = TokenJob(token, tag=tag).store

    assert edit(store, EDITS[2])

    assert store.fields("app/token")["client_secret"] == "new"


def test_value_says_it_where_the_role_may_not_read_tags() -> None:
    class Denied(MemoryStore):
        def describe(self, secret_id: str) -> Any:  # noqa: ANN401 - never returns
            raise StoreError("denied", operation="DescribeSecret", secret_id=secret_id)

    with pytest.raises(CredentialsError, match="holds a token, not client credentials"):
        edit(Denied(token=TOKEN), EDITS[0])
    assert edit(Denied(token=BOTH), EDITS[0])


@pytest.mark.parametrize(
    ("token", "tag"), [(TOKEN, None), (TOKEN, "app/credentials"), (BOTH, "app/credentials")]
)
def test_run_with_swapped_names_asks_whether_they_are(token: object, tag: str | None) -> None:
    job = TokenJob(token, tag=tag)
    job.binding = Binding("app/token", "app/credentials")

    assert job.refused(CredentialsError).endswith(SWAPPED)
    assert job.endpoint.minted_for == []


def test_misspelled_client_secret_beside_a_token_is_still_told_as_one() -> None:
    job = TokenJob(None, TOKEN | {"client_secrt": "x"})

    assert "did you mean client_secret" in job.refused(CredentialsError)


def test_init_stores_no_credentials_in_a_bound_token_secret() -> None:
    store = TokenJob(None, tag="app/credentials").store

    with pytest.raises(CredentialsError, match="swapped"):
        set_up_binding(
            "app/token", "app/new", store=store, ask=lambda: JsonInput(dict(CREDENTIALS))
        )

    assert store.writes == []


def test_client_secret_that_got_into_a_token_secret_is_told_with_the_way_out() -> None:
    told = TokenJob(BOTH, tag="app/credentials").refused(ConfigError)

    for words in ("replace the client secret at the provider", "store {}", "--secret-string '{}'`"):
        assert words in told


def test_tag_that_somebody_puts_on_the_credentials_does_not_make_them_the_wrong_ones() -> None:
    job = TokenJob(CREDENTIALS)
    job.store.secrets["app/credentials"].tags[BINDING_TAG] = "somebody/credentials"

    told = job.refused(ConfigError)

    assert told.startswith("token secret app/token: holds client credentials, which a token would")


def test_client_secret_is_not_rotated_in_a_token_secret() -> None:
    world = SecretWorld(FakeAdobe, access_token="canary", schema=1)
    world.store.secrets[NAME].tags[BINDING_TAG] = "app/others"
    calls = len(world.requests)

    world.refused(CredentialsError, "swapped")

    assert len(world.requests) == calls
