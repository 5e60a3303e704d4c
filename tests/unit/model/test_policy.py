"""When a token is due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rotator.errors import ConfigError
from rotator.model.access_token import AccessToken
from rotator.model.instants import format_duration, parse_duration
from rotator.model.policy import Decision, NoTokenReason, RenewalPolicy
from tests.support.memory_endpoint import access_token

ISSUED_AT = datetime(2026, 1, 30, 9, tzinfo=UTC)
DAY = timedelta(seconds=86_399)  # what Adobe IMS answers
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

lifetimes = st.integers(1, 400 * 86_400).map(lambda s: timedelta(seconds=s))
intervals = st.integers(1, 2 * 86_400).map(lambda s: timedelta(seconds=s))
cadences = st.none() | st.integers(1, 3 * 86_400).map(lambda s: timedelta(seconds=s))


def token(lifetime: timedelta = DAY, *, client_id: str = "my-client") -> AccessToken:
    return access_token(
        issued_at=ISSUED_AT, lifetime=lifetime, client_id=client_id, next_rotation_at=None
    )


def decision(
    policy: RenewalPolicy,
    stored: AccessToken | NoTokenReason,
    age: timedelta,
    *,
    force: bool = False,
) -> Decision:
    return policy.decide(stored, now=ISSUED_AT + age, client_id="my-client", force=force)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), Decision(due=False, reason="fresh")),
        (22 * HOUR, Decision(due=False, reason="fresh")),
        (23 * HOUR, Decision(due=True, reason="cadence_reached")),
        (DAY - SECOND, Decision(due=True, reason="cadence_reached")),
        (DAY, Decision(due=True, reason="expired")),
        (100 * DAY, Decision(due=True, reason="expired")),
        (-4 * MINUTE, Decision(due=False, reason="fresh")),
        (-6 * MINUTE, Decision(due=True, reason="issued_in_future")),
    ],
)
def test_day_long_token_is_replaced_every_23_hours(age: timedelta, expected: Decision) -> None:
    assert decision(RenewalPolicy(), token(), age) == expected


@pytest.mark.parametrize("absent", ["token_missing", "token_malformed"])
def test_absent_token_is_due_and_says_why(absent: NoTokenReason) -> None:
    expected = Decision(due=True, reason=absent)
    assert decision(RenewalPolicy(), absent, HOUR) == expected
    assert decision(RenewalPolicy(), absent, HOUR, force=True) == expected


def test_token_of_another_client_is_due_at_any_age() -> None:
    other = token(client_id="somebody-else")
    assert decision(RenewalPolicy(), other, HOUR) == Decision(due=True, reason="client_changed")


def test_force_makes_a_fresh_token_due() -> None:
    expected = Decision(due=True, reason="forced")
    assert decision(RenewalPolicy(), token(), HOUR, force=True) == expected


def test_schedule_of_exactly_one_cadence_never_comes_too_early() -> None:
    # cron starts a moment late each day, and the token is issued after the start.
    age = 23 * HOUR - 30 * SECOND
    assert decision(RenewalPolicy(), token(), age).due


@pytest.mark.parametrize(
    ("lifetime", "cadence"),
    [
        (DAY, 23 * HOUR),
        (48 * HOUR, 23 * HOUR),
        (365 * DAY, 23 * HOUR),
        (13 * HOUR, 12 * HOUR + 28 * MINUTE),  # 13 h / 24, in whole minutes
        (12 * HOUR, 11 * HOUR + 28 * MINUTE),
        (HOUR, 28 * MINUTE),  # 60 less two intervals, a run and a reader's lag
        (20 * MINUTE, 2 * MINUTE),
        (5 * MINUTE, 150 * SECOND),
        (SECOND, timedelta(0)),
    ],
)
def test_default_cadence_leaves_a_margin_that_fits_the_lifetime(
    lifetime: timedelta, cadence: timedelta
) -> None:
    assert RenewalPolicy().cadence_for(lifetime) == cadence


@pytest.mark.parametrize(
    ("lifetime", "interval", "kept"),
    [
        (HOUR, 15 * MINUTE, True),
        (34 * MINUTE, 15 * MINUTE, True),
        (19 * MINUTE, 15 * MINUTE, True),
        (18 * MINUTE, 15 * MINUTE, False),
        (5 * MINUTE, 15 * MINUTE, False),
        (5 * MINUTE, 30 * SECOND, True),
        (DAY, 25 * HOUR, False),
    ],
)
def test_policy_knows_which_tokens_it_cannot_keep_valid(
    lifetime: timedelta, interval: timedelta, *, kept: bool
) -> None:
    assert RenewalPolicy(interval=interval).keeps_valid(lifetime) is kept


@given(lifetimes, intervals, cadences, st.floats(0, 1, exclude_max=True))
@example(DAY, 15 * MINUTE, None, 0.999)
@example(HOUR, 15 * MINUTE, None, 0.999)
@example(34 * MINUTE, 15 * MINUTE, None, 0.999)
@example(DAY, 15 * MINUTE, 23 * HOUR, 0.999)
def test_run_at_every_tick_never_leaves_a_token_to_expire(
    lifetime: timedelta, interval: timedelta, cadence: timedelta | None, phase: float
) -> None:
    policy = RenewalPolicy(cadence=cadence, interval=interval)
    assume(policy.keeps_valid(lifetime))
    due_at_tick = policy.cadence_for(lifetime) // interval - 2
    age = max(due_at_tick, 0) * interval + phase * interval
    while not decision(policy, token(lifetime), age).due:
        age += interval
    assert age < lifetime
    assert decision(policy, token(lifetime), age).reason == "cadence_reached"


@given(lifetimes, intervals, cadences)
def test_cadence_leaves_the_margin_or_gives_way_to_the_default(
    lifetime: timedelta, interval: timedelta, cadence: timedelta | None
) -> None:
    policy = RenewalPolicy(cadence=cadence, interval=interval)
    chosen = policy.cadence_for(lifetime)
    assert timedelta(0) <= chosen < lifetime
    assert policy.keeps_valid(lifetime) is (lifetime - chosen >= policy.needed_margin)
    if cadence is not None and lifetime - cadence > interval + 2 * MINUTE:
        assert chosen == cadence
    else:
        assert chosen.microseconds == 0
        assert policy.keeps_valid(lifetime) or chosen <= lifetime / 2
        assert chosen <= 23 * HOUR


@given(lifetimes, intervals, cadences, st.lists(st.integers(0, 500 * 86_400), min_size=2))
def test_token_that_became_due_stays_due(
    lifetime: timedelta, interval: timedelta, cadence: timedelta | None, ages_s: list[int]
) -> None:
    policy = RenewalPolicy(cadence=cadence, interval=interval)
    ages = [timedelta(seconds=s) for s in sorted(ages_s)]
    verdicts = [decision(policy, token(lifetime), age).due for age in ages]
    assert verdicts == sorted(verdicts)


@given(lifetimes, intervals)
def test_token_is_due_when_it_was_said_to_be(lifetime: timedelta, interval: timedelta) -> None:
    policy = RenewalPolicy(interval=interval)
    said = policy.next_rotation_at(token(lifetime)) - ISSUED_AT
    assert decision(policy, token(lifetime), said).due
    assert not decision(policy, token(lifetime), said * 0.97).due or said < 2 * SECOND


def test_cadence_that_cannot_work_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError) as caught:
        RenewalPolicy(cadence=25 * HOUR).validate_lifetime(24 * HOUR)
    assert str(caught.value) == (
        "cadence 1d1h: too long for tokens with a lifetime of 1d when the job runs every 15m;"
        " leave it out, or choose less than 23h43m"
    )


@pytest.mark.parametrize(
    ("lifetime", "way_out"),
    [
        (5 * MINUTE, "no interval works for a lifetime below 18m"),
        (18 * MINUTE, "start the job every 5m, and set --interval to that"),
    ],
)
def test_cadence_for_tokens_shorter_than_an_interval_says_which_interval_works(
    lifetime: timedelta, way_out: str
) -> None:
    with pytest.raises(ConfigError, match=f"leave it out; {way_out}"):
        RenewalPolicy(cadence=HOUR, interval=HOUR).validate_lifetime(lifetime)


@pytest.mark.parametrize(
    ("age", "due"), [(11 * HOUR, False), (11 * HOUR + 28 * MINUTE, True), (12 * HOUR, True)]
)
def test_cadence_that_shortened_lives_no_longer_fit_gives_way_to_the_default(
    age: timedelta, *, due: bool
) -> None:
    policy = RenewalPolicy(cadence=23 * HOUR)
    assert decision(policy, token(12 * HOUR), age).due is due
    assert decision(policy, token(24 * HOUR), age).due is False


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=0.9), "0s"),
        (90 * SECOND, "1m30s"),
        (23 * HOUR + 43 * MINUTE + SECOND, "23h43m"),
        (25 * HOUR, "1d1h"),
        (DAY, "23h59m"),
    ],
)
def test_duration_is_written_as_settings_take_it(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


# The quota of versions


@pytest.mark.parametrize(
    ("lifetime", "interval", "fits"),
    [
        (5 * MINUTE, 1 * MINUTE, False),  # replaced every 3 minutes: 480 versions a day
        (15 * MINUTE, 5 * MINUTE, False),  # every 10 minutes: 144
        (15 * MINUTE, 1 * MINUTE, False),  # every 12 minutes: 120
        (18 * MINUTE, 1 * MINUTE, True),  # every 15 minutes: 96
        (18 * MINUTE, 5 * MINUTE, True),
        (23 * MINUTE, 5 * MINUTE, True),  # due after 10 minutes and a half: every 15 minutes
        (23 * MINUTE, 10 * MINUTE, True),  # every 20 minutes
        (19 * MINUTE, 15 * MINUTE, True),  # at each run
        (HOUR, 15 * MINUTE, True),
        (DAY, 1 * MINUTE, True),
    ],
)
def test_policy_knows_which_tokens_need_more_versions_than_the_quota(
    lifetime: timedelta, interval: timedelta, *, fits: bool
) -> None:
    policy = RenewalPolicy(interval=interval)
    assert policy.fits_quota(lifetime) is fits
    # From the outside: the job runs at each interval and publishes when the policy says so.
    published, issued_at, at = 0, ISSUED_AT, ISSUED_AT
    while at < ISSUED_AT + 2 * DAY:
        at += interval
        stored = replace(token(lifetime), issued_at=issued_at, expires_at=issued_at + lifetime)
        if policy.decide(stored, now=at, client_id="my-client").due:
            published, issued_at = published + 1, at
    assert (published / 2 <= 100) is fits


@pytest.mark.parametrize("interval", [1 * MINUTE, 5 * MINUTE])
def test_documented_life_that_exceeds_the_quota_is_refused_with_the_shortest_that_works(
    interval: timedelta,
) -> None:
    with pytest.raises(ConfigError, match="no interval works for a lifetime below 18m"):
        RenewalPolicy(interval=interval).validate_lifetime(15 * MINUTE)


def test_life_that_is_too_short_for_the_interval_names_one_that_works() -> None:
    with pytest.raises(ConfigError, match="start the job every 15m") as caught:
        RenewalPolicy(interval=20 * MINUTE).validate_lifetime(20 * MINUTE)
    assert "--interval" in str(caught.value)
    RenewalPolicy(interval=15 * MINUTE).validate_lifetime(20 * MINUTE)


def test_cadence_that_exceeds_the_quota_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose a longer cadence"):
        RenewalPolicy(cadence=5 * MINUTE, interval=MINUTE).validate_lifetime(DAY)


# Spread


ARNS = [f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:t{n}-AbCdEf" for n in range(400)]


def planned_ages(policy: RenewalPolicy, issued_at: datetime = ISSUED_AT) -> list[timedelta]:
    """At which age the token of each secret is to be replaced."""
    stored = replace(token(), issued_at=issued_at, expires_at=issued_at + DAY)
    return [policy.for_secret(arn).next_rotation_at(stored) - issued_at for arn in ARNS]


def test_spread_makes_secrets_due_at_different_moments_and_each_token_always_at_the_same() -> None:
    policy = RenewalPolicy(spread=HOUR)
    ages = planned_ages(policy)
    assert ages == planned_ages(policy, ISSUED_AT + timedelta(milliseconds=900))
    assert all(22 * HOUR <= age <= 23 * HOUR for age in ages)
    # An even share of each ten minutes is 67 of 400.
    by_ten_minutes = [int((age - 22 * HOUR) / (10 * MINUTE)) for age in ages]
    assert all(40 <= by_ten_minutes.count(part) <= 95 for part in range(6))


def test_secrets_that_are_due_in_the_same_run_once_are_not_for_ever() -> None:
    policy = RenewalPolicy(spread=HOUR)
    first, second = planned_ages(policy), planned_ages(policy, ISSUED_AT + DAY)
    together = [n for n in range(400) if first[n] // (15 * MINUTE) == first[0] // (15 * MINUTE)]
    assert len({second[n] // (15 * MINUTE) for n in together}) == 4


def test_token_is_due_when_its_document_says_so() -> None:
    policy = RenewalPolicy(spread=HOUR).for_secret(ARNS[0])
    planned_at = policy.next_rotation_at(token())
    early = policy.decide(token(), now=planned_at - 6 * MINUTE, client_id="my-client")
    assert not early.due
    assert policy.decide(token(), now=planned_at, client_id="my-client").due


@pytest.mark.parametrize(
    ("policy", "cadence"),
    [
        (RenewalPolicy(spread=100 * DAY), 23 * HOUR),
        (RenewalPolicy(cadence=2 * HOUR, spread=DAY), 2 * HOUR),
    ],
)
def test_at_most_half_of_the_cadence_is_spread(policy: RenewalPolicy, cadence: timedelta) -> None:
    ages = planned_ages(policy)
    assert cadence / 2 <= min(ages) <= cadence * 0.52
    assert cadence * 0.98 <= max(ages) <= cadence


def test_without_a_spread_the_secret_makes_no_difference() -> None:
    assert set(planned_ages(RenewalPolicy())) == {23 * HOUR}


@pytest.mark.parametrize("text", ["24h", "1d", "90m", "22h30m", "3600s"])
def test_typed_duration_is_echoed_as_it_was_typed(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
