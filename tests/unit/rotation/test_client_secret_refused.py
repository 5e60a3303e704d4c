"""Requests that change client secrets and are answered with a refusal, applied or not.

A proxy can replace the provider's response, so that a status proves nothing: at the provider with
one client secret the token endpoint decides which value works, elsewhere the list does.
"""

import json
from datetime import timedelta
from functools import partial

import pytest

from rotator.errors import ClientAdminError, MintError, StoreError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.transport.bounded import HttpResponse
from rotator.transport.request import HttpRequest
from tests.support.secret_providers import (
    FIRST_VALUE,
    FakeAuth0,
    FakeEntraId,
    FakeOkta,
    SecretFake,
    is_management_scope,
)
from tests.support.secret_world import (
    SecretWorld,
    each_limited,
    each_overlapping,
    rotate_to_the_end,
)

Make = type[SecretFake]
PAGE = b"<html>Blocked by data loss prevention</html>"
# The last one is what Auth0's reference documents; the others come from something in between.
ANSWERS = [
    (400, b'{"message": "no"}'),
    (401, b'{"message": "expired"}'),
    (403, PAGE),
    (403, b'{"error": "x"}'),
    (404, PAGE),
    (409, b'{"message": "conflict"}'),
    (422, PAGE),
    (429, b'{"message": "slow down"}'),
    (502, PAGE),
    (200, PAGE),
    (403, b'{"statusCode": 403, "error": "Forbidden", "errorCode": "insufficient_scope"}'),
]


def replace_response(
    world: SecretWorld, *methods: str, status: int = 403, body: bytes = PAGE
) -> None:
    """A proxy passes requests of these methods on, and answers them so."""
    send = type(world).send

    def answer(request: HttpRequest) -> HttpResponse:
        response = send(world, request)
        return HttpResponse(status, {}, body) if request.method in methods else response

    world.send = answer  # type: ignore[method-assign]


def stop_replacing(world: SecretWorld) -> None:
    del world.send


@pytest.mark.parametrize(("status", "body"), ANSWERS)
@pytest.mark.parametrize("lag_s", [0, 30])
def test_value_that_was_set_though_the_response_refuses_is_kept(
    status: int, body: bytes, lag_s: int
) -> None:
    world = SecretWorld(FakeAuth0)
    world.fake.lag = timedelta(seconds=lag_s)
    replace_response(world, "PATCH", status=status, body=body)

    if lag_s:
        error = world.refused(ClientAdminError, f"HTTP {status}")
        assert "stays stored with the old one behind it" in str(error)
    else:  # the token endpoint says at once that it works
        assert world.rotate().outcome == "started"

    world.clock.advance(lag_s)
    assert world.has_working_secret()
    assert world.stored[1:] == [FIRST_VALUE]
    stop_replacing(world)
    assert rotate_to_the_end(world) == "finished"
    assert [
        each.value for each in world.fake.secrets.values() if each.ends_at is None
    ] == world.stored


def test_refusal_of_auth0_is_told_at_once_and_the_next_run_sets_the_same_value() -> None:
    world = SecretWorld(FakeAuth0)
    world.fake.is_allowed = False
    error = world.refused(ClientAdminError, "HTTP 403: .*auth0 says no.*; grant the scopes")
    assert not error.retryable
    assert world.clock.slept_s == []
    stored = world.stored
    world.pass_time(hours=24)  # the job mints with the old one

    world.fake.is_allowed = True

    assert world.rotate().outcome == "started"
    assert world.stored == stored


def test_management_token_that_is_refused_leaves_the_stored_ones_as_they_were() -> None:
    world = SecretWorld(FakeAuth0)
    mint = partial(type(world.endpoint).mint, world.endpoint)

    def refuse(credentials: ClientCredentials) -> Minted:
        if is_management_scope(credentials.scope or ""):
            raise MintError("token endpoint: no", status=403, oauth_error="access_denied")
        return mint(credentials)

    world.endpoint.mint = refuse  # type: ignore[method-assign]

    world.refused(ClientAdminError, "no management token")

    assert world.stored == [FIRST_VALUE]
    assert world.knows_nothing


@each_limited
def test_client_secret_that_was_made_though_a_proxy_refuses_is_deleted_by_a_later_run(
    make: Make,
) -> None:
    world = SecretWorld.managed(make)
    replace_response(world, "POST")
    error = world.refused(ClientAdminError, "HTTP 403")
    assert "a run from 2026-01-31T09:05:00Z on deletes it and begins anew" in str(error)
    stop_replacing(world)
    assert world.state["step"] == "adding"
    world.refused(StoreError, "has not recorded its result")
    world.clock.advance(301)

    assert world.rotate().outcome == "started"

    assert make.secret_id(2) not in world.fake.secrets
    assert [each.value for each in world.fake.secrets.values()] == world.stored[::-1]


@each_overlapping
def test_rotation_ends_without_a_leftover_though_a_proxy_refuses_an_add(make: Make) -> None:
    world = SecretWorld.managed(make)
    replace_response(world, "POST")
    world.refused(ClientAdminError, "HTTP 403")
    stop_replacing(world)
    world.clock.advance(601)

    assert rotate_to_the_end(world) == "finished"

    assert [each.value for each in world.fake.secrets.values()] == world.stored


@each_overlapping
@pytest.mark.parametrize("status", [400, 403])
def test_refusal_of_the_provider_lets_the_next_run_begin_at_once(make: Make, status: int) -> None:
    world = SecretWorld.managed(make)
    world.fake.before = lambda method: setattr(world.fake, "is_allowed", method == "GET")
    refuse = world.fake.refuse
    world.fake.refuse = lambda _: refuse(status)  # type: ignore[method-assign,assignment]
    world.refused(ClientAdminError, f"HTTP {status}: ")
    assert world.knows_nothing

    world.fake.is_allowed, world.fake.before = True, lambda _: None

    assert world.rotate().outcome == "started"


@each_limited
def test_refusal_in_the_providers_form_counts_less_than_its_list(make: Make) -> None:
    world = SecretWorld.managed(make)
    _, document = world.fake.refuse(403)
    replace_response(world, "POST", body=json.dumps(document).encode())

    world.refused(ClientAdminError, "HTTP 403")

    assert world.state["step"] == "adding"


@each_overlapping
def test_client_secret_whose_value_the_response_lacks_is_deleted_at_once(make: Make) -> None:
    world = SecretWorld.managed(make)
    fields = ("secretText",) if make is FakeEntraId else ("client_secret",)

    def leave_out(status: int, document: object) -> tuple[int, object]:
        assert isinstance(document, dict)
        return status, {name: value for name, value in document.items() if name not in fields}

    world.fake.answer_add = leave_out
    world.refused(ClientAdminError, f"has no value.*{make.secret_id(2)} was deleted")

    assert list(world.fake.secrets) == [make.secret_id(1)]
    assert world.knows_nothing
    world.fake.answer_add = lambda *found: found
    assert world.rotate().outcome == "started"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_end_that_was_applied_though_a_proxy_refuses_is_seen(method: str) -> None:
    world = SecretWorld.managed(FakeOkta).open_gate()
    if method == "DELETE":
        assert world.rotate().outcome == "retired"
        world.pass_time(hours=25)
    replace_response(world, method)
    world.refused(ClientAdminError, "HTTP 403")
    stop_replacing(world)

    assert rotate_to_the_end(world) == "finished"
    assert world.has_working_secret()
