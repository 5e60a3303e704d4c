"""The four steps of native rotation on the strict Secrets Manager."""

import json
from datetime import timedelta

import pytest

from rotator.errors import MintError, ProbeError, StoreError
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from tests.support.clock import NOW
from tests.support.native_rig import NativeBinding, version_id
from tests.support.rotation_rig import CREDENTIALS, HOUR, SHARED, stored

OLD, OURS = version_id(0), version_id(1)
CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"


def refuse(_: AccessToken) -> str | None:
    raise ProbeError("API: rejects the new token", is_refusal=True)


# As the service has it


def test_four_steps_make_a_new_token_current() -> None:
    on = NativeBinding()
    assert on.rotate(on.begin()) == ["staged", "tested", "tested", "rotated"]
    assert on.labels() == {OLD: {PREVIOUS}, OURS: {CURRENT}}
    assert on.token().access_token.reveal() == "canary-new-1"
    assert on.endpoint.mints == 1


def test_consumers_read_the_old_token_until_the_last_step() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    for step in rotation.steps[:-1]:
        on.take(rotation.event(step))
        assert on.token().access_token.reveal() == "canary-old"
    assert on.token(PENDING).access_token.reveal() == "canary-new-1"


def test_fresh_token_is_kept_and_the_announced_version_dropped_in_the_last_step() -> None:
    """rotate-secrets_lambda-functions.html: AWSPENDING is not removed before finishSecret."""
    on = NativeBinding(age=HOUR)
    rotation = on.begin()
    for step in rotation.steps[:-1]:
        on.take(rotation.event(step))
        assert on.labels()[OURS] == {PENDING}
    assert on.rotate(rotation) == ["not_due", "tested", "tested", "not_due"]
    assert on.labels() == {OLD: {CURRENT}}
    assert on.endpoint.mints == 0
    on.begin()  # and the next rotation is not refused


@pytest.mark.parametrize("tidies", [True, False])
def test_rotations_follow_each_other_for_a_week(*, tidies: bool) -> None:
    on = NativeBinding(age=HOUR)
    on.service.rotations.tidies = tidies
    for _ in range(7 * 6):
        on.clock.advance(4 * 3600)
        on.rotate(on.begin())
        assert on.is_over()
        assert on.token().expires_at > on.clock.now()
    assert 7 <= on.endpoint.mints <= 10


def test_first_value_of_all_comes_from_a_rotation() -> None:
    on = NativeBinding(age=None)
    assert on.rotate(on.begin()) == ["rotated", "tested", "tested", "not_due"]
    assert list(on.labels().values()) == [{CURRENT}]
    assert on.token().access_token.reveal() == "canary-new-1"


def test_rotation_token_goes_to_put_secret_value() -> None:
    on = NativeBinding()
    on.service.rotations.checks_token = True
    on.rotate(on.begin())
    assert on.labels()[OURS] == {CURRENT}


def test_test_of_the_configuration_changes_nothing() -> None:
    """API_RotateSecret.html, RotateImmediately: false; the version may have no value."""
    for age in (HOUR, 24 * HOUR):
        on = NativeBinding(age=age)
        assert on.rotate(on.begin(RotateImmediately=False)) == ["tested"]
        assert on.labels() == {OLD: {CURRENT}}
        assert on.endpoint.mints == 0


def test_test_of_the_configuration_fails_for_credentials_that_cannot_be_used() -> None:
    on = NativeBinding(credentials=CREDENTIALS | {"token_uri": "https://ims.example"})
    with pytest.raises(Exception, match="did you mean token_url"):
        on.rotate(on.begin(RotateImmediately=False))


def test_repeated_steps_change_nothing_more() -> None:
    on = NativeBinding()
    rotation = on.begin()
    for step in rotation.steps:
        on.take(rotation.event(step))
        before = on.versions
        on.take(rotation.event(step))
        assert on.versions == before
    on.rotate(rotation)
    assert on.endpoint.mints == 1


