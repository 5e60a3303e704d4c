"""One failed run costs no token: by simulated schedules, and where that cannot be, by a warning."""

from datetime import timedelta

import pytest

from rotator.model.policy import RenewalPolicy
from tests.unit.model.test_policy import DAY, HOUR, ISSUED_AT, MINUTE, SECOND, decision, token

RUN_AND_READ = 2 * MINUTE  # a run that takes a minute, and a reader that sees it a minute later

SAFE_FROM = {1: 19, 5: 23, 10: 33, 15: 34, 30: 64, 60: 124}
"""By interval, the shortest life in minutes of which a failed run costs nothing.

Two intervals and two minutes are left when the token is due. Before, it serves for two minutes, or
for as long as the 100 versions of a day demand: 14.4 minutes, in whole intervals.
"""


def lost(policy: RenewalPolicy, lifetime: timedelta, *, phase: timedelta, failed: int) -> timedelta:
    """For how long consumers have no token if, from the due moment on, this one run fails.

    The first run is a `phase` after the token was issued; of those that find it due, `failed` is
    the one that fails, counted from 0 through three tokens.
    """
    without, issued_at, at, due = timedelta(0), timedelta(0), phase, 0
    for _ in range(3):
        while True:
            is_due = decision(policy, token(lifetime), at - issued_at).due
            started_at, at = at, at + policy.interval
            due += is_due
            if is_due and due != failed + 1:
                break
        without += max(started_at + RUN_AND_READ - (issued_at + lifetime), timedelta(0))
        issued_at = started_at
    return without


@pytest.mark.parametrize(
    ("interval", "life"),
    [
        *SAFE_FROM.items(),
        *((15, life) for life in (35, 45, 60, 70, 75, 90, 120, 395, 480, 720, 1440)),
        *((60, life) for life in (140, 240, 720, 1440, 2880)),
        *((30, life) for life in (70, 90, 1440)),
        *((5, life) for life in (30, 60)),
    ],
)
def test_one_failed_run_at_any_phase_costs_no_minute_of_a_token(interval: int, life: int) -> None:
    policy = RenewalPolicy(interval=interval * MINUTE)
    lifetime = life * MINUTE - SECOND  # as providers announce it
    lifetime += SECOND if life == SAFE_FROM[interval] else timedelta(0)
    for phase in range(interval):
        for failed in range(4):
            costs = lost(policy, lifetime, phase=phase * MINUTE, failed=failed)
            assert not costs, f"phase {phase}, failed run {failed}: {costs}"
    assert policy.problem_with_failed_run(lifetime) is None
    assert policy.fits_quota(lifetime)


@pytest.mark.parametrize(("interval", "life"), SAFE_FROM.items())
def test_shorter_life_warns_of_what_a_failed_run_costs(interval: int, life: int) -> None:
    policy = RenewalPolicy(interval=interval * MINUTE)
    problem = policy.problem_with_failed_run((life - 1) * MINUTE)
    assert problem is not None
    assert "one failed run can leave consumers without a token for 1m;" in problem


@pytest.mark.parametrize(
    ("policy", "lifetime", "cost", "way_out"),
    [
        (RenewalPolicy(), 30 * MINUTE, "4m", "start the job every 9m, and set --interval to that"),
        (
            RenewalPolicy(interval=MINUTE),
            18 * MINUTE,
            "1m",
            "no interval works for a lifetime below 19m",
        ),
        # 23 h leave 59m59s of a day, 3 minutes less than two half hours and two minutes.
        (
            RenewalPolicy(cadence=23 * HOUR, interval=30 * MINUTE),
            DAY,
            "3m",
            "leave the cadence out, or choose 22h57m at most",
        ),
    ],
)
def test_warning_names_what_would_cure_it(
    policy: RenewalPolicy, lifetime: timedelta, cost: str, way_out: str
) -> None:
    problem = policy.problem_with_failed_run(lifetime)
    assert problem is not None
    assert f"without a token for {cost}; {way_out}" in problem


@pytest.mark.parametrize(
    ("interval", "cadence"),
    [(15 * MINUTE, 23 * HOUR), (30 * MINUTE, DAY - 62 * MINUTE), (HOUR, DAY - 122 * MINUTE)],
)
def test_default_cadence_of_a_day_leaves_room_for_a_failed_run(
    interval: timedelta, cadence: timedelta
) -> None:
    policy = RenewalPolicy(interval=interval)
    assert policy.next_rotation_at(token()) - ISSUED_AT == cadence


def test_spread_never_replaces_a_token_so_early_that_versions_run_out() -> None:
    # Every 10 minutes would be 144 versions a day.
    policy = RenewalPolicy(interval=5 * MINUTE, spread=HOUR)
    for number in range(40):
        policy = policy.for_secret(f"arn:aws:secretsmanager:eu-west-1:1:secret:{number}-AbCdEf")
        assert not decision(policy, token(23 * MINUTE), 10 * MINUTE).due
