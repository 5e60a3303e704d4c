"""What may replace a stored token, with providers that grant less, cache, or keep one token."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import MintError, ProbeError, StoreError
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret
from tests.support.clock import NOW
from tests.support.documents import DAY, HOUR, instant, token_document
from tests.support.rotation_rig import CREDENTIALS, TokenJob

MINUTE = timedelta(minutes=1)
ONE_ACTIVE = CREDENTIALS | {"single_active": True}


# Shorter lives


def test_forced_run_publishes_what_a_provider_grants_that_has_shortened_its_lives() -> None:
    job = TokenJob(token_document("leaked", issued_at=NOW - HOUR), lifetime=12 * HOUR)
    assert job.run(force=True).outcome == "rotated"
    assert job.token == "canary-new-1"


def test_wrong_announcement_of_a_week_costs_no_token_once_it_is_due() -> None:
    job = TokenJob(
        token_document("dead", issued_at=NOW - 23 * HOUR, lifetime=7 * DAY), lifetime=HOUR
    )
    assert job.run().outcome == "rotated"
    assert job.fields["expires_at"] == "2026-01-31T10:00:00Z"


@pytest.mark.parametrize(
    ("lifetime", "kept"),
    [
        (17 * MINUTE, False),  # an interval of 15 minutes, one for a run and one for a reader
        (17 * MINUTE - timedelta(seconds=1), True),
    ],
)
def test_shorter_token_replaces_a_longer_one_if_it_serves_until_the_next_run(
    lifetime: timedelta, *, kept: bool
) -> None:
    job = TokenJob(token_document("old", issued_at=NOW - 23 * HOUR), lifetime=lifetime)
    if kept:
        with pytest.raises(MintError, match="kept the stored one") as caught:
            job.run()
        assert caught.value.retryable
    else:
        assert job.run().outcome == "rotated"
    assert job.token == ("old" if kept else "canary-new-1")


@pytest.mark.parametrize(
    ("stored_ends_in", "options"), [(2 * MINUTE, {}), (23 * HOUR, {"force": True})]
)
def test_very_short_token_is_published_if_it_ends_later_or_is_forced(
    stored_ends_in: timedelta, options: dict[str, Any]
) -> None:
    stored = token_document("old", issued_at=NOW + stored_ends_in - DAY)
    job = TokenJob(stored, lifetime=5 * MINUTE)
    assert job.run(**options).outcome == "rotated"


def test_expired_token_is_not_published_even_by_force() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - HOUR))
    job.endpoint.before_mint.append(lambda: None)
    job.endpoint.changes = {"issued_at": NOW - 2 * HOUR, "expires_at": NOW}
    with pytest.raises(MintError, match="has already expired"):
        job.run(force=True)
    assert job.token == "old"


@pytest.mark.parametrize(("minutes", "told"), [(70, False), (34, False), (33, True)])
def test_life_of_which_one_failed_run_costs_some_is_published_with_a_warning(
    *, minutes: int, told: bool
) -> None:
    # Two intervals of 15 minutes, a run and a reader, after the two minutes of the run before.
    result = TokenJob(None, lifetime=minutes * MINUTE).run()
    assert result.outcome == "rotated"
    assert ["one failed run" in each.problem for each in result.warnings] == [True] * told
    assert {each.event for each in result.warnings} <= {"rotator.margin_short"}


# The same token again


def cached(left: timedelta, **details: Any) -> TokenJob:
    """A provider that hands out the stored token, of an hour, with what is left of its life."""
    job = TokenJob(token_document("cached", issued_at=NOW + left - HOUR, lifetime=HOUR), **details)
    job.endpoint.changes = {"access_token": Secret("cached"), "expires_at": NOW + left}
    return job


def test_cached_token_that_lives_on_is_not_due() -> None:
    job = cached(16 * MINUTE)
    result = job.run()
    assert (result.outcome, result.reason) == ("not_due", "provider_cached")
    assert job.versions == 1


def test_near_the_end_of_a_cached_token_the_run_waits_for_it_and_mints() -> None:
    job = cached(40 * timedelta(seconds=1))

    def renew() -> None:
        job.endpoint.changes = {}

    job.endpoint.before_mint.extend([lambda: None, renew])
    assert job.run().outcome == "rotated"
    assert job.token == "canary-new-2"
    assert sum(job.clock.slept_s) >= 40
    assert job.fields["issued_at"] > "2026-01-31T09:00:40Z"


@pytest.mark.parametrize(
    ("left", "options"),
    [
        (15 * MINUTE, {}),
        (2 * MINUTE, {}),
        (30 * timedelta(seconds=1), {"remaining_s": lambda: 10.0}),
        (16 * MINUTE, {"force": True}),
    ],
)
def test_cached_token_that_will_not_do_is_a_temporary_failure(
    left: timedelta, options: dict[str, Any]
) -> None:
    job = cached(left)
    with pytest.raises(MintError, match="handed out the stored token again") as caught:
        job.run(**options)
    assert caught.value.retryable
    assert job.versions == 1
    assert job.clock.slept_s == []


@pytest.mark.parametrize(("minutes", "told"), [(15, True), (2, True), (1, False)])
def test_interval_that_can_miss_the_end_of_a_cached_token_is_told_beforehand(
    *, minutes: int, told: bool
) -> None:
    # A run waits for that end for a minute at most: every minute one of them always does.
    marketo = {"provider": "marketo", "token_url": "https://1.mktorest.com/identity/oauth/token"}
    job = TokenJob(None, CREDENTIALS | marketo, lifetime=HOUR)
    result = job.run(policy=RenewalPolicy(interval=minutes * MINUTE))
    assert ["start the job every 1m" in each.problem for each in result.warnings] == [True] * told
    assert {each.event for each in result.warnings} <= {"rotator.margin_short"}


def test_same_token_never_extends_the_stored_end() -> None:
    job = cached(16 * MINUTE)
    job.endpoint.changes["expires_at"] = NOW + DAY
    assert job.run().reason == "provider_cached"
    assert job.versions == 1


def test_token_with_an_earlier_end_keeps_its_age_and_stays_due() -> None:
    age = timedelta(seconds=83_000)
    job = TokenJob(token_document("cached", issued_at=NOW - age))
    ends_at = NOW + DAY - age - timedelta(seconds=30)
    job.endpoint.changes = {"access_token": Secret("cached"), "expires_at": ends_at}
    assert job.run().reason == "provider_cached"
    assert job.fields["expires_at"] == instant(ends_at)
    assert job.fields["issued_at"] == instant(NOW - age)

    job.endpoint.changes = {}
    assert job.run().outcome == "rotated"


def test_earlier_end_of_the_same_token_is_published_and_no_success() -> None:
    job = TokenJob(token_document("cached", issued_at=NOW - 23 * HOUR, lifetime=7 * DAY))
    job.endpoint.changes = {"access_token": Secret("cached"), "expires_at": NOW + HOUR}
    result = job.run()
    assert (result.outcome, result.reason) == ("not_due", "provider_cached")
    assert result.expires_at == NOW + HOUR
    assert job.fields["expires_at"] == "2026-01-31T10:00:00Z"
    assert job.token == "cached"


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
    job = TokenJob()
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
    with pytest.raises(MintError, match="has already expired") as caught:
        job.run()
    assert caught.value.retryable
    assert job.endpoint.mints == 4
    assert job.versions == 1


# One active token


def test_loser_of_a_race_mints_last_where_one_token_is_active() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - DAY), ONE_ACTIVE)
    job.store.before_put.append(job.rival)
    assert job.run().outcome == "rotated"
    # Minted after the rival had published, so that it is the one that the provider left active.
    assert job.token == "canary-new-2"
    assert job.versions == 3
    assert len(job.clock.slept_s) == 1


def ended_before_the_probe(times: int, then: Callable[[], None] = lambda: None) -> Any:  # noqa: ANN401 - a probe
    """A probe that finds so many new tokens ended by a rival's mint, and what the rival does."""
    left = [None] * times

    def probe(_: object) -> None:
        if left:
            left.pop()
            then()
            raise ProbeError("API: does not take the new token", status=401)

    return probe


