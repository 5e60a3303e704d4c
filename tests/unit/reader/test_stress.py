"""Threads, forks and an event loop at once; a million reads; greenlets."""

import asyncio

# Before any fork: where its first import coincides with one, it releases a lock of its own that it
# has not acquired, because what it registers for before the fork comes too late.
import concurrent.futures.thread  # noqa: F401
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import RotatorError, StoreError, TokenUnavailable
from rotator.reader import Snapshot, TokenReader
from rotator.reader.clocked import ClockedReader
from tests.support.clock import FunctionClock
from tests.support.python_process import run_python
from tests.support.reader_rig import FunctionSource, ending_version, steady_source, store_error

START = 1_800_000_000
PATIENCE_S = 60.0
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class RunningClock:
    """Each look at it takes 10 ms of its time. Without a lock, which a fork could find locked."""

    def __init__(self) -> None:
        self._ticks = count()
        self.at = float(START)

    def __call__(self) -> float:
        at = START + next(self._ticks) * 0.01
        self.at = at  # of several threads the last one wins, so it may step back; `at` does not
        return at


class MoodySource:
    """Tokens that live for 20 s, between failures, nonsense, and tokens that are over."""

    has_fresh = False

    def __init__(self, clock: RunningClock) -> None:
        self.clock = clock
        self.calls = count(1)

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del stage, fresh
        call = next(self.calls)
        if call % 5 == 0:
            raise StoreError(
                "s: unreachable", operation="GetSecretValue", secret_id=secret_id, retryable=True
            )
        if call % 7 == 0:
            return {"SecretString": "<html>", "VersionId": "nonsense"}
        return ending_version(int(self.clock.at) + (-1 if call % 11 == 0 else 20))


class Inspector:
    """Reads in all ways, and keeps what is wrong with what it got."""

    def __init__(self) -> None:
        self.clock = RunningClock()
        self.reader = ClockedReader(
            "s", source=MoodySource(self.clock), clock=FunctionClock(self.clock)
        )
        self.wrong: list[object] = []
        self.seen: set[str] = set()

    def judge(self, snapshot: Snapshot, asked_at: float) -> None:
        if snapshot.token != f"ends-{snapshot.version_id}":
            self.wrong.append(f"torn: {snapshot}")
        if asked_at >= float(snapshot.version_id):
            self.wrong.append(f"expired at {asked_at}: {snapshot}")
        self.seen.add(snapshot.token)

    def attempt(self, read: Callable[[], object]) -> None:
        try:
            read()
        except (StoreError, TokenUnavailable):
            pass
        except Exception as error:  # noqa: BLE001 - the finding
            self.wrong.append(error)

    def read(self) -> None:
        asked_at = self.clock.at
        self.judge(self.reader.current(), asked_at)

    def read_token(self) -> None:
        asked_at = self.clock.at
        token = self.reader.token()
        if asked_at >= float(token.removeprefix("ends-")):
            self.wrong.append(f"expired at {asked_at}: {token}")

    def reject(self) -> None:
        self.reader.invalidate(self.reader.token())

    def in_turn(self, times: int) -> None:
        for turn in range(times):
            self.attempt(self.read)
            self.attempt(self.read_token)
            if turn % 50 == 0:
                self.attempt(self.reject)

    async def on_a_loop(self, times: int) -> None:
        async def read_often() -> None:
            for _ in range(times):
                asked_at = self.clock.at
                try:
                    self.judge(await self.reader.current_async(), asked_at)
                except RotatorError:
                    pass
                except Exception as error:  # noqa: BLE001 - the finding
                    self.wrong.append(error)
                await asyncio.sleep(0)

        await asyncio.gather(*(read_often() for _ in range(20)))

    def in_a_fork(self) -> int:
        child = os.fork()
        if child == 0:
            signal.alarm(int(PATIENCE_S))  # a child that waits for ever ends, and is not waited for
            status = 1
            try:
                self.wrong.clear()
                self.seen.clear()
                self.in_turn(300)
                status = 0 if not self.wrong and self.seen else 2
            finally:
                os._exit(status)
        return child


