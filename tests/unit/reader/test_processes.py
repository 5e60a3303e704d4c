"""One reader in many threads, in forked processes, on an event loop, at the end of a program."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader.clocked import ClockedReader
from tests.support.reader_rig import EpochClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.reader import TokenReader

START = 1_800_000_000
DAY = 24 * 3600
THREADS = 8
PATIENCE_S = 20.0
"""For what has to happen at once; a test that waits this long has failed."""


def version(token: str = "first", *, issued_at: float = START) -> dict[str, Any]:
    fields = {
        "access_token": token,
        "issued_at": "2027-01-15T08:00:00Z",
        "expires_at_epoch": int(issued_at) + DAY,
    }
    return {"SecretString": json.dumps(fields), "VersionId": token}


class CountingClock:
    """Tells how often it was asked, so that a test knows how far the threads have come."""

    def __init__(self) -> None:
        self.at = float(START)
        self._asked = 0
        self._changed = threading.Condition()

    def __call__(self) -> float:
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
        return self.at

    def wait_until_asked(self, times: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._asked >= times, PATIENCE_S)


class GatedSource:
    """Answers when its gate is open."""

    has_fresh = False

    def __init__(self) -> None:
        self.answer: Mapping[str, Any] | Exception = version()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.calls = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def unreachable() -> StoreError:
    return StoreError("s: unreachable", operation="GetSecretValue", secret_id="s", retryable=True)


@pytest.fixture
def clock() -> CountingClock:
    return CountingClock()


@pytest.fixture
def source() -> GatedSource:
    return GatedSource()


@pytest.fixture
def reader(clock: CountingClock, source: GatedSource) -> TokenReader:
    return ClockedReader("s", source=source, clock=EpochClock(clock, monotonic=lambda: clock.at))


def in_threads(count: int, work: Callable[[], object]) -> Callable[[], list[object]]:
    """Start the work in threads; the function returned waits for what it gave or raised."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - the result that is asserted on
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()

    def join() -> list[object]:
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        return results

    return join


def join_refresh() -> None:
    for thread in threading.enumerate():
        if thread.name == "rotator-reader":
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


# -- threads