# What goes wrong


def test_failed_mint_is_made_good_when_the_rotation_is_repeated() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.endpoint.failure = MintError("token endpoint: HTTP 503", retryable=True)
    with pytest.raises(MintError):
        on.rotate(rotation)
    assert on.token().access_token.reveal() == "canary-old"
    on.endpoint.failure = None
    on.rotate(rotation)
    assert on.labels() == {OLD: {PREVIOUS}, OURS: {CURRENT}}


def test_token_that_the_api_refuses_never_waits() -> None:
    on = NativeBinding(age=23 * HOUR)
    with pytest.raises(ProbeError):
        on.rotate(on.begin(), probe=refuse)
    assert on.versions.find(OURS) is not None
    assert on.versions.find(OURS).content is None  # type: ignore[union-attr]
    assert on.token().access_token.reveal() == "canary-old"


def test_waiting_token_that_the_api_refuses_later_is_replaced() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.take(rotation.event("createSecret"))

    def refuse_first(token: AccessToken) -> str | None:
        return refuse(token) if token.access_token.reveal() == "canary-new-1" else None

    with pytest.raises(ProbeError):
        on.take(rotation.event("testSecret"), probe=refuse_first)
    on.rotate(rotation, probe=refuse_first)
    assert on.token().access_token.reveal() == "canary-new-2"
    assert on.is_over()


def test_waiting_token_that_has_grown_old_is_replaced() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.take(rotation.event("createSecret"))
    on.clock.advance(25 * 3600)
    for step in ("testSecret", "finishSecret"):
        with pytest.raises(StoreError, match="holds no usable token") as caught:
            on.take(rotation.event(step))
        assert caught.value.retryable
    assert on.rotate(rotation) == ["rotated", "tested", "tested", "not_due"]
    assert on.token().access_token.reveal() == "canary-new-2"
    assert on.is_over()
    on.begin()


def test_waiting_token_past_its_cadence_still_replaces_an_older_one() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.take(rotation.event("createSecret"))
    on.clock.advance(23.5 * 3600)
    assert on.take(rotation.event("finishSecret")).outcome == "rotated"
    assert on.token().access_token.reveal() == "canary-new-1"


def test_token_published_meanwhile_by_the_schedule_stays() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.take(rotation.event("createSecret"))
    published = on.run().version_id
    for step in rotation.steps[1:]:
        on.take(rotation.event(step))
    assert on.labels() == {OLD: {PREVIOUS}, published: {CURRENT}}


def test_schedule_after_a_rotation_does_not_block_the_next_one() -> None:
    on = NativeBinding()
    on.rotate(on.begin())
    on.clock.advance(23 * 3600)
    assert on.run().outcome == "rotated"
    on.begin()


def test_stuck_label_of_a_rotation_given_up_long_ago_heals_when_it_is_repeated() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.take(rotation.event("createSecret"))
    for _ in range(10):
        on.clock.advance(23 * 3600)
        on.run()
    on.rotate(rotation)
    assert on.is_over()


def test_cancelled_rotation_publishes_nothing_in_its_last_step() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.take(rotation.event("createSecret"))
    on.service.ask("CancelRotateSecret", SecretId="app/token")
    on.service.ask(
        "UpdateSecretVersionStage",
        SecretId="app/token",
        VersionStage=PENDING,
        RemoveFromVersionId=OURS,
    )
    assert on.take(rotation.event("finishSecret")).outcome == "not_due"
    assert on.labels() == {OLD: {CURRENT}}


def test_last_step_without_a_value_ends_the_rotation_and_publishes_nothing() -> None:
    on = NativeBinding()
    rotation = on.begin()
    assert on.take(rotation.event("finishSecret")).outcome == "not_due"
    assert on.labels() == {OLD: {CURRENT}}


