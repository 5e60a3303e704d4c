"""The end of the run that adds a client secret: it says what is stored, and leaves nothing open."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.cli.exit_codes import EXIT_REFUSED, EXIT_TEMPORARY, exit_code
from rotator.errors import ClientAdminError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.transport.bounded import HttpResponse
from rotator.transport.request import HttpRequest
from tests.support.secret_providers import FIRST_VALUE, SecretFake
from tests.support.secret_world import (
    SecretWorld,
    each_kind,
    each_overlapping,
    rotate_to_the_end,
)

Make = type[SecretFake]
THEIRS = "theirs-canary-of-somebody-else"
VALUE_FIELDS = {"adobe": "client_secret", "entra-id": "secretText", "okta": "client_secret"}


def store_during_verification(world: SecretWorld, *, adds: bool) -> None:
    """Somebody runs `credentials add` or `set` while the new one is tried, alone in the list."""
    mint = world.endpoint.mint

    def edit(credentials: ClientCredentials) -> Minted:
        [first, *others] = [each.reveal() for each in credentials.client_secrets]
        is_verification = not others and first not in {FIRST_VALUE, "canary-key"}
        if is_verification and THEIRS not in world.stored:
            world.fake.make(THEIRS, works_at=world.clock.now())
            world.store_by_hand(THEIRS, *(world.stored if adds else ()))
        return mint(credentials)

    world.endpoint.mint = edit  # type: ignore[method-assign]


@each_kind
@pytest.mark.parametrize("adds", [True, False], ids=["add", "set"])
@pytest.mark.parametrize("is_known_at_once", [True, False])
def test_run_during_which_another_one_is_stored_first_does_not_say_started(
    make: Make, *, adds: bool, is_known_at_once: bool
) -> None:
    world = SecretWorld.managed(make)
    if not is_known_at_once:
        world.fake.lag = timedelta(days=1)
    store_during_verification(world, adds=adds)

    result = world.rotate()

    assert result.outcome == "abandoned"
    assert "another client secret was stored meanwhile" in result.summary
    assert world.stored[0] == THEIRS
    assert world.state["step"] == "done"


@each_overlapping
def test_another_one_that_is_stored_behind_does_not_end_the_rotation(make: Make) -> None:
    world = SecretWorld.managed(make)
    mint = world.endpoint.mint

    def add_behind(credentials: ClientCredentials) -> Minted:
        if THEIRS not in world.stored and len(world.stored) > 1:
            world.store_by_hand(*world.stored, THEIRS)
        return mint(credentials)

    world.endpoint.mint = add_behind  # type: ignore[method-assign]

    assert world.rotate().outcome == "started"
    assert world.state["step"] == "overlap"


# RFC 6749 appendix A.2: a client_secret consists of visible characters and spaces; rotator stores
# none with white space around it, which a person pastes along.
@each_overlapping
@pytest.mark.parametrize("odd", [" canary-value ", "canary\nvalue", "canary\x00value", "", "   "])
def test_value_that_cannot_be_stored_is_deleted_again(make: Make, odd: str) -> None:
    world = SecretWorld.managed(make)

    def answer(status: int, document: Any) -> tuple[int, object]:  # noqa: ANN401 - JSON
        return status, document | {VALUE_FIELDS[world.fake.KIND]: odd}

    world.fake.answer_add = answer
    error = world.refused(ClientAdminError, "its response .* is not the documented one")

    assert exit_code(error) == EXIT_REFUSED
    assert f"{make.secret_id(2)} was deleted" in str(error)
    assert [*world.fake.secrets] == [make.secret_id(1)]
    assert world.stored == [FIRST_VALUE]
    assert world.knows_nothing
    world.fake.answer_add = lambda *found: found
    assert rotate_to_the_end(world) == "finished"  # at once


@each_overlapping
def test_value_that_can_neither_be_stored_nor_deleted_is_left_to_a_later_run(make: Make) -> None:
    world = SecretWorld.managed(make)
    send = world.send

    def answer(status: int, document: Any) -> tuple[int, object]:  # noqa: ANN401 - JSON
        return status, document | {VALUE_FIELDS[world.fake.KIND]: " odd "}

    def refuse(request: HttpRequest) -> HttpResponse:
        is_end = (
            request.url.endswith(("deactivate", "removePassword")) or request.method == "DELETE"
        )
        return HttpResponse(500, {}, b"{}") if is_end else send(request)

    world.fake.answer_add, world.send = answer, refuse  # type: ignore[method-assign]
    error = world.refused(ClientAdminError, "is not the documented one.* could not be deleted: ")

    assert error.retryable

    assert world.state["step"] == "adding"
    world.fake.answer_add = lambda *found: found
    vars(world).pop("send")
    world.clock.advance(601)
    assert world.rotate().outcome == "started"
    assert make.secret_id(2) not in world.fake.secrets


@each_overlapping
def test_too_many_requests_before_the_add_lets_the_next_run_begin_at_once(make: Make) -> None:
    world = SecretWorld.managed(make)
    send = world.send

    def throttle(request: HttpRequest) -> HttpResponse:
        if request.method == "GET":
            return send(request)
        return HttpResponse(429, {"retry-after": "120"}, b"{}")

    world.send = throttle  # type: ignore[method-assign]
    error = world.refused(ClientAdminError, "takes requests again at 2026-01-31T09:02:01Z")

    assert exit_code(error) == EXIT_TEMPORARY
    assert world.knows_nothing
    vars(world).pop("send")
    assert world.rotate().outcome == "started"


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def events(world: SecretWorld, *, is_interrupted: bool = False) -> dict[str, str]:
    """The summary of each event of a run that isn't its outcome."""
    with capture_logs() as logged, suppress(KeyboardInterrupt):
        world.rotate()
    assert is_interrupted is not any(each["event"].endswith("_checked") for each in logged)
    return {each["event"]: each["summary"] for each in logged if "outcome" not in each}


@each_kind
def test_wait_for_acceptance_is_said_once_and_until_when(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.fake.lag = timedelta(seconds=45)

    [summary] = events(world).values()

    assert summary.endswith(
        "doesn't accept the client secret yet; tried until 2026-01-31T09:02:00Z"
    )


def test_client_secret_that_is_accepted_at_once_causes_no_event() -> None:
    assert events(SecretWorld()) == {}


@each_overlapping
def test_interruption_of_the_wait_says_what_is_stored(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.fake.lag = timedelta(seconds=45)
    world.clock.sleep = interrupt  # type: ignore[assignment, method-assign]

    summary = events(world, is_interrupted=True)["rotator.client_secret_rotation_interrupted"]

    new, old = make.secret_id(2), make.secret_id(1)
    assert summary.startswith(f"client secret {new} is stored, with {old} behind it; the next run")
    vars(world.clock).pop("sleep")
    assert rotate_to_the_end(world) == "finished"


@each_overlapping
def test_interruption_of_the_add_says_when_its_value_is_given_up(make: Make) -> None:
    world = SecretWorld.managed(make)
    world.fake.after = lambda method: interrupt() if method == "POST" else None

    summary = events(world, is_interrupted=True)["rotator.client_secret_rotation_interrupted"]

    assert "a run from 2026-01-31T09:05:00Z on deletes it and begins anew" in summary
    world.fake.after = lambda _: None
    world.clock.advance(301)
    assert world.rotate().outcome == "started"
