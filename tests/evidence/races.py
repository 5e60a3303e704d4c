"""Many rotators at once, with people who write and move labels by hand, under faults."""

import json
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from rotator.rotation.rotate import RotationResult
from tests.evidence.faults import faults_for
from tests.evidence.job import CLIENT_SECRET, JUNK, Job, Run, Stage, stage
from tests.evidence.processes import start, wait
from tests.evidence.row import Effort, TableRow
from tests.evidence.worlds import CACHED, ONE_ACTIVE, STAGE_WORLDS
from tests.strict_aws.versions import CURRENT, PREVIOUS, Refused
from tests.support.wire import Call, Fault

# What an honest network does; a fault that is an answer of its own would be a cause to fail.
RACE_FAULTS = frozenset(
    {"reset before", "reset after", "503 before", "503 after", "throttled", "internal error after"}
)
FAULT_SHARE = 0.15
RACES_IN_SHORT, RACES_IN_LONG = 80, 300
OF_A_DECISIVE_WORLD, OF_A_WORLD, TIMES_AS_MANY = 8, 1, 10
MOST_IN_WORLDS = 5
PROCESSES = (10, 50)
AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """One race: how many run, how many of them forced, and what happens besides."""

    rotators: int
    start: str
    forced: int = 0
    faults: bool = False
    by_hand: int = 0
    lagging: bool = False
    shared: bool = False

    def __str__(self) -> str:
        besides = [name for name in ("faults", "lagging", "shared") if getattr(self, name)]
        besides += [f"{self.forced} forced"] if self.forced else []
        besides += [f"{self.by_hand} by hand"] if self.by_hand else []
        return ", ".join([f"{self.rotators} rotators", self.start, *besides])


@dataclass(slots=True)
class Happened:
    """What has been done to a race: faults that struck, versions stored and labels moved."""

    faults: int = 0
    by_hand: set[str] = field(default_factory=set)
    moves: int = 0


def races(effort: Effort) -> TableRow:
    """Threads with connections of their own, in settings drawn from the seed."""
    row = TableRow("races", "2, 3", "races")
    total = 0
    with stage() as on:
        on.patience, on.read_timeout_s = 0.1, 20.0
        for turn in range(effort.turns(RACES_IN_SHORT, RACES_IN_LONG)):
            choices = effort.random(f"race {turn}")
            setting = draw(choices)
            case = f"{turn}: {setting}"
            if not effort.wants(case):
                continue
            total += setting.rotators
            row.add(case, _race(on, setting, choices))
    row.notes.append(f"{total} rotators")
    return row


def world_races(effort: Effort) -> TableRow:
    """Races with providers of other kinds, most of them where the job takes other ways."""
    row = TableRow("races in other worlds", "2, 3", "races")
    with stage() as on:
        on.patience, on.read_timeout_s = 0.2, 20.0
        for on.world in STAGE_WORLDS:
            short = OF_A_DECISIVE_WORLD if on.world.decisive else OF_A_WORLD
            for turn in range(effort.turns(short, short * TIMES_AS_MANY)):
                choices = effort.random(f"{on.world.name}, race {turn}")
                setting = draw_in_worlds(choices)
                case = on.world.case(f"{turn}: {setting}")
                if effort.wants(case):
                    row.add(case, _race(on, setting, choices))
    return row


def races_of_processes(effort: Effort) -> TableRow:
    """Real processes at once, and request rates as the service has them."""
    row = TableRow("races of processes", "3", "races")
    with stage() as on:
        for number in PROCESSES:
            case = f"{number} processes"
            if effort.wants(case):
                job = on.set("due")
                on.wire.secrets_manager.limited = True
                before = len(job.versions().all)
                ended = [wait(process) for process in [start(job) for _ in range(number)]]
                codes = {one.code for one in ended}
                problem = None if codes == {0} else f"exit codes {sorted(codes)}"
                published = len(job.versions().all) - before
                if problem is None and published != 1:
                    problem = f"{published} new versions"
                if any(CLIENT_SECRET in one.output for one in ended):
                    problem = "the client secret was printed"
                row.add(case, problem)
    return row


def draw(choices: random.Random) -> Setting:
    rotators = choices.choice((2, 3, 5, 10, 20, 50))
    by_hand = choices.choice((0, 0, 1, 3))
    return Setting(
        rotators=rotators,
        start=choices.choice(("due", "due", "empty", "expired", "fresh")),
        forced=choices.choice((0, 0, 1, rotators)),
        faults=choices.random() < 0.5,
        by_hand=by_hand,
        lagging=choices.random() < 0.5,
        shared=choices.random() < 0.2 and not by_hand,
    )


def draw_in_worlds(choices: random.Random) -> Setting:
    """The setting of one race, of few: where one token is active, each mint ends the others."""
    drawn = draw(choices)
    rotators = min(drawn.rotators, MOST_IN_WORLDS)
    return replace(drawn, rotators=rotators, forced=min(drawn.forced, rotators))


