"""One secret for both, and what a run tells: over a store and an endpoint in memory."""

import json
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.errors import ConfigError, CredentialsError, MintError, ProbeError
from rotator.model.access_token import AccessToken
from rotator.model.instants import format_instant
from rotator.model.secret import Secret
from tests.support.clock import NOW
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.rotation_rig import CREDENTIALS, DAY, HOUR, SHARED, TokenJob, stored

# One secret that holds both


def shared_job(credentials: object = CREDENTIALS) -> TokenJob:
    return TokenJob(credentials=credentials, binding=SHARED)


def test_shared_secret_keeps_the_keys_of_the_team() -> None:
    before = CREDENTIALS | {"owner": "team", "scope": "asked for", "notes": [1, None]}
    job = shared_job(before)
    assert job.run().outcome == "rotated"
    assert {name: job.fields[name] for name in before} == before
    assert job.token == "canary-new-1"
    assert job.store.calls == ["read", "read", "put"]


# What json.dumps would write in another way: numbers, characters, and what an editor left around.
AS_WRITTEN = (
    '"ratio": 1.0',
    '"many": 1e5',
    '"exact": 12345678901234567890.5',
    '"huge": 1e400',
    '"zero": -0',
    '"plain": "ü 😀"',
    '"escaped": "\\u00fc \\/ \\ud83d\\ude00"',
    '"half": "\\ud800"',
    '"nested": [ 1.50, {"deep":1E-2} ]',
    '"ü": true',
)


def test_other_keys_of_a_shared_secret_keep_their_exact_numbers_and_characters() -> None:
    credentials = json.dumps(CREDENTIALS)[1:-1]
    job = shared_job(f"\ufeff {{ {credentials} ,{','.join(AS_WRITTEN)}\n}}\n")
    assert job.run().outcome == "rotated"
    written = job.store.values["app/both"]
    assert [each for each in AS_WRITTEN if each not in written] == []
    assert job.token.startswith("canary-new")
    assert len(written.encode()) < 65_536


def test_rotation_lets_the_text_of_a_shared_secret_grow_by_the_token_alone() -> None:
    """65,536 bytes are what Secrets Manager takes (PutSecretValue): no room for escapes."""
    note = "ü" * 31_000
    job = shared_job(json.dumps(CREDENTIALS | {"note": note}, ensure_ascii=False))
    job.run()
    assert job.fields["note"] == note
    assert len(job.store.values["app/both"].encode()) < 65_536


def test_half_a_character_in_a_shared_secret_is_written_as_its_escape() -> None:
    job = shared_job(json.dumps(CREDENTIALS)[:-1] + ', "note": "\ud800"}')
    assert job.run().outcome == "rotated"
    assert '"note": "\\ud800"' in job.store.values["app/both"]


def test_shared_secret_is_not_due_after_its_rotation_and_keeps_its_provider() -> None:
    job = shared_job()
    job.run()
    # A token_url beside the credentials would mean another provider from then on, and a scope
    # would be asked for.
    assert job.fields.keys() & {"token_url", "scope", "provider"} == set()
    assert job.run().outcome == "not_due"


def test_fresh_token_of_a_shared_secret_is_replaced_if_the_api_rejects_it() -> None:
    job = shared_job()
    job.run()
    job.clock.advance(HOUR.total_seconds())

    result = job.run(stored_probe=lambda _: True, probe=lambda _: None)

    assert result.outcome == "rotated"
    assert job.token == "canary-new-2"


def test_two_runs_at_once_on_a_shared_secret_publish_once() -> None:
    job = shared_job()

    def another_run(_: AccessToken) -> None:
        job.run(endpoint=MemoryEndpoint(changes={"access_token": Secret("other")}))

    result = job.run(probe=another_run)
    assert result.outcome == "superseded"
    assert job.token == "other"


def test_credentials_that_are_meant_for_other_token_secrets_get_no_first_token() -> None:
    """`rotator init` records them; both names of a run may be the same by mistake."""
    job = shared_job(CREDENTIALS | {"token_secrets": ["app/token", "more/*"]})

    told = job.refused(ConfigError)

    assert "token_secrets names app/token, more/*; name one of these as the token secret" in told
    names = "--credentials-secret app/both --token-secret app/both"
    assert f"run `rotator init {names} --bind-only` first" in told


def test_credentials_that_name_themselves_get_a_token() -> None:
    job = shared_job(CREDENTIALS | {"token_secrets": ["app/token", "arn:app/both"]})
    assert job.run().outcome == "rotated"


def test_shared_secret_that_has_a_token_gets_the_next_one_whatever_it_names() -> None:
    job = shared_job(CREDENTIALS | stored(24 * HOUR) | {"token_secrets": ["app/token"]})
    assert job.run().outcome == "rotated"


