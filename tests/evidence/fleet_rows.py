"""A fleet under faults, kills and rivals: one binding's trouble is its own, and passes."""

import random
import signal
import threading
from contextlib import ExitStack

from rotator.model.binding import Binding
from tests.evidence.faults import faults_for
from tests.evidence.fleet_job import FleetJob, told
from tests.evidence.job import Job, Stage, stage
from tests.evidence.processes import run_process, signalled_at
from tests.evidence.races import RACE_FAULTS
from tests.evidence.row import Effort, TableRow
from tests.support.http_server import HttpServer, Reply, Request
from tests.support.wire import Call, Fault

STORED = ["due", "empty", "fresh"]
RACES_IN_SHORT, RACES_IN_LONG = 15, 200
FAULT_SHARE = 0.1
RIVALS, BINDINGS = 3, 6
PATIENCE_S = 60.0
TENANTS = 20
"""Hosts with a binding each."""
FAILED = "failed without a fault"
SHARED_CALLS = {"sm:ListSecrets", "sm:BatchGetSecretValue"}
"""Calls that serve all bindings; any other is one binding's own."""
REFUSALS = {"invalid_client", "invalid_scope"}
"""Faults that count for each binding whose token request is the same, as all of these are."""


def fleet_faults(effort: Effort) -> TableRow:
    """Each fault at each call of a run, once; and for good at each kind of call."""
    row = TableRow("a fleet: faults at every call", "1, 2, 6", "faults")
    with stage() as on:
        job = FleetJob(on, STORED)
        job.run()
        calls = list(on.wire.calls)
        kinds = {call.name: call for call in reversed(calls)}
        plans = [(call, fault, False) for call in calls for fault in faults_for(call.name)]
        plans += [(c, fault, True) for c in kinds.values() for fault in faults_for(c.name)]
        for call, fault, lasts in plans:
            case = f"{call.number}:{call.name}={fault.name}{' for good' if lasts else ''}"
            if effort.wants(case):
                row.add(case, _spoilt(on, call, fault, lasts=lasts))
    return row


def _spoilt(on: Stage, at: Call, fault: Fault, *, lasts: bool) -> str | None:
    job = FleetJob(on, STORED)
    old = {name: job.current(name) for name in job.names}

    def spoil(call: Call) -> Fault | None:
        hit = call.name == at.name and call.number >= at.number if lasts else call == at_now(call)
        return fault if hit else None

    def at_now(call: Call) -> Call | None:
        return call if call.number == at.number else None

    on.wire.spoil = spoil
    ended = job.run()
    on.wire.healthy()
    failed = [name for name in job.names if ended.outcome(name) in {"failed", "deferred", "missed"}]
    is_shared = lasts or at.name in SHARED_CALLS or fault.name in REFUSALS
    allowed = len(job.names) if is_shared else 1
    problem = ended.problem() or job.problem_in(told(ended))
    if len(failed) > allowed:
        problem = problem or f"cost {len(failed)} bindings their rotation"
    for name in job.names:
        if old[name] is not None and job.current(name) is None:
            problem = problem or f"{name}: the stored token is gone"
        if job.current(name) != old[name] and not job.has_token(name):
            problem = problem or f"{name}: a token was published that the API does not take"
    return problem or _after(job, at_most=1)


def _after(job: FleetJob, *, at_most: int) -> str | None:
    """Whether a healthy run puts all right, with so many new versions of each at most."""
    with job.stage.patient():
        healthy = job.run()
    for name, stored in zip(job.names, STORED * len(job.names), strict=False):
        if healthy.outcome(name) not in {"rotated", "not_due"}:
            return f"{name}: a healthy run afterwards: {healthy.reports.get(name)}"
        if not job.has_token(name):
            return f"{name}: no valid token after a healthy run"
        new = len(job.versions(name).all) - (stored != "empty")
        if new > at_most:
            return f"{name}: {new} new versions in one period"
    return None


def fleet_kills(effort: Effort) -> TableRow:
    """SIGKILL before and after the service acts on each call of the command."""
    row = TableRow("a fleet: killed at every call", "1, 2, 3, 6", "kills")
    with stage() as on:
        run_process(FleetJob(on, STORED))
        for number in range(len(on.wire.calls)):
            for processed in (False, True):
                case = f"SIGKILL {'after' if processed else 'before'} call {number}"
                if effort.wants(case):
                    row.add(case, _killed(on, number, processed=processed))
    return row


def _killed(on: Stage, number: int, *, processed: bool) -> str | None:
    job = FleetJob(on, STORED)
    old = {name: job.current(name) for name in job.names}
    ended = signalled_at(job, number, signal.SIGKILL, processed=processed)
    on.wire.healthy()
    if ended.code != -signal.SIGKILL:
        return f"ended with {ended.code}: {ended.output}"
    for name in job.names:
        if job.current(name) != old[name] and not job.has_token(name):
            return f"{name}: a token was published that the API does not take"
    return job.problem_in(ended.output) or _after(job, at_most=1)