def _race(on: Stage, setting: Setting, choices: random.Random) -> str | None:
    start_with = "due" if setting.shared and setting.start == "empty" else setting.start
    job = on.set(start_with, shared=setting.shared)
    service, at_start = on.wire.secrets_manager, {v.version_id for v in job.versions().all}
    service.settle_s = 0.2
    service.settle()
    happened = Happened()
    if setting.lagging:
        service.behind = lambda _operation, _region: choices.choice((0, 0, 1, 2))
    if setting.faults:
        on.wire.spoil = _spoiler(choices, happened)
    runs: list[Run] = []
    gate = threading.Barrier(setting.rotators + bool(setting.by_hand))

    def rotate(*, force: bool) -> None:
        gate.wait()
        runs.append(job.run(force=force))

    def by_hand() -> None:
        gate.wait()
        for _ in range(setting.by_hand):
            on.wait(choices.random())
            _do_by_hand(job, choices, happened)

    threads = [
        threading.Thread(target=rotate, kwargs={"force": number < setting.forced})
        for number in range(setting.rotators)
    ]
    threads += [threading.Thread(target=by_hand)] if setting.by_hand else []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.behind = lambda _operation, _region: 0
    on.wire.healthy()
    return _judge(job, setting, runs, happened, at_start)


def _spoiler(choices: random.Random, happened: Happened) -> Callable[[Call], Fault | None]:
    def spoil(call: Call) -> Fault | None:
        if choices.random() > FAULT_SHARE:
            return None
        happened.faults += 1
        usable = [fault for fault in faults_for(call.name) if fault.name in RACE_FAULTS]
        return choices.choice(usable)

    return spoil


def _do_by_hand(job: Job, choices: random.Random, happened: Happened) -> None:
    """A person stores a good value or junk, or moves AWSCURRENT back."""
    service, name = job.stage.wire.secrets_manager, job.binding.token_secret
    deed = choices.choice(("token", "junk", "rollback"))
    if deed == "rollback":
        versions = service.versions(name)
        current, previous = versions.labelled(CURRENT), versions.labelled(PREVIOUS)
        if current is None or previous is None:
            return
        happened.moves += 1
        try:
            service.ask(
                "UpdateSecretVersionStage",
                SecretId=name,
                VersionStage=CURRENT,
                MoveToVersionId=previous.version_id,
                RemoveFromVersionId=current.version_id,
            )
        except Refused:
            happened.moves -= 1  # somebody was faster
        return
    text = JUNK
    if deed == "token":
        text = json.dumps(job.stage.mint(timedelta()).to_fields())
    version_id = str(uuid.UUID(int=choices.getrandbits(128), version=4))
    happened.by_hand.add(version_id)
    service.ask("PutSecretValue", SecretId=name, ClientRequestToken=version_id, SecretString=text)


def _judge(
    job: Job, setting: Setting, runs: list[Run], happened: Happened, at_start: set[str]
) -> str | None:
    world, versions = job.stage.world, job.versions()
    published = {v.version_id for v in versions.all} - at_start - happened.by_hand
    # A cached token that serves until the next run stays, and no other is to be had for asking.
    stays = world is CACHED and setting.start == "due"
    due = setting.start != "fresh" and not stays
    refused = setting.forced if world is CACHED else 0
    # Each mint ends the token before, so that a loser publishes too, and what was ended is due.
    repeated = setting.rotators if world is ONE_ACTIVE else 0
    disturbed = len(happened.by_hand) + happened.moves
    failed = [run for run in runs if run.outcome == "failed"]
    claimed = [
        run.ended.version_id
        for run in runs
        if isinstance(run.ended, RotationResult) and run.ended.outcome == "rotated"
    ]
    problem = next(filter(None, (run.problem() for run in runs)), None)
    if problem is None and len(runs) != setting.rotators:
        problem = f"{setting.rotators - len(runs)} rotators did not come back"
    if problem is None and len(published) > due + setting.forced + disturbed + repeated:
        problem = f"{len(published)} new versions"
    if problem is None and len(failed) > happened.faults + refused:
        problem = f"{len(failed)} failed under {happened.faults} faults: {failed[0].ended}"
    # Runs that were given the same token in the same second have written the same version.
    is_shared = len(set(claimed)) < len(claimed) and world is not CACHED
    if problem is None and (is_shared or not set(claimed) <= published):
        problem = "a version is claimed twice, or by nobody who published it"
    if problem is None and not happened.faults and not disturbed and len(claimed) < due:
        problem = "nobody rotated the token"
    if problem is None and world is ONE_ACTIVE and not happened.faults and not disturbed:
        current = job.current()
        if current is None or not job.stage.accepts(current):
            problem = "the stored token is not the one that was minted last"
    return problem or _after(job)


def _after(job: Job) -> str | None:
    current = job.current()
    if current is not None and current.rotated_for == "rejected":
        job.offset = AN_HOUR  # a token that is rejected again so soon is left alone until then
    return job.problem_after(job.run())