@pytest.mark.parametrize(("takes_it", "outcome"), [(True, "superseded"), (False, "rotated")])
def test_token_that_a_rival_ended_gives_way_to_the_rivals_if_the_api_takes_that(
    *, takes_it: bool, outcome: str
) -> None:
    job = TokenJob(token_document("old", issued_at=NOW - DAY), ONE_ACTIVE)
    result = job.run(
        probe=ended_before_the_probe(1, job.rival), stored_probe=lambda _: not takes_it
    )
    assert result.outcome == outcome
    assert job.token == ("canary-rival" if takes_it else "canary-new-2")
    assert job.endpoint.mints == (1 if takes_it else 2)


def test_token_that_a_rival_ended_is_minted_again_while_the_rival_has_not_published() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - DAY), ONE_ACTIVE)
    assert job.run(probe=ended_before_the_probe(2)).outcome == "rotated"
    assert (job.token, job.versions, len(job.clock.slept_s)) == ("canary-new-3", 2, 2)


def test_api_that_takes_no_new_token_is_not_tried_for_ever() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - DAY), ONE_ACTIVE)
    with pytest.raises(ProbeError):
        job.run(probe=ended_before_the_probe(100))
    assert (job.endpoint.mints, job.versions) == (5, 1)


def test_rival_that_publishes_while_the_loser_mints_again_makes_it_mint_once_more() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - DAY), ONE_ACTIVE)
    job.store.before_put.extend([job.rival, lambda: job.rival(text="second rival")])
    assert job.run().outcome == "rotated"
    assert (job.token, job.endpoint.mints, job.versions) == ("canary-new-3", 3, 4)


