"""Credentials make management calls only for the credentials secrets that they name themselves."""

import json

import pytest

from rotator.errors import ConfigError
from tests.support.secret_providers import FakeOkta
from tests.support.secret_world import SecretWorld

MANAGEMENT = "app/management"


@pytest.mark.parametrize("admin_of", [None, "app/other", ["app/credentials/*", "app/cred"]])
def test_credentials_that_do_not_agree_make_no_management_call(admin_of: object) -> None:
    world = SecretWorld(FakeOkta)
    fields = world.store.fields(MANAGEMENT) | {"admin_of": admin_of}
    world.store.secrets[MANAGEMENT].publish(json.dumps(fields), "without-consent")
    asked: list[str] = []
    world.fake.before = asked.append

    with pytest.raises(ConfigError) as caught:
        world.rotate()

    assert asked == []
    assert "credentials secret app/management: does not name app/credentials" in str(caught.value)
    assert "rotator credentials set app/management" in str(caught.value)


@pytest.mark.parametrize("admin_of", ["app/credentials", ["app/other", "app/*"]])
def test_credentials_that_agree_make_management_calls(admin_of: object) -> None:
    world = SecretWorld(FakeOkta)
    fields = world.store.fields(MANAGEMENT) | {"admin_of": admin_of}
    world.store.secrets[MANAGEMENT].publish(json.dumps(fields), "with-consent")
    asked: list[str] = []
    world.fake.before = asked.append

    world.rotate()

    assert asked
