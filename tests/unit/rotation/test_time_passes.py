"""What time does between the steps of a run: tokens run out, and reads come late."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.errors import MintError, StoreError
from rotator.model.access_token import AccessToken
from rotator.model.fields import load_object
from rotator.model.secret import Secret, StoredSecret
from tests.support.clock import NOW, ManualClock
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemoryStore
from tests.support.rotation_rig import (
    BINDING,
    CREDENTIALS,
    HOUR,
    SHARED,
    refused,
    rival,
    run,
    stored,
)

MINUTE = timedelta(minutes=1)


class SlowProbe:
    """Takes so long each time, as the wall clock sees it; `awake`, as the monotonic one does."""

    def __init__(self, clock: ManualClock, *pauses: timedelta, awake: bool = False) -> None:
        self.clock, self.pauses, self.awake = clock, list(pauses), awake

    def __call__(self, _: AccessToken) -> None:
        pause = self.pauses.pop(0) if self.pauses else timedelta(0)
        if self.awake:
            self.clock.advance(pause.total_seconds())
        else:
            self.clock.set_wall(self.clock.now() + pause)


@pytest.mark.parametrize(
    ("token", "lifetime", "options"),
    [
        (stored(HOUR), MINUTE, {"force": True}),
        (None, MINUTE, {}),
        # It lives on, but no longer until the next run, and the stored one ends later.
        (stored(23 * HOUR), 20 * MINUTE, {}),
    ],
)
def test_token_that_runs_out_before_its_publication_is_minted_once_more(
    token: object, lifetime: timedelta, options: dict[str, Any]
) -> None:
    clock, store = ManualClock(NOW), MemoryStore(credentials=CREDENTIALS, token=token)
    probe = SlowProbe(clock, 5 * MINUTE)
    endpoint = MemoryEndpoint(clock, lifetime=lifetime)
    assert run(store, endpoint, clock=clock, probe=probe, **options).outcome == "rotated"
    assert store.fields()["access_token"] == "canary-new-2"


@pytest.mark.parametrize(("awake", "mints"), [(False, 2), (True, 1)])
def test_token_that_runs_out_again_or_without_time_left_is_a_temporary_failure(
    *, awake: bool, mints: int
) -> None:
    clock, store = ManualClock(NOW), MemoryStore(credentials=CREDENTIALS, token=stored(HOUR))
    probe = SlowProbe(clock, 2 * MINUTE, 2 * MINUTE, awake=awake)
    endpoint = MemoryEndpoint(clock, lifetime=MINUTE)
    with pytest.raises(MintError, match="ran out before it could be published") as caught:
        run(store, endpoint, clock=clock, probe=probe, force=True)
    assert caught.value.retryable
    assert endpoint.mints == mints
    assert store.secrets["app/token"].current == "first"


def test_put_that_is_repeated_is_not_repeated_with_a_token_that_has_run_out() -> None:
    clock = ManualClock(NOW)
    sent: list[tuple[datetime, str]] = []

    class Store(MemoryStore):
        def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
            del secret, version_id
            sent.append((clock.now(), load_object(text.reveal())["expires_at"]))
            raise StoreError("busy", operation="PutSecretValue", secret_id="t", retryable=True)

    store = Store(credentials=CREDENTIALS | {"single_active": True}, token=None)
    endpoint = MemoryEndpoint(clock, lifetime=timedelta(seconds=5))
    refused(MintError, store, endpoint, clock=clock)
    assert len(sent) > 2
    assert all(at < datetime.fromisoformat(expires_at) for at, expires_at in sent)


# A forced run whose read lags behind


@pytest.mark.parametrize("shared", [False, True])
def test_forced_run_replaces_a_token_that_was_published_before_it_began(*, shared: bool) -> None:
    store = MemoryStore(
        credentials=CREDENTIALS,
        token=stored(HOUR, text="leaked"),
        both=CREDENTIALS | stored(HOUR, text="leaked"),
    )
    binding = SHARED if shared else BINDING
    name = binding.token_secret
    store.lag_behind(name, reads=2 if shared else 1)
    between = json.dumps(CREDENTIALS | stored(MINUTE, text="between"))
    rival(store, between, name=name)
    result = run(store, force=True, binding=binding)
    assert (result.outcome, result.reason) == ("rotated", "forced")
    assert store.fields(name)["access_token"] == "canary-new-1"