def test_reads_that_lag_are_read_again() -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.clock.advance(60)
    on.take(rotation.event("createSecret"))
    on.strict.settle_s = 1.5
    on.strict.behind = lambda _operation, _region: 2
    assert on.take(rotation.event("finishSecret")).outcome == "rotated"
    assert on.labels() == {OLD: {PREVIOUS}, OURS: {CURRENT}}


# Where a token must not wait


def test_one_active_token_is_published_at_once() -> None:
    on = NativeBinding(age=23 * HOUR, credentials=CREDENTIALS | {"single_active": True})
    rotation = on.begin()
    assert on.take(rotation.event("createSecret")).outcome == "rotated"
    assert on.token().access_token.reveal() == "canary-new-1"
    on.rotate(rotation)
    assert on.is_over()


def test_one_secret_for_both_is_published_at_once_and_keeps_the_keys_of_the_team() -> None:
    on = NativeBinding(binding=SHARED, credentials=CREDENTIALS | {"owner": "team"})
    on.rotate(on.begin())
    version = on.versions.labelled(CURRENT)
    assert version is not None
    assert version.content is not None
    fields = json.loads(version.content[1])
    assert (fields["owner"], fields["access_token"]) == ("team", "canary-new-1")
    assert on.is_over()


def test_token_that_the_provider_hands_out_again_is_no_new_version() -> None:
    on = NativeBinding(age=23 * HOUR)
    on.endpoint.changes = {
        "access_token": on.token().access_token,
        "expires_at": on.token().expires_at,
    }
    assert on.rotate(on.begin())[0] == "not_due"
    assert on.labels() == {OLD: {CURRENT}}


def test_waiting_token_of_other_credentials_is_not_published() -> None:
    on = NativeBinding(age=24 * HOUR)
    rotation = on.begin()
    on.put(1, stored(timedelta(0), client_id="somebody else"), stages=[PENDING])
    with pytest.raises(StoreError, match="holds no usable token"):
        on.take(rotation.event("finishSecret"))
    on.rotate(rotation)
    assert on.token().client_id == "my-client"
    assert on.is_over()


@pytest.mark.parametrize(
    ("waiting", "problem"),
    [
        ({"access_token": "canary-broken"}, "it is not a token document"),
        (stored(25 * HOUR), "its token has expired"),
        (stored(23.5 * HOUR), "its token ends no later than the stored one"),
        (stored(timedelta(0), client_id="other"), "its token is of another client"),
        (stored(-2 * HOUR), "its token was issued by a clock that is ahead"),
    ],
)
@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_error_says_why_the_waiting_token_cannot_serve_and_how_long_the_stored_one_lives(
    waiting: dict[str, object], problem: str, step: str
) -> None:
    on = NativeBinding(age=23 * HOUR)
    rotation = on.begin()
    on.put(1, waiting, stages=[PENDING])
    with pytest.raises(StoreError) as caught:
        on.take(rotation.event(step))
    assert f"version {OURS} holds no usable token ({problem}); " in str(caught.value)
    # NOW is 09:00; the stored token was minted 23 hours before, and lives for 86,399 seconds.
    assert "the stored token stays, until 2026-01-31T09:59:59Z. " in str(caught.value)
    assert "`rotator run --credentials-secret app/credentials" in str(caught.value)


def test_error_says_that_the_stored_token_is_over() -> None:
    on = NativeBinding(age=26 * HOUR)
    rotation = on.begin()
    on.put(1, stored(25 * HOUR), stages=[PENDING])
    with pytest.raises(StoreError, match="the stored token expired at 2026-01-31T06:59:59Z"):
        on.take(rotation.event("finishSecret"))


def test_error_names_secret_and_version_and_no_value() -> None:
    on = NativeBinding(binding=Binding("app/credentials", "team/token"))
    rotation = on.begin()
    on.put(1, {"access_token": "canary-broken"}, stages=[PENDING])
    with pytest.raises(StoreError) as caught:
        on.take(rotation.event("finishSecret"))
    assert "team/token" in str(caught.value)
    assert OURS in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    assert on.clock.now() - NOW < timedelta(seconds=10)
