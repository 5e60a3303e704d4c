"""Native rotation beside every other trigger of the job, in every order of their calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.rotation.publish import CONSISTENCY_WAITS_S
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort, TableRow
from tests.strict_aws.rotation import Rotation
from tests.strict_aws.versions import Refused
from tests.support.direct_client import DirectClient
from tests.support.interleaving import drawn_interleavings, interleavings
from tests.support.native_rig import NativeBinding
from tests.support.rotation_rig import HOUR

Pause = Callable[[str], None]
Act = Callable[["Race", Pause], object]
Order = tuple["Race", tuple[str, ...], list[object]]
"""A race after its calls, those calls, and how each actor ended."""


@dataclass
class PausedEndpoint:
    """The race's token endpoint for one actor: asking it is a call like any other."""

    race: "Race"
    pause: Pause

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        return self.race.on.endpoint.expected_lifetime(credentials)

    def mint(self, credentials: ClientCredentials) -> Minted:
        self.pause("Mint")
        self.race.on.clock.advance(1)
        return self.race.on.endpoint.mint(credentials)


@dataclass
class Race:
    """What has to hold before each call: a valid token, and never an older one than before."""

    acts: list[Act]
    is_whole: bool = True  # somebody publishes
    on: NativeBinding = field(default_factory=lambda: NativeBinding(age=23 * HOUR, is_bare=True))
    rotation: Rotation | None = None
    newest: datetime | None = None
    current: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def actors(self, pauses: list[Pause]) -> list[Callable[[], object]]:
        return [partial(act, self, pause) for act, pause in zip(self.acts, pauses, strict=True)]

    def client(self, pause: Pause) -> DirectClient:
        def before(operation: str) -> None:
            pause(operation)
            self.look()

        return DirectClient(self.on.service, before=before)

    def look(self) -> None:
        token = self.on.token()
        if token.expires_at <= self.on.clock.now():
            self.problems.append("the current token has expired")
        is_older = self.newest is not None and token.issued_at < self.newest
        if is_older and not self.has_waited():
            self.problems.append("an older token has become current")
        self.newest = token.issued_at
        [current] = [v.version_id for v in self.on.versions.all if "AWSCURRENT" in v.stages]
        if current not in self.current:
            self.current.append(current)

    def has_waited(self) -> bool:
        """Whether a run has waited in vain for the one that took its version's id.

        It publishes beside it then, as decision 3 has it.
        """
        return sum(self.on.clock.slept_s) >= sum(CONSISTENCY_WAITS_S)

    def begun(self) -> Rotation:
        assert self.rotation is not None
        return self.rotation


def take(*steps: str) -> Act:
    """The service calls these steps of the rotation that is under way."""

    def act(race: Race, pause: Pause) -> list[str]:
        client, endpoint = race.client(pause), PausedEndpoint(race, pause)
        return [
            race.on.take(race.begun().event(step), client=client, endpoint=endpoint).outcome
            for step in steps
        ]

    return act


WRITING = take("createSecret", "finishSecret")
"""The other two steps only read."""


def schedule(race: Race, pause: Pause) -> str:
    client, endpoint = race.client(pause), PausedEndpoint(race, pause)
    return race.on.run(client=client, endpoint=endpoint).outcome


def force(race: Race, pause: Pause) -> str:
    client, endpoint = race.client(pause), PausedEndpoint(race, pause)
    return race.on.run(client=client, endpoint=endpoint, force=True).outcome


def by_hand(race: Race, pause: Pause) -> list[str] | str:
    """`aws secretsmanager rotate-secret`, and the steps if the service takes it."""
    pause("RotateSecret")
    try:
        race.rotation = race.on.begin()
    except Refused as refused:
        return refused.code
    return [str(WRITING(race, pause))]


def begin(race: Race, *steps: str) -> Race:
    race.rotation = race.on.begin()
    for step in steps:
        race.on.take(race.rotation.event(step))
    return race


def problems_of(race: Race) -> list[str]:
    """What is wrong once all have ended; then the service repeats what has not succeeded."""
    problems = race.problems
    race.look()
    forced = sum(act is force for act in race.acts)
    if len(race.current) > 2 + forced and not race.has_waited():
        problems.append(f"{len(race.current) - 1} new current versions in one period")
    if race.is_whole and race.on.run().outcome != "not_due":
        problems.append("no fresh token at the end")
    for rotation in list(race.on.service.rotations.begun):
        race.on.rotate(rotation)
    if not race.on.is_over():
        problems.append("AWSPENDING is left behind")
    if race.on.run().outcome != "not_due":
        problems.append("no fresh token after the rotation was repeated")
    return problems


READING = ("setSecret", "testSecret")
TO_FINISH = ("createSecret", *READING)


def grown_old() -> Race:
    """A token has waited since a rotation that was given up a day ago."""
    race = begin(Race([WRITING, schedule]), "createSecret")
    race.on.run()  # so that consumers have a valid token meanwhile
    race.on.clock.advance(23.2 * 3600)
    return race


RACES: dict[str, Callable[[], Race]] = {
    "last step, scheduled run": lambda: begin(Race([take("finishSecret"), schedule]), *TO_FINISH),
    "last step, forced run": lambda: begin(Race([take("finishSecret"), force]), *TO_FINISH),
    "last step twice": lambda: begin(Race([take("finishSecret")] * 2), *TO_FINISH),
    "first step twice": lambda: begin(Race([take("createSecret")] * 2, is_whole=False)),
    "rotation with a token grown old, scheduled run": grown_old,
    "rotate-secret by hand, scheduled run": lambda: Race([by_hand, schedule]),
}
LONG_RACES = {
    **RACES,
    # Its orders are among those of "rotate-secret by hand", which begins with one call more.
    "whole rotation, scheduled run": lambda: begin(Race([WRITING, schedule])),
    "whole rotation, forced run": lambda: begin(Race([WRITING, force])),
}
DRAWN_RACES: dict[str, Callable[[], Race]] = {
    "last step, two scheduled runs": lambda: begin(
        Race([take("finishSecret"), schedule, schedule]), *TO_FINISH
    ),
    "rotate-secret by hand, scheduled run, forced run": lambda: Race([by_hand, schedule, force]),
}
"""Three have too many orders to run each."""


def explore(orders: Iterator[Order]) -> tuple[int, str | None]:
    """Up to the first with a problem: the number of orders, and that problem."""
    number = 0
    with silent_logs():
        for race, order, ends in orders:
            number += 1
            problems = [repr(end) for end in ends if isinstance(end, Exception)]
            problems += problems_of(race)
            if problems:
                return number, f"{', '.join(problems)}: {' > '.join(order)}"
    return number, None


def native_races(effort: Effort) -> TableRow:
    """Each race of two in every order, and of three in orders drawn at random."""
    row = TableRow("native rotation, every order", "1, 3", "orders")
    races = {
        case: interleavings(make, actors=2)
        for case, make in (LONG_RACES if effort.long else RACES).items()
    }
    for case, make in DRAWN_RACES.items():
        number = effort.turns(short=100, long=5_000)
        races[case] = drawn_interleavings(make, 3, number, by=effort.random(case))
    for case, orders in races.items():
        if effort.wants(case):
            number, problem = explore(orders)
            row.add(case, problem)
            row.count += number - 1
    return row
