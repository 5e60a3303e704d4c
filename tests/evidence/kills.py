"""Real processes, killed or signalled at each call and at random instants; then a healthy run."""

import signal
import time

from rotator.model.access_token import AccessToken
from tests.evidence.job import CLIENT_SECRET, Job, Stage, stage
from tests.evidence.processes import Ended, run_process, signalled_after, signalled_at
from tests.evidence.row import Effort, TableRow

STARTS = ("due", "empty", "shared")
AT_RANDOM_IN_SHORT, AT_RANDOM_IN_LONG = 100, 300
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}


def kills_at_calls(effort: Effort) -> TableRow:
    """SIGKILL before and after the service acts on each call of a run."""
    row = TableRow("killed at every call", "1, 2, 3", "kills")
    with stage() as on:
        for start in filter(lambda start: effort.wants_any(f"{start}/"), STARTS):
            for number in range(_calls_of(on, start)):
                for processed in (False, True):
                    _strike(
                        on,
                        start,
                        number,
                        signal.SIGKILL,
                        row=row,
                        effort=effort,
                        processed=processed,
                    )
    return row


def signals(effort: Effort) -> TableRow:
    """SIGINT and SIGTERM at each call end the run with their own code and nothing half done."""
    row = TableRow("interrupted at every call", "2, 4", "signals")
    with stage() as on:
        for number in range(_calls_of(on, "due")):
            for signum in (signal.SIGINT, signal.SIGTERM):
                _strike(on, "due", number, signum, row=row, effort=effort, processed=False)
    return row


def kills_at_random(effort: Effort) -> TableRow:
    """SIGKILL, SIGTERM and SIGINT at random instants of a run, its start-up included."""
    row = TableRow("killed at random", "1, 2, 3", "kills")
    choices = effort.random("kills")
    with stage() as on:
        on.set("due")
        began = time.monotonic()
        run_process(on.set("due"))
        takes_s = time.monotonic() - began
        for turn in range(effort.turns(AT_RANDOM_IN_SHORT, AT_RANDOM_IN_LONG)):
            start, share = choices.choice(STARTS), choices.random()
            signum = choices.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
            case = f"{turn}/{start}/{signum.name} at {share:.3f}"
            if not effort.wants(case):
                continue
            job = _begin(on, start)
            before = job.current()
            ended = signalled_after(job, share * takes_s, signum)
            allowed = {0, CODES[signum], -signum}
            # CPython's own start-up ends with 1 at a SIGINT: nothing of ours has run by then.
            has_begun = "Fatal Python error: init_" not in ended.output
            is_known = ended.code in allowed or not has_begun
            problem = None if is_known else f"ended with {ended.code}: {ended.output}"
            row.add(case, problem or _judge(job, ended, before))
    return row


def _begin(on: Stage, start: str) -> Job:
    return on.set("due" if start == "shared" else start, shared=start == "shared")


def _calls_of(on: Stage, start: str) -> int:
    run_process(_begin(on, start))
    return len(on.wire.calls)


def _strike(
    on: Stage,
    start: str,
    number: int,
    signum: signal.Signals,
    *,
    row: TableRow,
    effort: Effort,
    processed: bool,
) -> None:
    case = f"{start}/{signum.name} {'after' if processed else 'before'} call {number}"
    if not effort.wants(case):
        return
    job = _begin(on, start)
    before = job.current()
    ended = signalled_at(job, number, signum, processed=processed)
    problem = None if ended.code == CODES[signum] else f"ended with {ended.code}: {ended.output}"
    row.add(case, problem or _judge(job, ended, before))


def _judge(job: Job, ended: Ended, before: AccessToken | None) -> str | None:
    """What the end of a process has broken, and whether a healthy run puts it right."""
    on = job.stage
    current = job.current()
    if before is not None and current is None:
        return "the stored token is gone"
    if current is not None and current != before and not on.accepts(current):
        return "a token was published that the API does not take"
    told = [current.access_token.reveal()] if current is not None else []
    if any(text in ended.output for text in (CLIENT_SECRET, *told)):
        return "a secret was printed"
    if "Traceback" in ended.output and "KeyboardInterrupt" not in ended.output:
        return f"printed a traceback: {ended.output}"
    published = len(job.versions().all)
    on.wire.healthy()
    with on.patient():
        problem = job.problem_after(job.run())
    if problem is None and current != before and len(job.versions().all) > published:
        return "a second version in the same period"
    return problem
