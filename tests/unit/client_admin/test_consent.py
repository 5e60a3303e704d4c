"""Credentials make management calls only for the credentials secrets that they name themselves."""

import json

import pytest

from rotator.errors import ConfigError
from tests.support.secret_providers import FakeOkta
from tests.support.secret_world import SecretWorld

MANAGEMENT = "app/management"


def world_in_which_management_is(admin_of: object) -> tuple[SecretWorld, list[str]]:
    """Management credentials with this consent, and the calls that the provider gets."""
    world = SecretWorld(FakeOkta)
    fields = world.store.fields(MANAGEMENT) | {"admin_of": admin_of}
    world.store.secrets[MANAGEMENT].publish(json.dumps(fields), "with-this-consent")
    asked: list[str] = []
    world.fake.before = asked.append
    return world, asked


@pytest.mark.parametrize("admin_of", [None, "app/other", ["app/credentials/*", "app/cred"]])
def test_credentials_that_do_not_agree_make_no_management_call(admin_of: object) -> None:
    world, asked = world_in_which_management_is(admin_of)

    with pytest.raises(ConfigError) as caught:
        world.rotate()

    assert asked == []
    assert "credentials secret app/management: does not name app/credentials" in str(caught.value)
    assert "rotator credentials set app/management" in str(caught.value)


@pytest.mark.parametrize("admin_of", ["app/credentials", ["app/other", "app/*"]])
def test_credentials_that_agree_make_management_calls(admin_of: object) -> None:
    world, asked = world_in_which_management_is(admin_of)

    world.rotate()

    assert asked