def test_rival_that_publishes_between_the_read_and_the_put_makes_the_loser_mint_again() -> None:
    # The rival's mint may have been the later one: only a mint after its put is certain.
    job = TokenJob(token_document("old", issued_at=NOW - DAY), ONE_ACTIVE)
    job.store.before_put.append(job.rival)
    job.endpoint.before_mint.extend([lambda: None, lambda: job.rival(text="second rival")])
    assert job.run().outcome == "rotated"
    assert job.token == "canary-new-3"


def test_failed_put_is_repeated_where_the_stored_token_has_been_ended() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - HOUR), ONE_ACTIVE)
    job.store.broken = "put"
    assert job.run(force=True).outcome == "rotated"
    assert job.endpoint.mints == 1


def test_put_that_fails_to_the_deadline_says_that_the_stored_token_was_ended() -> None:
    job = TokenJob(token_document("old", issued_at=NOW - HOUR), ONE_ACTIVE)

    def fail() -> None:
        job.store.before_put.append(fail)
        raise StoreError("busy", operation="PutSecretValue", secret_id="t", retryable=True)

    job.store.before_put.append(fail)
    with pytest.raises(StoreError, match="ended the stored token") as caught:
        job.run(force=True)
    assert caught.value.retryable
    assert 30 < sum(job.clock.slept_s) <= 60


@pytest.mark.parametrize("watched", [False, True])
def test_one_active_token_without_a_probe_of_the_stored_one_warns(*, watched: bool) -> None:
    job = TokenJob(None, ONE_ACTIVE)
    result = job.run(stored_probe=(lambda _: False) if watched else None)
    events = [warning.event for warning in result.warnings]
    assert events == ([] if watched else ["rotator.probe_omitted"])


# The stored token rejected


def test_stored_token_that_the_api_rejects_is_rotated_and_the_reason_is_stored() -> None:
    job = TokenJob(token_document("dead", issued_at=NOW - HOUR))
    result = job.run(stored_probe=lambda _: True, probe=lambda _: None)
    assert (result.outcome, result.reason) == ("rotated", "rejected")
    assert job.fields["rotated_for"] == "rejected"


@pytest.mark.parametrize(("age", "due"), [(59 * MINUTE, False), (60 * MINUTE, True)])
def test_token_that_is_rejected_again_is_replaced_once_an_hour(
    age: timedelta, *, due: bool
) -> None:
    job = TokenJob(token_document("dead", issued_at=NOW - age, rotated_for="rejected"))
    result = job.run(stored_probe=lambda _: True, probe=lambda _: None)
    assert result.outcome == ("rotated" if due else "not_due")
    assert bool(result.warnings) is not due


def test_new_token_for_a_rejected_one_has_to_pass_the_probe() -> None:
    job = TokenJob(token_document("dead", issued_at=NOW - HOUR))
    with pytest.raises(ProbeError, match="kept the stored token") as caught:
        job.run(stored_probe=lambda _: True, probe=lambda _: "API: responded with HTTP 500")
    assert caught.value.is_refusal
    assert not caught.value.retryable
    assert job.token == "dead"


def test_rejected_token_that_is_handed_out_again_stays_and_counts_as_refused() -> None:
    job = cached(55 * MINUTE)
    with pytest.raises(ProbeError) as caught:
        job.run(stored_probe=lambda _: True, probe=lambda _: None)
    assert caught.value.is_refusal
    assert job.versions == 1


def test_api_that_cannot_be_asked_about_the_stored_token_is_a_warning() -> None:
    def unreachable(_: object) -> bool:
        raise ProbeError("API: cannot be reached", retryable=True)

    job = TokenJob(token_document("good", issued_at=NOW - HOUR))
    result = job.run(stored_probe=unreachable)
    assert result.outcome == "not_due"
    assert [warning.problem for warning in result.warnings] == ["API: cannot be reached"]
