"""How a stored token stands: healthy, overdue or unusable."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rotator.cli.results import client_secret_text
from rotator.model.policy import RenewalPolicy
from rotator.model.secret_rotation import ProviderSecret, SecretRotation
from rotator.model.status import ClientSecretStatus, ServedToken, assess_token
from tests.support.memory_endpoint import access_token

ISSUED_AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
DAY = timedelta(hours=24)
POLICY = RenewalPolicy()
TOKEN = access_token("canary", issued_at=ISSUED_AT, client_id="me", next_rotation_at=None)


@pytest.mark.parametrize(
    ("age", "health", "reason"),
    [
        (timedelta(0), "healthy", "fresh"),
        (timedelta(hours=22), "healthy", "fresh"),
        (timedelta(hours=23), "healthy", "cadence_reached"),
        (timedelta(hours=23, minutes=17), "healthy", "cadence_reached"),
        (timedelta(hours=23, minutes=18), "overdue", "cadence_reached"),
        (timedelta(hours=24), "unusable", "expired"),
    ],
)
def test_health_follows_age(age: timedelta, health: str, reason: str) -> None:
    status = assess_token("adobe/token", TOKEN, policy=POLICY, now=ISSUED_AT + age)

    assert (status.health, status.reason) == (health, reason)
    assert status.remaining == DAY - age
    assert status.next_rotation_at == ISSUED_AT + timedelta(hours=23)


@pytest.mark.parametrize("absent", ["token_missing", "token_malformed"])
def test_secret_without_a_token_is_unusable(absent: str) -> None:
    status = assess_token("adobe/token", absent, policy=POLICY, now=ISSUED_AT)  # type: ignore[arg-type]

    assert (status.health, status.reason, status.expires_at) == ("unusable", absent, None)


@pytest.mark.parametrize(
    ("end", "health"), [(DAY, "overdue"), (timedelta(0), "unusable"), (-DAY, "unusable")]
)
def test_malformed_token_that_readers_take_is_overdue_until_it_ends(
    end: timedelta, health: str
) -> None:
    status = assess_token(
        "t",
        "token_malformed",
        policy=POLICY,
        now=ISSUED_AT,
        served=ServedToken(None, ISSUED_AT + end),
    )

    assert (status.health, status.reason, status.remaining) == (health, "token_malformed", end)


@pytest.mark.parametrize("cadence", [None, DAY])
@pytest.mark.parametrize(("age", "health"), [(timedelta(0), "overdue"), (DAY, "unusable")])
def test_token_of_another_client_is_overdue_until_it_ends(
    age: timedelta, health: str, cadence: timedelta | None
) -> None:
    policy = RenewalPolicy(cadence=cadence)
    status = assess_token("t", TOKEN, policy=policy, now=ISSUED_AT + age, client_id="other")

    assert (status.health, status.reason) == (health, "client_changed")


def test_token_that_is_due_for_its_credentials_is_rotated_now() -> None:
    """Not when it would be due by its age."""
    status = assess_token("adobe/token", TOKEN, policy=POLICY, now=ISSUED_AT, client_id="other")

    assert status.next_rotation_at == ISSUED_AT


def test_longer_tick_gives_the_job_more_time() -> None:
    hourly = RenewalPolicy(interval=timedelta(hours=1))
    due = assess_token("adobe/token", TOKEN, policy=hourly, now=ISSUED_AT).next_rotation_at

    assert due is not None
    assert assess_token("t", TOKEN, policy=hourly, now=due + timedelta(hours=1)).health == "healthy"


def test_status_shows_no_token() -> None:
    assert "canary" not in repr(assess_token("adobe/token", TOKEN, policy=POLICY, now=ISSUED_AT))
    assert "canary" not in repr(replace(TOKEN, scope="a"))


def test_expired_short_token_is_unusable_whatever_the_cadence() -> None:
    short = replace(TOKEN, expires_at=ISSUED_AT + timedelta(minutes=10), next_rotation_at=None)
    policy = RenewalPolicy(cadence=timedelta(hours=23))

    status = assess_token("t", short, policy=policy, now=ISSUED_AT + timedelta(hours=1))

    assert (status.health, status.reason) == ("unusable", "expired")
    assert status.next_rotation_at == ISSUED_AT + timedelta(minutes=5)


def test_status_and_policy_agree_on_the_next_rotation() -> None:
    stored = replace(TOKEN, next_rotation_at=ISSUED_AT + timedelta(hours=23))
    hourly = RenewalPolicy(cadence=timedelta(hours=1))

    status = assess_token("t", stored, policy=hourly, now=ISSUED_AT + timedelta(minutes=5))

    assert status.next_rotation_at == ISSUED_AT + timedelta(hours=1)


def test_age_of_the_client_secret_is_that_of_the_newest_stored_one() -> None:
    old = ProviderSecret("old", created_at=ISSUED_AT - 90 * DAY)
    new = ProviderSecret("new", created_at=ISSUED_AT, expires_at=ISSUED_AT + 180 * DAY)
    begun = SecretRotation("r", "adding", ISSUED_AT, old=old)

    adding = ClientSecretStatus.of("c", begun)
    overlap = ClientSecretStatus.of("c", replace(begun, step="overlap", new=new))
    done = ClientSecretStatus.of("c", SecretRotation("r", "done", ISSUED_AT, new=new))

    assert adding == ClientSecretStatus("c", "old", old.created_at, None, "adding", ISSUED_AT)
    assert overlap == ClientSecretStatus(
        "c", "new", ISSUED_AT, new.expires_at, "overlap", ISSUED_AT
    )
    assert done == ClientSecretStatus("c", "new", ISSUED_AT, new.expires_at)
    assert ClientSecretStatus.of("c", None) is None


def test_status_tells_which_of_two_client_secrets_has_expired() -> None:
    at = [ISSUED_AT + timedelta(days=day) for day in range(4)]
    old, new = ProviderSecret("old", at[0], at[3]), ProviderSecret("new", at[0], at[1])
    rotation = SecretRotation("r", "overlap", at[0], old=old, new=new, stored_at=at[0])

    status = ClientSecretStatus.of("c", rotation)

    assert status is not None
    assert client_secret_text(status, at[2]).startswith(
        "2d old, expired at 2026-02-01T09:00:00Z, the old one expires at 2026-02-03T09:00:00Z,"
    )
    adding = ClientSecretStatus.of("c", replace(rotation, step="adding", new=None))
    assert adding is not None
    assert "the old one" not in client_secret_text(adding, at[2])