def test_cold_threads_make_one_call(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    join = in_threads(THREADS, reader.token)
    # Each asks three times before it waits, and the one that fetches once more.
    clock.wait_until_asked(3 * THREADS + 1)
    source.gate.set()
    assert join() == ["first"] * THREADS
    assert source.calls == 1


def test_cold_threads_share_one_failure_each_with_an_error_of_its_own(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.answer = unreachable()
    join = in_threads(THREADS, reader.token)
    clock.wait_until_asked(3 * THREADS + 1)
    source.gate.set()
    errors = join()
    assert source.calls == 2, "the one that fetches tries twice, for all"
    assert {str(error) for error in errors} == {"s: unreachable"}
    assert len({id(error) for error in errors}) == THREADS


def test_readers_are_not_blocked_while_a_refresh_hangs(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.gate.set()
    reader.token()
    source.gate.clear()
    source.entered.clear()
    source.answer = version("second", issued_at=START + DAY)
    clock.at = START + DAY - 1800.0
    assert reader.token() == "first"
    assert source.entered.wait(PATIENCE_S)
    assert in_threads(THREADS, reader.token)() == ["first"] * THREADS
    source.gate.set()
    join_refresh()
    assert reader.token() == "second"
    assert source.calls == 2


def test_at_the_expiry_all_wait_for_the_refresh_that_is_under_way(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.gate.set()
    reader.token()
    source.gate.clear()
    source.entered.clear()
    clock.at = START + DAY - 1800.0
    reader.token()
    assert source.entered.wait(PATIENCE_S)
    clock.at = START + DAY + 1.0
    source.answer = version("second", issued_at=START + DAY)
    asked = clock._asked  # noqa: SLF001 - its own
    join = in_threads(THREADS, reader.token)
    clock.wait_until_asked(asked + 3 * THREADS)
    source.gate.set()
    assert join() == ["second"] * THREADS
    assert source.calls == 2
    join_refresh()


def test_readers_are_not_blocked_by_a_rejection_that_hangs_when_the_rotation_is_due(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.gate.set()
    rejected = reader.token()
    source.gate.clear()
    source.entered.clear()
    join = in_threads(1, lambda: reader.invalidate(rejected))
    assert source.entered.wait(PATIENCE_S)
    clock.at = START + DAY - 1800.0
    assert in_threads(THREADS, reader.token)() == ["first"] * THREADS
    source.gate.set()
    assert join() == [False]
    assert source.calls == 2


def test_rejection_waits_for_the_refresh_that_is_under_way_instead_of_reading_again(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.gate.set()
    rejected = reader.token()
    source.gate.clear()
    source.entered.clear()
    source.answer = version("second", issued_at=START + DAY)
    clock.at = START + DAY - 1800.0
    reader.token()
    assert source.entered.wait(PATIENCE_S)
    join = in_threads(1, lambda: reader.invalidate(rejected))
    source.gate.set()
    assert join() == [True]
    assert source.calls == 2
    join_refresh()


def test_rejections_from_many_threads_cause_one_read(
    reader: TokenReader, source: GatedSource
) -> None:
    source.gate.set()
    rejected = reader.token()
    source.gate.clear()
    source.answer = version("second")
    join = in_threads(THREADS, lambda: reader.invalidate(rejected))
    source.gate.set()
    assert join() == [True] * THREADS
    assert source.calls == 2


def test_no_read_is_torn_or_expired_while_tokens_change_under_eight_threads() -> None:
    """Short lives, a clock that each read moves on, failures among the answers."""
    clock_lock = threading.Lock()
    instant = [float(START)]

    def now() -> float:
        with clock_lock:
            instant[0] += 0.01
            return instant[0]

    class Source:
        has_fresh = False

        def __init__(self) -> None:
            self.calls = 0

        def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
            del secret_id, stage, fresh
            self.calls += 1
            if self.calls % 5 == 0:
                raise unreachable()
            expires_at = int(instant[0]) + 20
            fields = {"access_token": f"ends-{expires_at}", "expires_at_epoch": expires_at}
            return {"SecretString": json.dumps(fields), "VersionId": str(expires_at)}

    reader = ClockedReader("s", source=Source(), clock=EpochClock(now))
    seen: set[str] = set()

    def read_often() -> None:
        for _ in range(2000):
            asked_at = instant[0]
            try:
                snapshot = reader.current()
            except (StoreError, TokenUnavailable):
                continue
            assert snapshot.token == f"ends-{snapshot.version_id}"
            assert asked_at < float(snapshot.version_id)
            seen.add(snapshot.token)

    assert in_threads(THREADS, read_often)() == [None] * THREADS
    join_refresh()
    assert len(seen) > 3


def test_reading_leaves_no_thread_behind(reader: TokenReader, source: GatedSource) -> None:
    source.gate.set()
    before = threading.active_count()
    for _ in range(100):
        reader.token()
    assert threading.active_count() == before


# -- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_forked_in_the_middle_of_a_fetch_reads_by_itself(
    reader: TokenReader, source: GatedSource
) -> None:
    join = in_threads(1, reader.token)
    assert source.entered.wait(PATIENCE_S)
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:  # the thread that holds the lock does not exist here
        source.gate.set()
        source.answer = version("read-by-the-child")
        try:
            os.write(sending, reader.token().encode())
        finally:
            os._exit(0)
    os.close(sending)
    with open(receiving, "rb") as pipe:  # noqa: PTH123 - a descriptor
        assert pipe.read() == b"read-by-the-child"
    assert os.waitpid(child, 0)[1] == 0
    source.gate.set()
    assert join() == ["first"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_of_a_warm_parent_has_the_token_and_refreshes_it(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.gate.set()
    reader.token()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            source.answer = version("second", issued_at=START + DAY)
            warm = reader.token() == "first"
            clock.at = START + DAY - 1800.0
            reader.token()
            join_refresh()
            status = 0 if warm and reader.token() == "second" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert source.calls == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("module", ["rotator.reader.loopback", "botocore.session"])
def test_child_forked_in_the_middle_of_an_import_reads_by_itself(module: str) -> None:
    done = run_python(
        f"""
        import os, signal, sys, threading, warnings
        from rotator.errors import RotatorError
        from rotator.reader import TokenReader
        import logging  # after the module, before the first reader

        warnings.simplefilter("ignore", DeprecationWarning)  # threads and a fork: that is the point
        os.environ |= {{"AWS_ENDPOINT_URL": "nowhere", "AWS_REGION": "eu-west-1"}}
        entered, gate = threading.Event(), threading.Event()

        class SlowToImport:
            def find_spec(self, name, path=None, target=None):
                if name == {module!r}:
                    entered.set()
                    gate.wait(20)
                    if name.startswith("botocore"):
                        logging.getLogger("as each module of botocore does")

        reader = TokenReader("s", source="sdk")

        def read():
            try:
                reader.token()
            except RotatorError as error:
                return str(error)

        sys.meta_path.insert(0, SlowToImport())
        thread = threading.Thread(target=read)
        thread.start()
        entered.wait(20)
        threading.Timer(0.2, gate.set).start()
        signal.alarm(30)
        child = os.fork()
        signal.alarm(0)
        if child == 0:
            gate.set()
            signal.alarm(30)
            os._exit(0 if read().startswith("AWS_ENDPOINT_URL: is not a URL") else 1)
        thread.join()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


# -- asyncio


def test_event_loop_runs_on_while_the_first_read_waits(
    reader: TokenReader, source: GatedSource
) -> None:
    async def read_and_open() -> tuple[str, str]:
        reading = asyncio.create_task(reader.token_async())
        assert await asyncio.to_thread(source.entered.wait, PATIENCE_S)
        source.gate.set()  # never, if the loop stood still in the read
        return await reading, await reader.token_async()

    assert asyncio.run(asyncio.wait_for(read_and_open(), PATIENCE_S)) == ("first", "first")
    assert source.calls == 1


def test_async_read_raises_as_the_other_one(reader: TokenReader, source: GatedSource) -> None:
    source.gate.set()
    source.answer = unreachable()
    with pytest.raises(StoreError, match="unreachable"):
        asyncio.run(reader.token_async())


# -- the interpreter


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_program_ends_without_waiting_for_a_refresh_that_hangs() -> None:
    done = run_python(
        """
        import json, threading, time
        from datetime import timedelta
        from rotator.reader.clock import SystemClock
        from rotator.reader.clocked import ClockedReader

        entered, never = threading.Event(), threading.Event()

        class Source:
            has_fresh = False
            calls = 0
            def read(self, secret_id, stage, *, fresh):
                self.calls += 1
                if self.calls > 1:
                    entered.set()
                    never.wait()
                fields = {"access_token": "t", "expires_at_epoch": int(time.time()) + 3600}
                return {"SecretString": json.dumps(fields), "VersionId": "v"}

        class Clock(SystemClock):
            ahead_s = 0
            def now(self):
                return super().now() + timedelta(seconds=self.ahead_s)

        reader = ClockedReader("s", source=Source(), clock=Clock())
        reader.token()
        Clock.ahead_s = 3590
        print(reader.token(), entered.wait(20))
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "t True\n", "")


def test_import_brings_no_third_party_and_no_heavy_module() -> None:
    done = run_python(
        """
        import sys
        before = set(sys.modules)
        import rotator.reader
        print(*sorted(set(sys.modules) - before))
        """
    )
    loaded = set(done.stdout.split())
    assert "rotator.reader" in loaded
    heavy = {"asyncio", "botocore", "datetime", "http", "json", "logging", "random", "threading"}
    heavy |= {"re", "typing"}
    assert loaded.isdisjoint(heavy), loaded & heavy
    assert {name.partition(".")[0] for name in loaded} <= {"rotator", *sys.stdlib_module_names}
