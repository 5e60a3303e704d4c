"""The state machine and its gate: each condition closes it alone, and what was lost settles."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import ClientAdminError, MintError, StoreError, VersionConflict
from rotator.rotation.secret_result import SecretRotationResult
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, FakeEntraId, FakeOkta
from tests.support.secret_world import CREDENTIALS, LOST_RESPONSE, TOKEN, SecretWorld

DAY_H = 24


def unmet(result: SecretRotationResult) -> set[str]:
    return {each.name for each in result.gate if not each.is_met}


def test_gate_opens_when_every_condition_is_met() -> None:
    world = SecretWorld(FakeAdobe).open_gate()

    result = world.rotate(dry_run=True)

    assert result.outcome == "would_change"
    assert {each.name for each in result.gate} == {
        "minted_with_new",
        "stored",
        "old_tokens_expired",
        "not_used",
        "overlap",
    }
    assert unmet(result) == set()
    assert world.rotate().outcome == "finished"


def test_overlap_alone_closes_the_gate() -> None:
    assert unmet(SecretWorld(FakeAdobe).open_gate().rotate(overlap=timedelta(days=30))) == {
        "overlap"
    }


def test_use_that_the_provider_has_seen_closes_the_gate() -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    world.fake.secrets["adobe-secret-1"].used_at = world.clock.now() - timedelta(hours=23)

    result = world.rotate()

    assert unmet(result) == {"not_used"}
    [reason] = [each.reason for each in result.gate if not each.is_met]
    assert "find out who else uses the old one" in reason
    assert world.fake.accepts(FIRST_VALUE)
    world.pass_time(hours=2)
    assert world.rotate().outcome == "finished"


def test_token_that_the_old_client_secret_minted_closes_the_gate() -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    [new] = [kept for kept in world.fake.secrets.values() if kept.id != "adobe-secret-1"]
    new.is_active = False  # a server that doesn't know it
    world.clock.advance(DAY_H * 3600)
    world.job()
    new.is_active = True
    world.fake.secrets["adobe-secret-1"].used_at = None

    result = world.rotate()

    assert unmet(result) == {"minted_with_new"}
    [said] = [each.reason for each in result.gate if not each.is_met]
    assert TOKEN in said
    assert "was not minted with the new client secret" in said


def test_tokens_of_the_old_client_secret_have_to_expire_first() -> None:
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.pass_time(hours=DAY_H)  # the job has minted with the new one after 23 hours
    world.fake.secrets["adobe-secret-1"].used_at = None

    result = world.rotate(overlap=timedelta(hours=1))
    assert unmet(result) == {"old_tokens_expired"}

    world.pass_time(hours=22)  # 23 hours after the mint
    assert unmet(world.rotate(overlap=timedelta(hours=1))) == {"old_tokens_expired"}
    world.pass_time(hours=2)
    assert world.rotate(overlap=timedelta(hours=1)).outcome == "finished"


def test_patterns_alone_delete_nothing() -> None:
    world = SecretWorld(FakeAdobe, token_secrets=["app/*"]).open_gate()

    result = world.rotate()

    assert unmet(result) == {"token_secrets"}
    assert "--token-secret" in next(each.reason for each in result.gate if not each.is_met)
    assert world.rotate(token_secrets=(TOKEN,)).outcome == "waiting"  # first seen only now
    world.pass_time(hours=DAY_H)
    assert world.rotate(token_secrets=(TOKEN,)).outcome == "finished"


def test_pattern_beside_an_exact_name_deletes_nothing() -> None:
    world = SecretWorld(FakeAdobe, token_secrets=[TOKEN, "app/more/*"]).open_gate()

    assert unmet(world.rotate()) == {"token_secrets"}
    assert world.rotate(token_secrets=(TOKEN,)).outcome == "finished"


def test_no_token_secret_at_all_deletes_nothing() -> None:
    assert unmet(SecretWorld(FakeAdobe, token_secrets=None).open_gate().rotate()) == {
        "token_secrets"
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"credentials_version_id": None}, "does not say which client secret minted it"),
        ({"client_secret_position": 7}, "was not minted with the new client secret"),
        (
            {"credentials_version_id": "gone"},
            " --credentials-secret app/credentials --token-secret app/token --force`",
        ),
        ({"client_id": "somebody"}, "another client"),
        ({"access_token": None}, "holds no token"),
    ],
)
def test_token_without_proof_closes_the_gate(change: dict[str, Any], said: str) -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    fields = {**world.store.fields(TOKEN), **change}
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    world.store.secrets[TOKEN].publish(text, "changed")

    result = world.rotate()

    assert unmet(result) == {"minted_with_new"}
    assert said in next(each.reason for each in result.gate if not each.is_met)


def test_job_that_is_not_running_closes_the_gate() -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    world.clock.advance(3 * DAY_H * 3600)

    result = world.rotate()

    assert "the job is not running" in next(e.reason for e in result.gate if not e.is_met)


def test_token_secret_that_is_gone_closes_the_gate() -> None:
    world = SecretWorld(FakeAdobe, token_secrets=[TOKEN, "app/gone"]).open_gate()

    assert unmet(world.rotate()) == {"minted_with_new"}


def test_okta_switches_off_before_it_deletes() -> None:
    world = SecretWorld(FakeOkta)
    world.rotate()
    for _ in range(12):
        world.pass_time(hours=6)
        result = world.rotate()
    assert result.outcome == "retired"
    assert not world.fake.secrets["okta-secret-1"].is_active

    world.fake.secrets["okta-secret-1"].is_active = True  # somebody needs it
    world.pass_time(hours=DAY_H + 1)
    assert unmet(world.rotate()) == {"switched_off"}

    world.fake.secrets["okta-secret-1"].is_active = False
    assert world.rotate().outcome == "finished"


def test_entra_id_replaces_what_ends_soon() -> None:
    world = SecretWorld(FakeEntraId)
    first = world.fake.secrets[FakeEntraId.secret_id(1)]
    first.ends_at = world.clock.now() + timedelta(days=18)
    assert world.rotate(max_age=timedelta(days=900)).outcome == "not_due"

    first.ends_at = world.clock.now() + timedelta(days=16)
    assert world.rotate(max_age=timedelta(days=900)).outcome == "started"
    ends = world.state["new"]["expires_at"]
    assert ends == (world.clock.now() + timedelta(days=180)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_age_is_stored_for_those_who_may_not_ask_the_provider() -> None:
    world = SecretWorld(FakeAdobe)

    assert world.rotate(max_age=timedelta(days=900)).outcome == "not_due"

    created_at = (world.clock.now() - timedelta(days=200)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert world.state["new"] == {"id": "adobe-secret-1", "created_at": created_at}
    written = len(world.store.writes)
    world.rotate(max_age=timedelta(days=900))
    assert len(world.store.writes) == written


def test_refused_add_leaves_no_intent() -> None:
    world = SecretWorld(FakeAdobe)

    def forbid(method: str) -> None:
        world.fake.is_allowed = method == "GET"

    world.fake.before = forbid
    world.refused(ClientAdminError, "HTTP 403")

    assert world.knows_nothing


@pytest.mark.parametrize("status", [408, 500, 503])
def test_failure_that_may_have_come_too_late_keeps_the_intent(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = SecretWorld(FakeAdobe)

    def forbid(method: str) -> None:
        world.fake.is_allowed = method == "GET"

    world.fake.before = forbid

    def fail(_: int) -> tuple[int, object]:
        return status, {}

    monkeypatch.setattr(world.fake, "refuse", fail)
    world.refused(ClientAdminError, f"HTTP {status}")

    assert world.state["step"] == "adding"
    assert world.stored == [FIRST_VALUE]


def test_two_runs_at_once_add_one_client_secret() -> None:
    world = SecretWorld(FakeAdobe)
    rival: list[BaseException] = []

    def meet(method: str) -> None:
        if method == "POST" and not rival:
            with pytest.raises(StoreError) as caught:
                world.rotate()
            rival.append(caught.value)

    world.fake.before = meet

    assert world.rotate().outcome == "started"
    assert len(world.fake.secrets) == 2
    assert len(world.stored) == 2


def test_run_that_another_has_overtaken_says_so() -> None:
    world = SecretWorld(FakeAdobe)

    def overtake() -> None:
        world.store.before_put = []
        world.rotate()

    world.store.before_put = [overtake]
    world.refused(VersionConflict, "another run")
    assert world.has_working_secret()


def test_lost_response_to_the_delete_settles() -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    calls = len(world.outside.calls)
    probe = SecretWorld(FakeAdobe).open_gate()
    probe.rotate()
    at = next(
        n for n, name in enumerate(probe.outside.calls) if n >= calls and name.startswith("DELETE")
    )
    world.outside.plan = {at: LOST_RESPONSE}

    world.refused(ClientAdminError, "no response in time")
    assert FIRST_VALUE in world.stored

    assert world.rotate().outcome == "finished"
    assert FIRST_VALUE not in world.stored


def test_new_client_secret_that_is_refused_at_the_end_keeps_the_old_one() -> None:
    world = SecretWorld(FakeEntraId)
    world.rotate()
    for _ in range(13):
        world.pass_time(hours=6)
        world.rotate(overlap=timedelta(days=3000))
    world.fake.secrets[FakeEntraId.secret_id(2)].is_active = False

    world.refused(MintError, "the old one is kept")

    assert world.fake.accepts(FIRST_VALUE)
    assert world.stored[1:] == [FIRST_VALUE]


def test_value_of_a_deleted_client_secret_stays_while_the_new_one_is_still_refused() -> None:
    world = SecretWorld(FakeOkta)
    world.rotate()
    world.fake.secrets["okta-secret-2"].works_at += timedelta(days=9)
    kept = world.fake.secrets.pop("okta-secret-1")

    world.refused(MintError, "the old one is kept")

    world.fake.secrets[kept.id] = kept  # the provider's list was wrong
    assert world.has_working_secret()


def test_nothing_is_minted_where_that_ends_the_stored_token() -> None:
    world = SecretWorld(FakeOkta, single_active=True)
    minted = world.endpoint.minted

    world.rotate()

    assert world.endpoint.minted == minted
    assert world.store.fields(CREDENTIALS)["client_secret"][1] == FIRST_VALUE
