"""Faults at every call that a run really makes, one at a time and in pairs.

The calls are those that the front sees, so a new call is covered by itself. After a spoilt run, and
again after a healthy one, the promises have to hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from rotator.model.access_token import AccessToken
from rotator.rotation.rotate import RotationResult
from tests.evidence.faults import faults_for
from tests.evidence.job import CLIENT_SECRET, REFUSED_SECRET, Job, Run, Stage, stage
from tests.evidence.row import Effort, TableRow
from tests.evidence.worlds import STAGE_WORLDS
from tests.strict_aws.versions import CURRENT
from tests.support.wire import Call, Fault

STARTS = ("due", "empty", "expired", "junk", "shared", "forced", "fresh")
PAIRS_IN_SHORT, PAIRS_IN_LONG = 500, 4_000
FAULTS_OF_A_WORLD, IN_LONG = 20, 100
"""How many are drawn where only the answer to a mint looks different; else all are tried."""
CLOCK_JUMPS = {
    "forward an hour": timedelta(hours=1),
    "forward a month": timedelta(days=30),
    "back an hour": -timedelta(hours=1),
    "back a month": -timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault at one call of a run, by number; `lasting` hits every later call of that name too."""

    number: int
    name: str
    fault: Fault
    lasting: bool = False

    def hits(self, call: Call) -> bool:
        if self.lasting:
            return call.number >= self.number and call.name == self.name
        return call.number == self.number

    def __str__(self) -> str:
        return f"{self.number}:{self.name}={self.fault.name}{' for good' if self.lasting else ''}"


def single_faults(effort: Effort) -> TableRow:
    """Each fault at each call, once and for good; and each clock jump after each call."""
    row = TableRow("faults at every call", "1, 2, 3", "faults")
    with stage() as on:
        for start in filter(lambda start: effort.wants_any(f"{start}/"), STARTS):
            for planned in _plans(on, start, ()):
                _try(on, start, (planned,), row, effort)
            for call in _calls_of(on, start, ()):
                for jump in CLOCK_JUMPS:
                    _try_jump(on, start, call, jump, row=row, effort=effort)
    return row


def world_faults(effort: Effort) -> TableRow:
    """Each fault once at each call of a run that is due, with providers of other kinds.

    Long runs try all starts where the job takes other ways, and each fault for good too.
    """
    row = TableRow("faults in other worlds", "1, 2, 3", "faults")
    with stage() as on:
        for on.world in STAGE_WORLDS:
            for start in STARTS if effort.long and on.world.decisive else ("due",):
                if effort.wants_any(f"{on.world.case(start)}/"):
                    for planned in _of_this_world(on, start, effort):
                        _try(on, start, (planned,), row, effort)
    return row


def _of_this_world(on: Stage, start: str, effort: Effort) -> list[Planned]:
    plans = list(_plans(on, start, ()))
    if effort.case is not None or (effort.long and on.world.decisive):
        return plans
    plans = [planned for planned in plans if effort.long or not planned.lasting]
    if on.world.decisive and effort.limit is None:
        return plans
    number = min(len(plans), effort.turns(FAULTS_OF_A_WORLD, IN_LONG))
    return effort.random(f"faults of {on.world.name}").sample(plans, number)


def fault_pairs(effort: Effort) -> TableRow:
    """Two faults in one run; the second at any call that the first one leaves or brings about."""
    row = TableRow("faults in pairs", "1, 2, 3", "pairs")
    with stage() as on:
        if effort.case is not None:
            start, _, rest = effort.case.partition("/")
            for first in _plans(on, start, ()):
                if rest.startswith(f"{first} + "):
                    for second in _plans(on, start, (first,)):
                        _try(on, start, (first, second), row, effort)
            return row
        choices = effort.random("pairs")
        firsts = [(start, first) for start in STARTS for first in _plans(on, start, ())]
        number = effort.turns(PAIRS_IN_SHORT, PAIRS_IN_LONG) // 2
        firsts = choices.sample(firsts, min(number, len(firsts)))
        for start, first in firsts:
            seconds = list(_plans(on, start, (first,)))
            number = 3 if effort.long else 2
            for second in choices.sample(seconds, min(number, len(seconds))):
                _try(on, start, (first, second), row, effort)
    return row