@needs_fork
@pytest.mark.untraced
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_threads_forks_and_a_loop_at_once_never_get_an_expired_or_torn_token() -> None:
    inspector = Inspector()
    threads = [threading.Thread(target=inspector.in_turn, args=(5000,)) for _ in range(4)]
    threads.append(threading.Thread(target=lambda: asyncio.run(inspector.on_a_loop(100))))
    for thread in threads:
        thread.start()
    children = [inspector.in_a_fork() for _ in range(8)]
    assert [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children] == [0] * 8
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert inspector.wrong == []
    assert len(inspector.seen) > 3


# -- what is left behind


def open_files() -> int:
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.exists() else 0


def left_behind(work: Callable[[], None]) -> tuple[int, int, int]:
    """Blocks of memory, open files and threads that there are more after the work than before."""
    gc.collect()
    before = (sys.getallocatedblocks(), open_files(), threading.active_count())
    work()
    gc.collect()
    after = (sys.getallocatedblocks(), open_files(), threading.active_count())
    return (after[0] - before[0], after[1] - before[1], after[2] - before[2])


@pytest.mark.untraced
def test_a_million_reads_leave_nothing_behind() -> None:
    reader = TokenReader("s", source=steady_source())
    reader.token()

    def read() -> None:
        for _ in range(500_000):
            reader.token()
            reader.current()

    blocks, files, threads = left_behind(read)
    assert blocks < 100
    assert (files, threads) == (0, 0)


@pytest.mark.untraced
def test_a_thousand_refreshes_in_threads_leave_nothing_behind() -> None:
    at = [float(START)]

    source = FunctionSource(lambda: ending_version(int(at[0]) + 86_400))
    reader = ClockedReader("s", source=source, clock=FunctionClock(lambda: at[0]))
    tokens: set[str] = set()

    def refresh(times: int) -> None:
        for _ in range(times):
            reader.token()
            at[0] += 86_400 - 1800
            reader.token()
            for thread in threading.enumerate():
                if thread.name == "rotator-reader":
                    thread.join(PATIENCE_S)
            tokens.add(reader.token())

    refresh(20)
    tokens.clear()
    blocks, files, threads = left_behind(lambda: refresh(1000))
    assert len(tokens) == 1000
    assert blocks < 100 + 4 * len(tokens), "the set of tokens is this test's own"
    assert (files, threads) == (0, 0)


@pytest.mark.untraced
def test_a_thousand_failures_leave_nothing_behind() -> None:
    at = [float(START)]

    def refuse() -> dict[str, Any]:
        raise store_error("unreachable")  # a new one: an error that is kept gathers tracebacks

    clock = FunctionClock(lambda: at[0])
    reader = ClockedReader("s", source=FunctionSource(refuse), clock=clock)

    def fail(times: int) -> None:
        for _ in range(times):
            at[0] += 60
            with pytest.raises(StoreError):
                reader.token()

    fail(20)
    blocks, files, threads = left_behind(lambda: fail(1000))
    assert blocks < 200
    assert (files, threads) == (0, 0)


# -- greenlets


def test_greenlets_share_one_fetch_and_a_refresh_lets_them_run() -> None:
    done = run_python(
        """
        from gevent import monkey
        monkey.patch_all()
        import gevent, threading, time
        from rotator.reader.clocked import ClockedReader
        from tests.support.clock import FunctionClock
        from tests.support.reader_rig import FunctionSource, ending_version

        gate, ahead = threading.Event(), [0]

        def answer():
            assert gate.wait(30)  # nobody opens it, if this blocks the hub
            calls = source.calls
            return ending_version(int(time.time()) + 3600 * calls, token=f"t{calls}")

        source = FunctionSource(answer)
        reader = ClockedReader(
            "s", source=source, clock=FunctionClock(lambda: time.time() + ahead[0]),
            background=True,
        )
        reading = [gevent.spawn(reader.token) for _ in range(20)]
        gevent.spawn(gate.set)
        gevent.joinall(reading, raise_error=True)
        print(source.calls, {each.value for each in reading})
        gate.clear()
        ahead[0] = 3500
        print(reader.token(), reader.token())
        gate.set()
        while reader.token() == "t1":
            gevent.sleep(0.001)
        print(reader.token(), source.calls)
        """
    )
    assert done.stdout == "1 {'t1'}\nt1 t1\nt2 2\n", done.stdout + done.stderr
