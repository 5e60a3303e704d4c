"""Many rotators at once, with people who write and move labels by hand, under faults."""

import json
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from rotator.rotation.rotate import RotationResult
from tests.evidence.faults import faults_for
from tests.evidence.job import CLIENT_SECRET, JUNK, Job, Run, Stage, stage
from tests.evidence.processes import start, wait
from tests.evidence.row import Effort, TableRow
from tests.strict_aws.versions import CURRENT, PREVIOUS, Refused
from tests.support.wire import Call, Fault

# What an honest network does; a fault that is an answer of its own would be a cause to fail.
RACE_FAULTS = frozenset(
    {"reset before", "reset after", "503 before", "503 after", "throttled", "internal error after"}
)
FAULT_SHARE = 0.15
RACES_IN_SHORT, RACES_IN_LONG = 80, 600
PROCESSES = (10, 50)


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
    """The setting of one race."""
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
    versions = job.versions()
    published = {v.version_id for v in versions.all} - at_start - happened.by_hand
    due = setting.start != "fresh"
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
    if problem is None and len(published) > due + setting.forced + disturbed:
        problem = f"{len(published)} new versions"
    if problem is None and len(failed) > happened.faults:
        problem = f"{len(failed)} failed under {happened.faults} faults: {failed[0].ended}"
    if problem is None and (len(set(claimed)) < len(claimed) or not set(claimed) <= published):
        problem = "a version is claimed twice, or by nobody who published it"
    if problem is None and not happened.faults and not disturbed and len(claimed) < due:
        problem = "nobody rotated the token"
    return problem or _after(job)


def _after(job: Job) -> str | None:
    healthy = job.run()
    token = job.current()
    if healthy.outcome not in {"rotated", "not_due"}:
        return f"a healthy run afterwards: {healthy.ended}"
    if token is None or not job.stage.accepts(token):
        return "no valid token after a healthy run"
    return None
