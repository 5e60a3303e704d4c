"""Rotations of a client secret while people and lists interfere, at every run and in pairs.

Somebody deletes client secrets and makes others by hand, stores others, moves AWSCURRENT back, or
switches one on again; the list lags behind; the token endpoint refuses the grant; a proxy answers
with a page. No run may end what rotator hasn't made, nor drop a stored value that is accepted, and
in the end the rotation has ended, or an error says what to do.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from rotator.errors import MintError, RotatorError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.transport.bounded import HttpResponse
from rotator.transport.request import HttpRequest
from tests.evidence.row import Effort, TableRow
from tests.support.clock import ManualClock
from tests.support.secret_providers import FAKES, FakeOkta, KeptSecret, SecretFake
from tests.support.secret_world import CREDENTIALS, SecretWorld

OVERLAP = timedelta(hours=24)
STEP_S = 12 * 3600
RUNS = 9
"""More than a rotation takes that nobody interferes with."""

MAX_RUNS = 40
LASTS = 2
"""For how many runs what passes by itself lasts."""

PAIRS_IN_SHORT = 100
LAST_WORDS = frozenset({"finished", "abandoned", "reverted"})


@dataclass
class Interference:
    """A rotation, with what was done to it by hand."""

    world: SecretWorld
    by_hand: set[str] = field(default_factory=set)
    ends: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    run: int = 0

    @property
    def fake(self) -> SecretFake:
        return self.world.fake

    def make(self) -> KeptSecret:
        """Somebody makes a client secret at the provider, if there is room."""
        made = self.fake.make(f"{self.fake.made}~h-canary-by-hand")
        self.by_hand.add(made.id)
        return made

    def passes(self, act: Callable[[], object]) -> None:
        """What ends an interference some runs later."""
        self.ends.append((self.run + LASTS, act))

    def kept(self, position: int) -> KeptSecret | None:
        """The client secret at the provider of the stored value at this position."""
        values = self.world.stored[position:][:1]
        return next((each for each in self.fake.secrets.values() if each.value in values), None)


def _replace_all(on: Interference) -> None:
    on.fake.secrets.clear()
    on.make()


def _replace_last(on: Interference) -> None:
    kept = on.kept(-1)
    if kept is not None:
        del on.fake.secrets[kept.id]
        on.make()


def _delete(position: int, on: Interference) -> None:
    kept = on.kept(position)
    if kept is not None and len(on.fake.secrets) > 1:
        del on.fake.secrets[kept.id]


def _store_other(on: Interference, *, behind: bool = False) -> None:
    if not on.fake.is_full():
        value = on.make().value
        stored = on.world.stored
        on.world.store_by_hand(*((*stored, value) if behind else (value, *stored)))


def _reverse(on: Interference) -> None:
    on.world.store_by_hand(*reversed(on.world.stored))


def _take_out(on: Interference) -> None:
    on.world.store_by_hand(on.world.stored[-1])


def _move_back(count: int, on: Interference) -> None:
    versions = [*on.world.store.secrets[CREDENTIALS].versions]
    on.world.move_back(versions[max(0, len(versions) - 1 - count)])


def _hide(position: int, on: Interference) -> None:
    """The list lags behind, and leaves one out."""
    kept = on.kept(position)
    if kept is not None:
        on.fake.unlisted.add(kept.id)
        on.passes(on.fake.unlisted.clear)


def _hide_and_refuse(on: Interference) -> None:
    _hide(0, on)
    _refuse_grants(on)


def _refuse_grants(on: Interference) -> None:
    endpoint = on.world.endpoint
    mint = partial(type(endpoint).mint, endpoint)

    def refuse(credentials: ClientCredentials) -> Minted:
        if credentials.client_id != on.fake.client_id:
            return mint(credentials)
        code = "unauthorized_client"
        raise MintError("token endpoint: refused", status=400, oauth_error=code)

    endpoint.mint = refuse  # type: ignore[method-assign]
    on.passes(lambda: vars(endpoint).pop("mint", None))


def _switch(position: int, on: Interference, *, is_active: bool) -> None:
    kept, fake = on.kept(position), on.fake
    if kept is not None and isinstance(fake, FakeOkta) and kept.is_active is not is_active:
        fake.switch(kept, is_active=is_active)
        if is_active or position == 0:
            on.passes(lambda: fake.switch(kept, is_active=not is_active))


def _answer_with_a_page(on: Interference) -> None:
    send = partial(type(on.world).send, on.world)

    def page(request: HttpRequest) -> HttpResponse:
        if request.method == "GET" or request.url.endswith(("/secrets", "/addPassword")):
            return send(request)
        return HttpResponse(200, {}, b"<html>Please log in</html>")

    on.world.send = page  # type: ignore[method-assign]
    on.passes(lambda: vars(on.world).pop("send", None))


EVENTS: dict[str, Callable[[Interference], None]] = {
    "all dead, another by hand": _replace_all,
    "old dead, another by hand": _replace_last,
    "new deleted": lambda on: _delete(0, on),
    "old deleted": lambda on: _delete(-1, on),
    "another stored first": _store_other,
    "another stored behind": lambda on: _store_other(on, behind=True),
    "order reversed": _reverse,
    "new taken out": _take_out,
    "back one version": lambda on: _move_back(1, on),
    "back two versions": lambda on: _move_back(2, on),
    "back to the first version": lambda on: _move_back(1000, on),
    "list without the new one": lambda on: _hide(0, on),
    "list without the old one": lambda on: _hide(-1, on),
    "grant refused": _refuse_grants,
    "grant refused, list without the new one": _hide_and_refuse,
    "old switched on": lambda on: _switch(-1, on, is_active=True),
    "old switched off": lambda on: _switch(-1, on, is_active=False),
    "new switched off": lambda on: _switch(0, on, is_active=False),
    "page in place of a change": _answer_with_a_page,
}

Plan = tuple[tuple[int, str], ...]


def interfere(row: TableRow, effort: Effort) -> None:
    """Each interference before each run, and pairs of them; at each provider."""
    for make in FAKES:
        if effort.wants_any(f"{make.KIND}/"):
            for plan in _plans(make, effort):
                case = f"{make.KIND}/" + " + ".join(f"run {run}: {name}" for run, name in plan)
                if effort.wants(case):
                    row.add(case, live_through(make, plan))


def _plans(make: type[SecretFake], effort: Effort) -> Iterator[Plan]:
    single = list(itertools.product(range(RUNS), EVENTS))
    yield from ((each,) for each in single)
    pairs = [(one, other) for one, other in itertools.product(single, single) if one[0] <= other[0]]
    count = len(pairs) if effort.case is not None else effort.turns(PAIRS_IN_SHORT, 10_000)
    drawn = effort.random(f"interference {make.KIND}").sample(pairs, min(count, len(pairs)))
    yield from (pairs if effort.case is not None else drawn)


def live_through(make: type[SecretFake], plan: Plan) -> str | None:
    """What goes wrong in a rotation that is interfered with so, None if nothing does."""
    settings = make(ManualClock()).settings | {"credentials_secret": "app/management"}
    on = Interference(SecretWorld(make, client_admin=settings))
    said = ""
    for on.run in range(MAX_RUNS):
        for end in [act for at, act in on.ends if at == on.run]:
            end()
        for _, name in (each for each in plan if each[0] == on.run):
            EVENTS[name](on)
        problem, said, has_ended = _run(on)
        if problem is not None:
            return f"run {on.run}: {problem}"
        if has_ended and on.run > max(at for at, _ in plan) + LASTS:
            return None
        on.world.clock.advance(STEP_S)
        with suppress(RotatorError):  # nothing that is stored may work any more
            on.world.job()
    return f"has not ended after {MAX_RUNS} runs: {said}"


def _run(on: Interference) -> tuple[str | None, str, bool]:
    """What a run has broken, what it said, and whether that ends it or tells people what to do."""
    before = _State.of(on)
    try:
        result = on.world.rotate(overlap=OVERLAP)
        said, has_ended = f"{result.outcome}: {result.summary}", result.outcome in LAST_WORDS
    except RotatorError as error:
        said, has_ended = str(error), not error.retryable
    return _problem(before, _State.of(on), said), said, has_ended


@dataclass(frozen=True)
class _State:
    """The credentials secret, and what the provider has that is switched on.

    `by_hand` is what somebody has made for a use of which the credentials know nothing.
    """

    stored: tuple[str, ...]
    version: str | None
    active: frozenset[str]
    by_hand: frozenset[str]
    accepted: frozenset[str]

    @classmethod
    def of(cls, on: Interference) -> "_State":
        stored = tuple(on.world.stored)
        active = [each for each in on.fake.secrets.values() if each.is_active]
        foreign = {each.id for each in active if each.value not in stored}
        return cls(
            stored=stored,
            version=on.world.store.secrets[CREDENTIALS].current,
            active=frozenset(each.id for each in active),
            by_hand=frozenset(foreign & on.by_hand),
            accepted=frozenset(each.value for each in active if on.fake.accepts(each.value)),
        )


def _problem(before: _State, after: _State, said: str) -> str | None:
    if not before.by_hand <= after.active:
        return f"ended what somebody has made by hand ({said})"
    if before.accepted.intersection(before.stored) and not after.accepted & set(after.stored):
        return f"no stored client secret works any more ({said})"
    dropped = set(before.stored) - set(after.stored)
    if dropped & after.accepted:
        return f"dropped a stored value that is accepted ({said})"
    is_changed = (before.version, before.active) != (after.version, after.active)
    if is_changed and "othing was changed" in said:
        return f"says that nothing was changed ({said})"
    return None
