"""What holds for every provider whose client secrets can be rotated: one suite for all."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import ClientAdminError, ConfigError, CredentialsError, MintError
from rotator.model.access_token import Minted
from rotator.model.client_admin import ADMIN_KINDS
from rotator.model.client_credentials import ClientCredentials
from tests.support.secret_providers import (
    FAKES,
    FIRST_VALUE,
    OVERLAPPING,
    FakeAuth0,
    FakeOkta,
    SecretFake,
    is_management_scope,
)
from tests.support.secret_world import (
    CREDENTIALS,
    LOST_RESPONSE,
    TOKEN,
    SecretEndpoint,
    SecretWorld,
    each_limited,
    each_overlapping,
    rotate_to_the_end,
)

Make = type[SecretFake]
STEP_HOURS = 6


@pytest.fixture(params=FAKES, ids=lambda fake: fake.KIND)
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


def test_every_kind_has_a_fake() -> None:
    assert {fake.KIND for fake in FAKES} == ADMIN_KINDS.keys()


def test_rotation_ends_with_a_new_client_secret_alone(make: Make) -> None:
    world = SecretWorld(make)

    assert world.rotate().outcome == "started"
    assert rotate_to_the_end(world) == "finished"

    [value] = world.stored
    assert value != FIRST_VALUE
    assert world.fake.accepts(value)
    assert world.fake.accepts(FIRST_VALUE) is None
    assert world.state["step"] == "done"
    world.pass_time(hours=48)  # the job goes on


def test_one_secret_for_both_keeps_its_token(make: Make) -> None:
    world = SecretWorld(make, token_secret=CREDENTIALS, token_secrets=None)

    assert rotate_to_the_end(world) == "finished"

    [value] = world.stored
    assert world.fake.accepts(value)
    assert world.store.fields(CREDENTIALS)["access_token"]


def test_job_goes_on_after_each_step_while_the_provider_lags(make: Make) -> None:
    world = SecretWorld(make)
    world.fake.lag = timedelta(seconds=90)

    world.rotate()
    assert world.job() in {"not_due", "rotated"}
    world.pass_time(hours=24)

    assert world.has_working_secret()
    assert world.stored[-1] == FIRST_VALUE


@pytest.mark.parametrize("code", [None, "invalid_scope"], ids=["a page of a proxy", "the scope"])
def test_failure_that_is_not_about_the_new_value_gives_no_advice_to_delete_it(
    make: Make, code: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = SecretWorld(make)
    mint = SecretEndpoint.mint

    def refuse(self: SecretEndpoint, credentials: ClientCredentials) -> Minted:
        is_management = is_management_scope(credentials.scope or "")
        if is_management or credentials.client_id != world.fake.client_id:
            return mint(self, credentials)
        raise MintError("token endpoint: no token", status=400 if code else 200, oauth_error=code)

    monkeypatch.setattr(SecretEndpoint, "mint", refuse)
    said = str(world.refused(MintError))
    monkeypatch.undo()

    assert "could not be tried" in said
    assert "delete" not in said
    assert world.rotate().outcome in {"started", "waiting", "finished"}
    assert world.has_working_secret()


def test_value_that_is_never_accepted_costs_nothing(make: Make) -> None:
    world = SecretWorld(make)
    world.fake.lag = timedelta(days=30)

    said = str(world.refused(MintError))

    assert "does not accept the new client secret" in said
    assert "the old one is kept" in said
    assert sum(world.clock.slept_s) <= 120
    assert world.stored[1:] == [FIRST_VALUE]
    world.pass_time(hours=24)
    assert "at the provider" in str(world.refused(MintError))
    world.pass_time(hours=24)


def test_management_credentials_without_the_right_cost_nothing(make: Make) -> None:
    world = SecretWorld(make)
    world.fake.is_allowed = False

    said = str(world.refused(ClientAdminError))

    assert "HTTP 403" in said
    assert "; grant " in said
    if make is FakeAuth0:  # which may have set it all the same
        assert world.stored[1:] == [FIRST_VALUE]
    else:
        assert world.stored == [FIRST_VALUE]
        assert world.knows_nothing
    world.fake.is_allowed = True
    assert world.rotate().outcome == "started"
    assert len(world.stored) == 2


@pytest.mark.parametrize("fake", [f for f in FAKES if f.KIND != "okta"], ids=lambda f: f.KIND)
@pytest.mark.parametrize("count", [1, 2])
def test_complete_lock_out_says_what_was_tried_and_the_way_out(fake: Make, count: int) -> None:
    values = [FIRST_VALUE, "canary-another"][:count]
    world = SecretWorld(fake, client_secret=values)
    world.fake.secrets.clear()

    said = str(world.refused(MintError if fake is FakeAuth0 else ClientAdminError))

    if fake is FakeAuth0:  # which has no list, so that the stored one is tried at once
        which = "its client secret is not" if count == 1 else "none of its client secrets is"
        assert f"credentials secret {CREDENTIALS}: {which} accepted" in said
    else:
        which = "the client secret" if count == 1 else "none of the client secrets"
        assert f"no management token: {which} in {CREDENTIALS} is " in said
    assert said.count("refused") == 1
    assert world.knows_nothing
    assert f"`rotator credentials set {CREDENTIALS}`" in said
    heading = said.partition('client-secrets.md, "')[2].partition('"')[0]
    assert f"### {heading}\n" in Path("docs/client-secrets.md").read_text("utf-8")


def test_key_that_is_refused_is_no_lock_out_of_client_secrets() -> None:
    world = SecretWorld(FakeOkta)
    key = {
        "client_id": world.fake.client_id,
        "private_key": "canary-key",
        "token_url": "https://a/t",
        "admin_of": CREDENTIALS,
    }
    world.store.add("app/management", key)

    assert "the key in app/management was refused" in str(world.refused(ClientAdminError))


def test_dry_run_changes_nothing(make: Make) -> None:
    world = SecretWorld(make)
    before = dict(world.store.secrets[CREDENTIALS].versions)

    result = world.rotate(dry_run=True)

    assert result.outcome == "would_change"
    assert world.store.secrets[CREDENTIALS].versions == before
    assert [request.method for request in world.requests] in ([], ["GET"])


def test_no_secret_is_in_a_result(make: Make) -> None:
    world = SecretWorld(make)
    results = [world.rotate()]
    world.pass_time(hours=1)
    results.append(world.rotate())

    assert "canary" not in repr(results)


def test_management_token_is_never_stored(make: Make) -> None:
    world = SecretWorld(make)
    assert rotate_to_the_end(world) == "finished"

    texts = [text for secret in world.store.secrets.values() for text in secret.versions.values()]
    assert not [text for text in texts if "management-token" in text]


def test_young_client_secret_is_not_due(make: Make) -> None:
    world = SecretWorld(make)
    assert rotate_to_the_end(world) == "finished"

    result = world.rotate(max_age=timedelta(days=90))

    assert result.outcome == "not_due"
    world.clock.advance(timedelta(days=90).total_seconds())
    world.job()
    assert world.rotate(max_age=timedelta(days=90)).outcome == "started"


def test_client_secret_that_somebody_stored_meanwhile_is_believed(make: Make) -> None:
    world = SecretWorld(make)
    world.rotate()
    fields = world.store.fields(CREDENTIALS) | {"client_secret": FIRST_VALUE}
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "by-hand")
    if not world.fake.accepts(FIRST_VALUE):  # where the new one has replaced it
        world.fake.make(FIRST_VALUE)

    assert world.rotate().outcome == "abandoned"
    assert world.stored == [FIRST_VALUE]
    # As before the rotation: which one is stored is known where nobody has chosen its value.
    assert world.state.get("step", "done") == "done"


def test_edit_that_somebody_makes_meanwhile_is_kept(make: Make) -> None:
    world = SecretWorld(make)

    def edit(method: str) -> None:
        if method != "GET":
            fields = world.store.fields(CREDENTIALS) | {"notes": "theirs"}
            world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "edited-by-hand")

    world.fake.before = edit
    world.rotate()

    assert world.store.fields(CREDENTIALS)["notes"] == "theirs"
    assert len(world.stored) == 2


def test_adobes_own_keys_become_the_formats(make: Make) -> None:
    world = SecretWorld(make, client_secret=None, CLIENT_SECRETS=[FIRST_VALUE])

    world.rotate()

    assert "CLIENT_SECRETS" not in world.store.fields(CREDENTIALS)
    assert world.stored[1:] == [FIRST_VALUE]


def test_credentials_that_name_no_interface_say_how_to(make: Make) -> None:
    world = SecretWorld(make, client_admin=None)

    assert "client_admin" in str(world.refused(ConfigError))


def test_wrong_settings_name_the_field_and_cost_no_token(make: Make) -> None:
    world = SecretWorld(make, client_admin={"kind": "nobody"}, client_secret_rotation="junk")

    assert "client_admin: kind is unknown" in str(world.refused(CredentialsError))
    world.pass_time(hours=24)


@pytest.mark.parametrize("body", ["<html>", "{}", "[7]", '{"client_secrets": 3}', ""])
@each_overlapping
def test_response_that_is_not_the_documented_one_is_refused(make: Make, body: str) -> None:
    world = SecretWorld(make)
    world.fake.respond = lambda *_: (200, body)  # type: ignore[method-assign]

    assert "is not the documented one" in str(world.refused(ClientAdminError))


# --- Where the old one can live beside the new one -----------------------------------------------


@pytest.fixture(params=OVERLAPPING, ids=lambda fake: fake.KIND)
def overlapping(request: pytest.FixtureRequest) -> SecretWorld:
    return SecretWorld(request.param)


def test_old_client_secret_works_for_the_whole_overlap(overlapping: SecretWorld) -> None:
    overlapping.rotate()
    for _ in range(11):
        overlapping.pass_time(hours=STEP_HOURS)
        assert overlapping.rotate().outcome == "waiting"
        assert overlapping.fake.accepts(FIRST_VALUE)


def test_client_secret_of_somebody_else_is_never_deleted(overlapping: SecretWorld) -> None:
    overlapping.rotate(overlap=timedelta(hours=1))
    foreign = overlapping.fake.make("canary-foreign", label="somebody's")

    assert rotate_to_the_end(overlapping, overlap=timedelta(hours=1)) == "finished"

    assert overlapping.fake.accepts(foreign.value)


@each_limited
def test_two_unknown_client_secrets_are_named(make: Make) -> None:
    world = SecretWorld(make)
    foreign = world.fake.make("canary-foreign")

    said = str(world.refused(ConfigError))

    assert foreign.id in said
    assert "delete at the provider those that nobody uses" in said
    assert len(world.fake.secrets) == 2


@each_limited
def test_full_house_after_a_rotation_names_the_other_one(make: Make) -> None:
    world = SecretWorld(make)
    assert rotate_to_the_end(world) == "finished"
    foreign = world.fake.make("canary-foreign")

    said = str(world.refused(ConfigError))

    assert foreign.id in said
    assert "has no room" in said
    assert world.fake.accepts(foreign.value)


def test_new_client_secret_that_is_gone_is_dropped(overlapping: SecretWorld) -> None:
    overlapping.rotate()
    del overlapping.fake.secrets[overlapping.state["new"]["id"]]
    overlapping.pass_time(hours=24)

    assert overlapping.rotate().outcome == "reverted"
    assert overlapping.stored == [FIRST_VALUE]


def test_list_that_lags_costs_no_new_client_secret(overlapping: SecretWorld) -> None:
    overlapping.rotate()
    kept = overlapping.fake.secrets.pop(overlapping.state["new"]["id"])

    said = str(overlapping.refused(ClientAdminError))

    assert kept.id in said
    assert len(overlapping.stored) == 2


def test_old_client_secret_that_somebody_deleted_is_dropped(overlapping: SecretWorld) -> None:
    overlapping.rotate()
    del overlapping.fake.secrets[overlapping.state["old"]["id"]]

    assert overlapping.rotate().outcome == "finished"
    assert FIRST_VALUE not in overlapping.stored


def test_token_secret_is_the_only_one_that_consumers_see(overlapping: SecretWorld) -> None:
    assert rotate_to_the_end(overlapping) == "finished"

    assert "client_secret" not in overlapping.store.fields(TOKEN)


def test_refusal_after_a_lost_response_keeps_the_value_that_may_be_set() -> None:
    world = SecretWorld(FakeAuth0)
    world.fake.lag = timedelta(seconds=15)
    calls = len(world.outside.calls)
    probe = SecretWorld(FakeAuth0)
    probe.rotate()
    at = next(n for n, name in enumerate(probe.outside.calls) if name.startswith("PATCH"))
    world.outside.plan = {calls + at: LOST_RESPONSE}
    world.refused(ClientAdminError)
    world.fake.is_allowed = False

    world.refused(ClientAdminError)

    world.clock.advance(15)
    assert world.has_working_secret()
    assert world.fake.accepts(FIRST_VALUE) is None
