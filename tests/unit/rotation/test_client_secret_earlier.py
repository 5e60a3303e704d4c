"""No stored client secret is accepted, and an earlier version of the credentials has one that is.

Somebody has stored a mistyped value, or what they had read before the rotation. That version is
the only place where the working client secret still is: no run may take AWSPREVIOUS off it, or
advise to delete it at the provider, and the error says how to go back to it.
"""

import json
import re

import pytest

from rotator.cli.exit_codes import EXIT_CONFIGURATION, EXIT_REFUSED, exit_code
from rotator.errors import ClientAdminError, ConfigError, MintError, VersionConflict
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, FakeAuth0, FakeOkta, SecretFake
from tests.support.secret_world import (
    CREDENTIALS,
    TOKEN,
    SecretWorld,
    each_kind,
    each_overlapping,
    rotate_to_the_end,
)

Make = type[SecretFake]
MISTYPED = "mistyped-canary-value"


def follow(world: SecretWorld, text: str) -> None:
    """Run the command in a message, as Secrets Manager would.

    RemoveFromVersionId has to have the label (API reference, UpdateSecretVersionStage).
    """
    [command] = re.findall(r"`aws secretsmanager update-secret-version-stage ([^`]*)`", text)
    options = dict(zip(command.split()[::2], command.split()[1::2], strict=True))
    secret = world.store.secrets[options["--secret-id"]]
    assert options["--version-stage"] == "AWSCURRENT"
    assert options["--remove-from-version-id"] == secret.current
    world.move_back(options["--move-to-version-id"])


@each_kind
@pytest.mark.parametrize("dry_run", [True, False])
def test_rotation_is_not_abandoned_while_no_stored_client_secret_is_accepted(
    make: Make, *, dry_run: bool
) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    working = world.store.secrets[CREDENTIALS].current
    world.store_by_hand(MISTYPED)
    before = dict(world.store.secrets[CREDENTIALS].versions)

    error = world.refused(MintError, "nothing was changed", dry_run=dry_run)

    assert exit_code(error) == EXIT_REFUSED
    assert f"make version {working} (AWSPREVIOUS) current again" in str(error)
    assert "delete" not in str(error)
    assert world.store.secrets[CREDENTIALS].versions == before
    assert world.store.secrets[CREDENTIALS].previous == working
    follow(world, str(error))
    assert world.has_working_secret()
    assert world.rotate().outcome == "waiting"


def test_working_client_secret_that_was_taken_out_at_auth0_is_not_forgotten() -> None:
    world = SecretWorld.managed(FakeAuth0)
    world.rotate()
    world.store_by_hand(FIRST_VALUE)  # the old one, which Auth0 has replaced

    error = world.refused(MintError)

    follow(world, str(error))
    assert world.job() in {"rotated", "not_due"}


@each_kind
def test_value_from_before_the_rotation_that_is_stored_over_it_names_the_version_to_return_to(
    make: Make,
) -> None:
    world = SecretWorld.managed(make)
    before = world.store.fields(CREDENTIALS)
    assert rotate_to_the_end(world) == "finished"
    secret = world.store.secrets[CREDENTIALS]
    last = secret.current
    secret.publish(json.dumps(before), "stored-by-the-sdk")

    error = world.refused(MintError, '"No stored client secret is accepted"')

    assert f"make version {last} (AWSPREVIOUS) current again" in str(error)
    follow(world, str(error))
    assert world.rotate(dry_run=True).outcome == "would_change"


def test_two_edits_over_a_rotation_name_the_version_that_minted_the_token() -> None:
    world = SecretWorld(FakeAuth0)
    before = world.store.fields(CREDENTIALS)
    world.rotate()
    world.pass_time(hours=24)
    minted_with = world.store.fields(TOKEN)["credentials_version_id"]
    secret = world.store.secrets[CREDENTIALS]
    secret.publish(json.dumps(before), "first-edit")
    secret.publish(json.dumps(before | {"resource": "https://api.example"}), "second-edit")

    error = world.refused(MintError)

    assert f"make version {minted_with} current again" in str(error)
    follow(world, str(error))
    assert world.has_working_secret()


def test_refused_management_token_names_the_version_to_return_to() -> None:
    """At Adobe the client itself asks for the management token, so that its list isn't read."""
    world = SecretWorld(FakeAdobe)
    world.rotate()
    world.store_by_hand(MISTYPED)

    error = world.refused(ClientAdminError, "no management token")

    assert exit_code(error) == EXIT_REFUSED
    follow(world, str(error))
    assert world.rotate().outcome == "waiting"


@each_overlapping
def test_earlier_version_whose_client_secrets_are_refused_too_is_not_named(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    world.store_by_hand(MISTYPED)
    world.fake.secrets.clear()
    world.fake.make("made-canary-for-another-use")

    error = world.refused(MintError, "To recover, make a client secret in the provider's console")

    assert "update-secret-version-stage" not in str(error)


def test_edit_where_nothing_may_be_minted_is_believed_once_a_token_shows_that_it_works() -> None:
    world = SecretWorld.managed(FakeOkta, single_active=True)
    world.rotate()
    kept = world.store.secrets[CREDENTIALS].current
    world.store_by_hand(MISTYPED)

    error = world.refused(ConfigError, "no stored token was minted with them yet")

    assert exit_code(error) == EXIT_CONFIGURATION
    assert "rotator run --credentials-secret app/credentials --token-secret app/token" in str(error)
    assert world.store.secrets[CREDENTIALS].previous == kept
    world.fake.make(MISTYPED)
    world.clock.advance(24 * 3600)
    assert world.job() == "rotated"
    assert world.rotate().outcome == "abandoned"


@each_overlapping
def test_other_client_secrets_that_are_stored_during_a_run_are_not_written_over(
    make: Make,
) -> None:
    """The run would take AWSPREVIOUS off the version whose client secrets it has just tried."""
    world = SecretWorld.managed(make)
    world.rotate()
    world.pass_time(hours=30)
    working, read = world.store.secrets[CREDENTIALS].current, world.store.read

    def store_after_the_token_is_read(*names: str) -> object:
        found = read(*names)
        if TOKEN in names and MISTYPED not in world.stored:
            world.store_by_hand(MISTYPED)
        return found

    world.store.read = store_after_the_token_is_read  # type: ignore[assignment, method-assign]
    error = world.refused(VersionConflict, "somebody has stored other client secrets meanwhile")

    assert error.retryable
    assert world.store.secrets[CREDENTIALS].previous == working


@each_overlapping
@pytest.mark.parametrize("edit", ["swapped digests", "no digest"])
def test_state_edited_by_hand_leads_to_no_advice_to_delete_the_one_in_use(
    make: Make, edit: str
) -> None:
    world = SecretWorld.managed(make)
    world.rotate()
    state = world.state
    if edit == "no digest":
        del state["new_digest"]
    else:
        state["new_digest"], state["old_digest"] = state["old_digest"], state["new_digest"]
    fields = world.store.fields(CREDENTIALS) | {"client_secret_rotation": state}
    world.store.secrets[CREDENTIALS].publish(json.dumps(fields), "edited-by-hand")

    summary = world.rotate().summary

    assert make.secret_id(2) in summary
    assert "only if the credentials do not hold it: find that out first" in summary