def test_edit_of_a_shared_secret_during_the_run_is_kept() -> None:
    job = shared_job()

    def edit(_: AccessToken) -> None:
        job.secret.publish(json.dumps(CREDENTIALS | {"note": "late"}), "edited")

    assert job.run(probe=edit).outcome == "rotated"
    assert job.fields["note"] == "late"


@pytest.mark.parametrize(
    ("edited", "problem"),
    [
        (json.dumps(CREDENTIALS | {"client_id": "other"}), "its client_id has changed"),
        ("canary", "is not JSON"),
    ],
)
def test_token_of_a_client_that_left_the_shared_secret_is_not_published(
    edited: str, problem: str
) -> None:
    job = shared_job()

    def edit(_: AccessToken) -> None:
        job.secret.publish(edited, "edited")

    with pytest.raises(CredentialsError, match=problem) as caught:
        job.run(probe=edit)
    assert caught.value.__context__ is None
    assert job.secret.current == "edited"


# Telling


@pytest.mark.parametrize(
    ("age", "options", "event"),
    [
        (HOUR, {}, "rotator.rotation_skipped"),
        (24 * HOUR, {"dry_run": True}, "rotator.rotation_skipped"),
        (24 * HOUR, {}, "rotator.token_rotated"),
    ],
)
def test_each_outcome_is_one_event_without_a_secret(
    age: timedelta, options: dict[str, Any], event: str
) -> None:
    job = TokenJob(stored(age))
    with capture_logs() as events:
        result = job.run(**options)
    [entry] = events
    assert result.expires_at is not None
    assert entry == {
        "event": event,
        "log_level": "info",
        "binding": "app/token",
        "outcome": result.outcome,
        "reason": result.reason,
        "version_id": result.version_id,
        "expires_at": format_instant(result.expires_at),
        "duration_s": 0.0,
    }
    assert "canary" not in f"{events}{result}"


def test_superseded_run_is_one_event() -> None:
    job = TokenJob(stored(24 * HOUR))
    job.store.before_put.append(job.rival)
    with capture_logs() as events:
        job.run()
    assert [entry["event"] for entry in events] == ["rotator.rotation_superseded"]


def test_failure_is_left_to_the_caller_to_log() -> None:
    job = TokenJob(failure=MintError("token endpoint: 500"))
    with capture_logs() as events, pytest.raises(MintError):
        job.run()
    assert events == []


def test_failure_carries_what_is_known_of_the_token_that_stays() -> None:
    failure = MintError("token endpoint: 500")
    TokenJob(stored(24 * HOUR), failure=failure).refused(MintError)
    assert failure.details == {
        "reason": "expired",
        "version_id": "first",
        "expires_at": "2026-01-31T08:59:59Z",
        "duration_s": 0.0,
    }


@pytest.mark.parametrize("credentials", [{}, {"client_id": "my-client"}])
def test_failure_over_the_credentials_tells_of_the_stored_token_too(
    credentials: dict[str, str],
) -> None:
    job = TokenJob(stored(HOUR), credentials)
    with pytest.raises(CredentialsError) as caught:
        job.run()
    assert caught.value.details["version_id"] == job.secret.current
    assert caught.value.details["expires_at"] == format_instant(NOW - HOUR + DAY)


def test_token_that_does_not_outlive_a_tick_is_published_with_a_warning() -> None:
    with capture_logs() as events:
        TokenJob(lifetime=timedelta(minutes=5)).run()
    assert [entry["event"] for entry in events] == ["rotator.margin_short", "rotator.token_rotated"]
    assert "interval 15m: too long for tokens with a lifetime of 5m" in events[0]["problem"]


def test_warnings_are_data_of_the_result_and_each_is_logged_once() -> None:
    job = TokenJob(warnings=("scope is narrower",))
    with capture_logs() as events:
        result = job.run(probe=lambda _: "API")
    expected = [
        ("rotator.mint_questioned", "scope is narrower"),
        ("rotator.token_unproved", "API; the new token is published without verification"),
    ]
    assert [tuple(warning) for warning in result.warnings] == expected
    warned = [event for event in events if event["log_level"] == "warning"]
    assert [(event["event"], event["problem"]) for event in warned] == expected


def test_warning_before_a_failure_is_logged_too() -> None:
    job = TokenJob(stored(23 * HOUR), warnings=("scope is narrower",))
    with capture_logs() as events:
        job.refused(ProbeError, probe=_refuse)
    assert [event["event"] for event in events] == ["rotator.mint_questioned"]


def _refuse(_: AccessToken) -> str | None:
    raise ProbeError("API: rejects the new token", status=401)