def fleet_races(effort: Effort) -> TableRow:
    """Fleets and single runs at once on the same bindings, half of the races under faults."""
    row = TableRow("a fleet: races with fleets and single runs", "2, 3, 6", "races")
    with stage() as on:
        on.patience, on.read_timeout_s = 0.1, 20.0
        for turn in range(effort.turns(RACES_IN_SHORT, RACES_IN_LONG)):
            choices = effort.random(f"fleet race {turn}")
            with_faults = choices.random() < 1 / 2
            case = f"{turn}: {'under faults' if with_faults else 'quiet'}"
            if effort.wants(case):
                row.add(case, _race(on, choices, with_faults=with_faults))
    return row


def _race(on: Stage, choices: random.Random, *, with_faults: bool) -> str | None:
    stored = [choices.choice(("due", "due", "empty", "fresh")) for _ in range(BINDINGS)]
    job = FleetJob(on, stored)
    versions = {name: len(job.versions(name).all) for name in job.names}
    struck: list[Call] = []

    def spoil(call: Call) -> Fault | None:
        if choices.random() > FAULT_SHARE:
            return None
        struck.append(call)
        return choices.choice([each for each in faults_for(call.name) if each.name in RACE_FAULTS])

    if with_faults:
        on.wire.spoil = spoil
    ended, runs = _run_rivals(job)
    on.wire.healthy()
    problems = {each for each in ended if each and not (each == FAILED and struck)}
    problem = problems.pop() if problems else None
    if len(ended) < runs:
        problem = problem or f"{runs - len(ended)} runs did not come back"
    for name, was in zip(job.names, stored, strict=True):
        new = len(job.versions(name).all) - versions[name]
        if new > (was != "fresh") or (not struck and new < (was != "fresh")):
            problem = problem or f"{name}, {was}: {new} new versions"
    return problem or _all_well(job)


def _run_rivals(job: FleetJob) -> tuple[list[str | None], int]:
    """What was wrong with the end of each run, and how many runs there were."""
    log = job.listen()
    ended: list[str | None] = []

    def fleet() -> None:
        found = job.run(workers=4, log=log)
        failed = any(found.outcome(name) in {"failed", "missed"} for name in job.names)
        ended.append(found.problem() or (FAILED if failed else None))

    def single(number: int) -> None:
        rival = Job(job.stage, shared=False)
        rival.binding = Binding(f"fleet/c/{number}", f"fleet/t/{number}")
        found = rival.run(probe=False)
        ended.append(found.problem() or (FAILED if found.outcome == "failed" else None))

    threads = [threading.Thread(target=fleet) for _ in range(RIVALS)]
    threads += [threading.Thread(target=single, args=(number,)) for number in range(BINDINGS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended, len(threads)


def _all_well(job: FleetJob) -> str | None:
    healthy = job.run()
    wrong = [n for n in job.names if healthy.outcome(n) not in {"rotated", "not_due"}]
    wrong += [name for name in job.names if not job.has_token(name)]
    return f"{wrong[0]}: not well after a healthy run" if wrong else None


def fleet_hangs(effort: Effort) -> TableRow:
    """Token endpoints that answer nobody before all other hosts' bindings have their tokens."""
    row = TableRow("a fleet: hosts that hang", "1, 6", "fleets")
    with stage() as on:
        for workers in (2, 4, 8, 16):
            for hanging in (1, 4, 16):
                case = f"{workers} workers, {hanging} of {hanging + BINDINGS} hang"
                if effort.wants(case):
                    row.add(case, _hang(on, "expired", workers=workers, hanging=hanging, hosts=1))
        for workers in (2, 4, 16):
            case = f"{workers} workers, {TENANTS} hosts hang"
            if effort.wants(case):
                row.add(case, _hang(on, "due", workers=workers, hanging=TENANTS, hosts=TENANTS))
    return row


def _hang(on: Stage, stored: str, *, workers: int, hanging: int, hosts: int) -> str | None:
    """Those that hang are the most urgent, so that each of them is begun before the others."""
    job = FleetJob(on, [])
    # The shortest name has the token that ends first, as `FleetJob.add` has it.
    job.names = [job.add(f"well-{n}", "due") for n in range(BINDINGS)]
    others_done, in_vain = threading.Event(), []

    def respond(_: Request) -> Reply:
        if not others_done.wait(PATIENCE_S):
            in_vain.append(workers)
        return Reply(503)

    def note(call: Call) -> None:
        if call.name == "sm:PutSecretValue" and all(map(job.has_token, job.names)):
            others_done.set()

    with ExitStack() as servers, on.patient():
        # On another name of this machine than the others, and ports: hosts of their own.
        urls = [
            servers.enter_context(HttpServer(respond)).url.replace("127.0.0.1", "localhost")
            for _ in range(hosts)
        ]
        hung = [job.add(f"h{n}", stored, token_url=urls[n % hosts]) for n in range(hanging)]
        on.wire.after = note
        ended = job.run(workers=workers)
    on.wire.healthy()
    problem = ended.problem() or job.problem_in(told(ended))
    if in_vain:
        problem = problem or "the others waited for the host that hangs"
    if any(ended.outcome(name) != "rotated" or not job.has_token(name) for name in job.names):
        problem = problem or f"a binding of another host: {[*map(ended.outcome, job.names)]}"
    if any(ended.outcome(name) not in {"failed", "deferred"} for name in hung):
        problem = problem or f"a binding that hangs: {[*map(ended.outcome, hung)]}"
    return problem
