"""Around the end of a cached token: a run asks again until there is another one."""

from datetime import timedelta

import pytest

from rotator.errors import MintError
from rotator.model.policy import RenewalPolicy
from tests.support.clock import NOW
from tests.unit.rotation.test_what_may_be_published import MINUTE, WorldJob, cached


@pytest.mark.parametrize("left_s", [40, 3, 1, 0, -1])
@pytest.mark.parametrize("late_s", [0.1, 1.9, 6])
def test_cached_token_that_ends_later_than_stored_is_asked_for_until_there_is_another(
    left_s: int, late_s: float
) -> None:
    # Both what is left and the moment of the request are cut to whole seconds: that is two.
    job = cached(left_s * timedelta(seconds=1))
    same, ends_at = dict(job.endpoint.changes), NOW + timedelta(seconds=left_s + late_s)

    def hand_out() -> None:
        job.endpoint.changes = same if job.clock.now() < ends_at else {}

    job.endpoint.before_mint.extend([hand_out] * 20)
    assert job.run(policy=RenewalPolicy(interval=MINUTE)).outcome == "rotated"
    assert job.clock.now() >= ends_at
    assert job.clock.now() - ends_at < timedelta(seconds=5)
    assert job.versions == 2


def test_token_that_has_ended_before_it_was_here_is_asked_for_again() -> None:
    job = WorldJob(None)
    job.endpoint.before_mint.extend(
        [
            lambda: job.endpoint.changes.update(expires_at=NOW),
            lambda: None,
            job.endpoint.changes.clear,
        ]
    )
    assert job.run().outcome == "rotated"
    assert job.token == "canary-new-3"


def test_provider_that_goes_on_to_hand_out_what_has_ended_is_a_temporary_failure() -> None:
    job = cached(timedelta(seconds=-10))
    with pytest.raises(MintError, match="has expired already") as caught:
        job.run()
    assert caught.value.retryable
    assert job.endpoint.mints == 4
    assert job.versions == 1