def spoil(job: Job, plan: tuple[Planned, ...]) -> None:
    """From now on the calls go as planned."""
    job.stage.wire.spoil = lambda call: next((p.fault for p in plan if p.hits(call)), None)


def _plans(on: Stage, start: str, before: tuple[Planned, ...]) -> Iterator[Planned]:
    last = max((planned.number for planned in before), default=-1)
    for call in _calls_of(on, start, before):
        if call.number <= last:
            continue
        for fault in faults_for(call.name):
            yield Planned(call.number, call.name, fault)
            if not before:
                yield Planned(call.number, call.name, fault, lasting=True)


def _calls_of(on: Stage, start: str, plan: tuple[Planned, ...]) -> list[Call]:
    """The calls that a run makes when it goes as planned."""
    job = _begin(on, start)
    spoil(job, plan)
    _run(job, start)
    return list(on.wire.calls)


def _begin(on: Stage, start: str) -> Job:
    stored = {"shared": "due", "forced": "fresh"}.get(start, start)
    return on.set(stored, shared=start == "shared")


def _run(job: Job, start: str) -> Run:
    return job.run(force=start == "forced")


def _try(on: Stage, start: str, plan: tuple[Planned, ...], row: TableRow, effort: Effort) -> None:
    case = f"{on.world.case(start)}/{' + '.join(map(str, plan))}"
    if not effort.wants(case):
        return
    job = _begin(on, start)
    before = job.current()
    spoil(job, plan)
    run = _run(job, start)
    problem = judge(job, run, before)
    on.wire.healthy()
    with on.patient():
        problem = problem or _after_a_healthy_run(job, before, forced=start == "forced")
    row.add(case, problem)


def _try_jump(
    on: Stage, start: str, call: Call, jump: str, *, row: TableRow, effort: Effort
) -> None:
    """The clock of the job jumps while it waits for an answer, and stands right again later."""
    case = f"{start}/clock {jump} after {call.number}:{call.name}"
    if not effort.wants(case):
        return
    job = _begin(on, start)

    def jumps(answered: Call) -> None:
        if answered.number == call.number:
            job.offset = CLOCK_JUMPS[jump]

    on.wire.after = jumps
    run = _run(job, start)
    problem = run.problem() or _leaks(run, job)
    on.wire.healthy()
    job.offset = timedelta()
    with on.patient():
        healthy = job.run()
    token = job.current()
    if problem is None and (token is None or not on.accepts(token)):
        problem = f"no valid token after a healthy run ({healthy.ended})"
    row.add(case, problem)


def judge(job: Job, run: Run, before: AccessToken | None) -> str | None:
    """What a run has broken, whatever happened to it; `before` is the token that was stored."""
    current = job.current()
    if len([v for v in job.versions().all if CURRENT in v.stages]) > 1:
        return "more than one current version"
    if before is not None and current is None:
        return "the stored token is gone"
    if current is not None and current != before and not job.stage.accepts(current):
        return "a token was published that the API does not take"
    if isinstance(run.ended, RotationResult):
        version = job.versions().labelled(CURRENT)
        told = run.ended.version_id
        if version is not None and told != version.version_id:
            return f"reported version {told}, current is {version.version_id}"
        if run.ended.outcome == "rotated" and current == before:
            return "reported success for an unchanged token"
    return run.problem() or _leaks(run, job)


def _leaks(run: Run, job: Job) -> str | None:
    told = run.texts()
    secrets = {
        "client secret": CLIENT_SECRET,
        "refused client secret": REFUSED_SECRET,
        "made-up token": "made-up-token",
    }
    for version in job.versions().all:
        if version.content is not None and "access_token" in version.content[1]:
            text = version.content[1].split('"access_token": "')[1].partition('"')[0]
            secrets[f"token of version {version.version_id}"] = text
    return next((f"{name} leaked" for name, text in secrets.items() if text in told), None)


def _after_a_healthy_run(job: Job, before: AccessToken | None, *, forced: bool) -> str | None:
    at_start = len(job.versions().all) - (job.current() != before)
    problem = job.problem_after(job.run())
    if problem is not None:
        return problem
    if job.run().outcome != "not_due":
        return "the token is due again after a healthy run"
    published = len(job.versions().all) - at_start
    if published > 1 + forced:
        return f"{published} new versions in one period"
    return None
