"""The trial of the old client secret before its end: the provider counts it, the gate doesn't."""

from datetime import timedelta

import pytest

from rotator.errors import ClientAdminError
from rotator.transport.bounded import HttpResponse
from rotator.transport.request import HttpRequest
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, KeptSecret
from tests.support.secret_world import SecretWorld

OLD = "adobe-secret-1"


def refuse_deletes(world: SecretWorld, status: int) -> None:
    send = world.send

    def refuse(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status, {}, b"{}") if request.method == "DELETE" else send(request)

    world.send = refuse  # type: ignore[method-assign]


def old_of(world: SecretWorld) -> KeptSecret:
    return world.fake.secrets[OLD]


@pytest.mark.parametrize(("status", "retryable"), [(403, False), (500, True)])
def test_delete_that_fails_is_named_by_each_run_until_it_succeeds(
    status: int, *, retryable: bool
) -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    refuse_deletes(world, status)

    for _ in range(4):
        error = world.refused(ClientAdminError, f"refused to delete a client secret .HTTP {status}")
        assert error.retryable is retryable
        world.pass_time(hours=6)
    assert world.fake.accepts(FIRST_VALUE)

    vars(world).pop("send")
    assert world.rotate().outcome == "finished"
    assert OLD not in world.fake.secrets


@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=3)])
def test_use_by_somebody_after_the_trial_keeps_the_old_one(later: timedelta) -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    refuse_deletes(world, 500)
    world.refused(ClientAdminError)
    vars(world).pop("send")
    old_of(world).used_at = world.clock.now() + later
    world.pass_time(hours=4)

    result = world.rotate()

    assert result.outcome == "waiting"
    assert [each.name for each in result.gate if not each.is_met] == ["not_used"]
    assert OLD in world.fake.secrets
    world.pass_time(hours=24)  # one token lifetime
    assert world.rotate().outcome == "finished"


def test_use_by_somebody_before_the_trial_keeps_the_old_one() -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    refuse_deletes(world, 500)
    world.refused(ClientAdminError)
    vars(world).pop("send")
    old_of(world).used_at = world.clock.now() - timedelta(minutes=1)

    assert world.rotate().outcome == "waiting"


def test_dry_run_says_that_the_use_was_a_trial() -> None:
    world = SecretWorld(FakeAdobe).open_gate()
    refuse_deletes(world, 403)
    world.refused(ClientAdminError)

    result = world.rotate(dry_run=True)

    assert result.outcome == "would_change"
    [reason] = [each.reason for each in result.gate if each.name == "not_used"]
    assert reason.endswith(", when a run tried it")
