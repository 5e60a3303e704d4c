"""What time does between the steps of a run: tokens run out, and reads come late."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.errors import MintError, StoreError
from rotator.model.access_token import AccessToken
from rotator.model.fields import load_object
from rotator.model.secret import Secret, StoredSecret
from tests.support.clock import ManualClock
from tests.support.rotation_rig import CREDENTIALS, HOUR, SHARED, TokenJob, stored

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
    job = TokenJob(token, lifetime=lifetime)
    probe = SlowProbe(job.clock, 5 * MINUTE)
    assert job.run(probe=probe, **options).outcome == "rotated"
    assert job.token == "canary-new-2"


@pytest.mark.parametrize(("awake", "mints"), [(False, 2), (True, 1)])
def test_token_that_runs_out_again_or_without_time_left_is_a_temporary_failure(
    *, awake: bool, mints: int
) -> None:
    job = TokenJob(stored(HOUR), lifetime=MINUTE)
    probe = SlowProbe(job.clock, 2 * MINUTE, 2 * MINUTE, awake=awake)
    with pytest.raises(MintError, match="expired before it could be published") as caught:
        job.run(probe=probe, force=True)
    assert caught.value.retryable
    assert job.endpoint.mints == mints
    assert job.secret.current == "first"


def test_put_that_is_repeated_is_not_repeated_with_a_token_that_has_run_out() -> None:
    job = TokenJob(None, CREDENTIALS | {"single_active": True}, lifetime=timedelta(seconds=5))
    sent: list[tuple[datetime, str]] = []

    def put(_: StoredSecret, text: Secret, *, version_id: str) -> None:
        del version_id
        sent.append((job.clock.now(), load_object(text.reveal())["expires_at"]))
        raise StoreError("busy", operation="PutSecretValue", secret_id="t", retryable=True)

    job.store.put = put  # type: ignore[assignment,method-assign]
    job.refused(MintError)
    assert len(sent) > 2
    assert all(at < datetime.fromisoformat(expires_at) for at, expires_at in sent)


# A forced run whose read lags behind


@pytest.mark.parametrize("shared", [False, True])
def test_forced_run_replaces_a_token_that_was_published_before_it_began(*, shared: bool) -> None:
    leaked = stored(HOUR, text="leaked")
    job = TokenJob(binding=SHARED, credentials=CREDENTIALS | leaked) if shared else TokenJob(leaked)
    job.store.lag_behind(job.binding.token_secret, reads=2 if shared else 1)
    job.rival(json.dumps(CREDENTIALS | stored(MINUTE, text="between")))
    result = job.run(force=True)
    assert (result.outcome, result.reason) == ("rotated", "forced")
    assert job.token == "canary-new-1"
