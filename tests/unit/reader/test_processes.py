"""One reader in many threads, in forked processes, on an event loop, at the end of a program."""

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import TokenReader
from rotator.reader.clocked import ClockedReader
from tests.support.clock import FunctionClock
from tests.support.python_process import run_python
from tests.support.reader_rig import UNREACHABLE, FunctionSource, ending_version
from tests.support.reader_threads import PATIENCE_S, CountingClock, in_threads, join_refresh

START = 1_800_000_000
DAY = 24 * 3600
THREADS = 8


def version(token: str = "first", *, issued_at: float = START) -> dict[str, Any]:
    fields = {
        "access_token": token,
        "issued_at": "2027-01-15T08:00:00Z",
        "expires_at_epoch": int(issued_at) + DAY,
    }
    return {"SecretString": json.dumps(fields), "VersionId": token}


class GatedSource(FunctionSource):
    """Answers with `value`, or raises it, when its gate is open."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.value: Mapping[str, Any] | Exception = version()
        self.gate = threading.Event()
        self.entered = threading.Event()

    def _answer(self) -> Mapping[str, Any]:
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.fixture
def clock() -> CountingClock:
    return CountingClock(START)


@pytest.fixture
def source() -> GatedSource:
    return GatedSource()


@pytest.fixture
def reader(clock: CountingClock, source: GatedSource) -> TokenReader:
    return ClockedReader("s", source=source, clock=FunctionClock(clock, monotonic=lambda: clock.at))


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
    source.value = UNREACHABLE
    join = in_threads(THREADS, reader.token)
    clock.wait_until_asked(3 * THREADS + 1)
    source.gate.set()
    errors = join()
    assert source.calls == 2, "the one that fetches tries twice, for all"
    assert {str(error) for error in errors} == {str(UNREACHABLE)}
    assert len({id(error) for error in errors}) == THREADS


def test_readers_are_not_blocked_while_a_refresh_hangs(
    reader: TokenReader, source: GatedSource, clock: CountingClock
) -> None:
    source.gate.set()
    reader.token()
    source.gate.clear()
    source.entered.clear()
    source.value = version("second", issued_at=START + DAY)
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
    source.value = version("second", issued_at=START + DAY)
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
    source.value = version("second", issued_at=START + DAY)
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
    source.value = version("second")
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

    def answer() -> dict[str, Any]:
        if hasty.calls % 5 == 0:
            raise UNREACHABLE
        return ending_version(int(instant[0]) + 20)

    hasty = FunctionSource(answer)
    reader = ClockedReader("s", source=hasty, clock=FunctionClock(now))
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
@pytest.mark.untraced
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
        source.value = version("read-by-the-child")
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
@pytest.mark.untraced
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
            source.value = version("second", issued_at=START + DAY)
            warm = reader.token() == "first"
            clock.at = START + DAY - 1800.0
            reader.token()
            join_refresh()
            status = 0 if warm and reader.token() == "second" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert source.calls == 1


def test_nothing_is_imported_where_a_fork_would_not_wait_for_it() -> None:
    """Not even the codec with which each host's name is looked up."""
    done = run_python(
        """
        import os, sys
        from rotator.errors import RotatorError
        from rotator.reader import TokenReader
        from rotator.reader.process_state import importing
        import logging

        class Seen:
            def find_spec(self, name, path=None, target=None):
                if not importing._is_owned():
                    print(name)

        os.environ |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-west-1"}
        os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        reader = TokenReader("s", source="sdk")
        sys.meta_path.insert(0, Seen())
        try:
            reader.token()
        except RotatorError:
            print("looked")
        """
    )
    assert (done.returncode, done.stdout) == (0, "looked\n"), done.stderr


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
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
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
    source.value = UNREACHABLE
    with pytest.raises(StoreError, match="cannot be reached"):
        asyncio.run(reader.token_async())
