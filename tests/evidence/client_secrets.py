"""Rotations of a client secret that are struck at every call, for every provider.

A process dies before a call, or the response to it is lost, or a proxy answers with a refusal in
place of the provider. After each run one of the stored client
secrets has to work, and the job to mint; and later runs have to end the rotation. The order that
comes to mind first (add, delete, store) is struck in the same way, for comparison.
"""

import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta

import structlog

from rotator.app.client_secret import open_secret_run
from rotator.errors import RotatorError
from rotator.model.secret import Secret
from rotator.rotation.secret_run import read_situation
from tests.evidence.client_secret_worlds import interfere
from tests.evidence.row import Effort, TableRow
from tests.support.secret_providers import FAKES, FIRST_VALUE, FakeAuth0, SecretFake
from tests.support.secret_world import (
    CRASH_BEFORE,
    CREDENTIALS,
    LOST_RESPONSE,
    REPLACED_RESPONSE,
    Crashed,
    SecretWorld,
)

Plan = dict[int, str]

STRIKES = (CRASH_BEFORE, LOST_RESPONSE)
FAULTS = (*STRIKES, REPLACED_RESPONSE)
OVERLAP = timedelta(hours=24)
CADENCE_S = 23 * 3600
TAKEOVER_S = 301
MAX_RUNS = 25
LAG = timedelta(seconds=15)
PAIRS_IN_SHORT = 400


def client_secrets(effort: Effort) -> TableRow:
    """Each call struck alone, and pairs of calls, and what people do; for each provider."""
    row = TableRow("client secrets, struck at every call", "7", "plans")
    with _quiet():
        for make in FAKES:
            if effort.wants_any(f"{make.KIND}/"):
                strike(make, row, effort)
        lost, tried = naive_losses(FAKES)
        interfere(row, effort)
    row.notes.append(
        f"add, delete, store in its place loses the working client secret in {lost} of {tried}"
    )
    return row


def strike(make: type[SecretFake], row: TableRow, effort: Effort) -> None:
    """Each call of a rotation at this provider struck alone, and pairs of calls."""
    calls = _calls_of(_rotate_to_the_end, make)
    for plan in _plans(make, calls, effort):
        case = _name(make, calls, plan)
        if effort.wants(case):
            row.add(case, _try(make, plan))


def _plans(make: type[SecretFake], calls: list[str], effort: Effort) -> Iterator[Plan]:
    for number in range(len(calls)):
        for how in FAULTS:
            yield {number: how}
    pairs = [
        {first: one, second: other}
        for first, second in itertools.combinations(range(len(calls) + 10), 2)
        for one, other in itertools.product(FAULTS, FAULTS)
    ]
    if not effort.long and effort.case is None:
        count = min(len(pairs), effort.turns(PAIRS_IN_SHORT, len(pairs)))
        pairs = effort.random(f"client secrets {make.KIND}").sample(pairs, count)
    yield from pairs


def _name(make: type[SecretFake], calls: list[str], plan: Plan) -> str:
    struck = (
        f"{number}:{calls[number] if number < len(calls) else 'later'}={how}"
        for number, how in plan.items()
    )
    return f"{make.KIND}/{' + '.join(struck)}"


def _calls_of(rotate: Callable[[SecretWorld], object], make: type[SecretFake]) -> list[str]:
    """The calls of a rotation that nothing goes wrong with."""
    world = _world(make, {})
    rotate(world)
    return list(world.outside.calls)


def _world(make: type[SecretFake], plan: Plan) -> SecretWorld:
    world = SecretWorld(make, plan=plan)
    world.fake.lag = LAG
    return world


def _try(make: type[SecretFake], plan: Plan) -> str | None:
    """What goes wrong with a rotation that is struck so, None if nothing does."""
    return _rotate_to_the_end(_world(make, plan))


def _rotate_to_the_end(world: SecretWorld) -> str | None:
    for _ in range(MAX_RUNS):
        outcome = None
        with suppress(RotatorError, Crashed):
            outcome = world.rotate(overlap=OVERLAP).outcome
        problem = _problem_with_what_is_stored(world)
        if problem is not None:
            return problem
        if outcome == "finished":
            return _problem_with_end(world)
        # Once right away, then when another run may be taken for dead, then after a new token.
        with suppress(RotatorError, Crashed):
            outcome = world.rotate(overlap=OVERLAP).outcome
        if outcome == "finished":
            return _problem_with_what_is_stored(world) or _problem_with_end(world)
        world.clock.advance(TAKEOVER_S if outcome is None else CADENCE_S)
        world.job()
    return f"has not ended after {MAX_RUNS} runs"


def _problem_with_what_is_stored(world: SecretWorld) -> str | None:
    if not world.has_working_secret():
        return "no stored client secret works any more"
    try:
        world.job()
    except RotatorError as error:
        return f"the job fails: {error}"
    return None


def _problem_with_end(world: SecretWorld) -> str | None:
    [*kept] = [each for each in world.fake.secrets.values() if world.fake.accepts(each.value)]
    if [each.value for each in kept] != world.stored:
        return f"{len(kept)} client secrets work at the end, {len(world.stored)} are stored"
    return (
        "the old client secret is the one that is left" if world.stored == [FIRST_VALUE] else None
    )


# --- For comparison ------------------------------------------------------------------------------


def naive_losses(fakes: Iterable[type[SecretFake]]) -> tuple[int, int]:
    """How many plans of one strike take away the working client secret in the naive order.

    And of how many.
    """
    tried = lost = 0
    for make in fakes:
        numbers = range(len(_calls_of(_rotate_naively, make)))
        for number, how in itertools.product(numbers, STRIKES):
            world = _world(make, {number: how})
            with suppress(RotatorError, Crashed):
                _rotate_naively(world)
            world.clock.advance(2 * LAG.total_seconds())  # until the old one has ended everywhere
            tried += 1
            lost += not world.has_working_secret()
    return lost, tried


def _rotate_naively(world: SecretWorld) -> None:
    """Ask for a new client secret, delete the old one, store the new one; set, then store."""
    run = open_secret_run(
        CREDENTIALS, store=world.store, clock=world.clock, endpoint=world.endpoint, send=world.send
    )
    world.outside.is_watching = True
    seen = read_situation(run)
    admin = run.open_admin(seen)
    if isinstance(world.fake, FakeAuth0):
        value = Secret("canary-chosen-at-random")
        admin.replace(value)
    else:
        [old] = admin.list()
        value = admin.add("naive", world.clock.now() + timedelta(days=180)).value
        if admin.can_retire:
            admin.retire(old.id)
        admin.delete(old.id)
    fields = world.store.fields(CREDENTIALS) | {"client_secret": value.reveal()}
    world.store.put(seen.version, Secret(json.dumps(fields)), version_id="n" * 32)
    world.outside.is_watching = False


class _quiet:  # noqa: N801 - a context manager
    """Logs nothing: thousands of runs would write a million lines."""

    def __enter__(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    def __exit__(self, *_: object) -> None:
        structlog.reset_defaults()
