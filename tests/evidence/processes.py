"""The real command as a process on a stage: started, watched at each call, killed or signalled."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Protocol

from rotator.local.environment import isolated_environment
from tests.evidence.job import Stage
from tests.support.wire import Call, Fault

TIMEOUT_S = 240.0
UNANSWERED = Fault("unanswered", reset=True)
UNANSWERED_BUT_DONE = Fault("unanswered but done", processed=True, reset=True)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: `code` is negative for the signal that killed it."""

    code: int
    output: str


class Startable(Protocol):
    """What can be run as a command on a stage."""

    @property
    def stage(self) -> Stage:
        """Where its services are."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command and its flags."""


def start(job: Startable, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rotator", *job.arguments, *args]
    environment = isolated_environment(os.environ, endpoint_url=job.stage.wire.endpoint_url)
    return subprocess.Popen(
        command,
        env=environment | {"ROTATOR_LOG_LEVEL": "debug"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait(process: subprocess.Popen[str]) -> Ended:
    """How it ended; it is killed if it does not."""
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return Ended(process.returncode, output)


def run_process(job: Startable, *args: str) -> Ended:
    return wait(start(job, *args))


def signalled_at(job: Startable, number: int, signum: signal.Signals, *, processed: bool) -> Ended:
    """The command, signalled while it waits for the answer to its call `number`.

    The service has acted on that call if `processed`; there is no answer.
    """
    wire, started = job.stage.wire, threading.Event()
    fault = UNANSWERED_BUT_DONE if processed else UNANSWERED
    wire.spoil = lambda call: fault if call.number == number else None

    def strike(call: Call) -> None:
        if call.number == number:
            started.wait()
            process.send_signal(signum)
            # It is not answered before it is gone, or has had its time to go.
            ended.wait(5)

    if processed:
        wire.after = strike
    else:
        wire.before = strike
    ended = threading.Event()
    process = start(job)
    started.set()
    try:
        return wait(process)
    finally:
        ended.set()


def signalled_after(job: Startable, delay_s: float, signum: signal.Signals) -> Ended:
    """The command, signalled so many seconds after its start, wherever it is then."""
    process = start(job)
    timer = threading.Timer(delay_s, process.send_signal, (signum,))
    timer.start()
    try:
        return wait(process)
    finally:
        timer.cancel()
