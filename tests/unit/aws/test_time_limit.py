"""No call of the AWS SDK outlasts the time that is left."""

import threading
from functools import partial
from typing import Any

import pytest

from rotator.app import PUBLISH_S, Rotator
from rotator.aws.store import SecretsManagerStore
from rotator.aws.time_limit import NO_LIMIT, call_within
from rotator.config import load_settings
from rotator.errors import StoreError
from rotator.model.secret import Secret, StoredSecret


class SilentClient:
    """Answers nothing before its end."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def _hang(self, **_: object) -> None:
        self.ended.wait(20)

    batch_get_secret_value = get_secret_value = put_secret_value = _hang


def stored() -> StoredSecret:
    return StoredSecret(secret_id="t", arn="arn:t")


def put(store: SecretsManagerStore) -> None:
    store.put(stored(), Secret("canary"), version_id="1" * 32)


@pytest.mark.parametrize(
    "call",
    [lambda store: store.read("c", "t"), lambda store: store.read("t"), put],
    ids=["batch", "single", "put"],
)
@pytest.mark.parametrize("left_s", [0.05, 0.0, -1.0])
def test_call_that_hangs_ends_with_the_time_that_is_left(call: Any, left_s: float) -> None:  # noqa: ANN401 - of a store
    client = SilentClient()
    store = SecretsManagerStore(client).limit_time(lambda: left_s)

    told = "did not respond in the remaining time" if left_s > 0 else "run was reached before"
    with pytest.raises(StoreError, match=told) as caught:
        call(store)

    client.ended.set()
    assert caught.value.retryable
    assert not caught.value.is_answered


def test_single_run_ends_before_its_caller_does() -> None:
    client = SilentClient()
    settings = load_settings({"credentials_secret": "c", "token_secret": "t"}, environ={})

    with pytest.raises(StoreError, match="did not respond in the remaining time"):
        Rotator(SecretsManagerStore(client)).rotate(settings, remaining_s=lambda: 0.05 - PUBLISH_S)
    client.ended.set()


@pytest.mark.parametrize("limit_s", [60.0, NO_LIMIT])
def test_call_that_ends_in_time_keeps_its_result_and_its_error(limit_s: float) -> None:
    assert call_within(limit_s, lambda: "result") == "result"
    with pytest.raises(ZeroDivisionError):
        call_within(limit_s, partial(divmod, 1, 0))
