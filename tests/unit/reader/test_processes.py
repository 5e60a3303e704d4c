"""One reader in many threads, and in forked processes."""

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from rotator.reader.clocked import ClockedReader
from tests.support.clock import FunctionClock
from tests.support.python_process import run_python
from tests.support.reader_rig import UNREACHABLE, FunctionSource
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


class GatedRig:
    """A reader over a gated source, by a clock that counts."""

    def __init__(self) -> None:
        self.clock, self.source = CountingClock(START), GatedSource()
        clock = FunctionClock(self.clock, monotonic=lambda: self.clock.at)
        self.reader = ClockedReader("s", source=self.source, clock=clock)

    def serve_once(self) -> str:
        """Let the reader have its first token through the gate, and close it."""
        self.source.gate.set()
        token = self.reader.token()
        self.source.gate.clear()
        self.source.entered.clear()
        return token


@pytest.fixture
def rig() -> GatedRig:
    return GatedRig()


# -- threads


def test_cold_threads_make_one_call(rig: GatedRig) -> None:
    join = in_threads(THREADS, rig.reader.token)
    # Each asks three times before it waits, and the one that fetches once more.
    rig.clock.wait_until_asked(3 * THREADS + 1)
    rig.source.gate.set()
    assert join() == ["first"] * THREADS
    assert rig.source.calls == 1


def test_cold_threads_share_one_failure_each_with_an_error_of_its_own(rig: GatedRig) -> None:
    rig.source.value = UNREACHABLE
    join = in_threads(THREADS, rig.reader.token)
    rig.clock.wait_until_asked(3 * THREADS + 1)
    rig.source.gate.set()
    errors = join()
    assert rig.source.calls == 2, "the one that fetches tries twice, for all"
    assert {str(error) for error in errors} == {str(UNREACHABLE)}
    assert len({id(error) for error in errors}) == THREADS


def test_readers_are_not_blocked_while_a_refresh_hangs(rig: GatedRig) -> None:
    rig.serve_once()
    rig.source.value = version("second", issued_at=START + DAY)
    rig.clock.at = START + DAY - 1800.0
    assert rig.reader.token() == "first"
    assert rig.source.entered.wait(PATIENCE_S)
    assert in_threads(THREADS, rig.reader.token)() == ["first"] * THREADS
    rig.source.gate.set()
    join_refresh()
    assert rig.reader.token() == "second"
    assert rig.source.calls == 2


def test_at_the_expiry_all_wait_for_the_refresh_that_is_under_way(rig: GatedRig) -> None:
    rig.serve_once()
    rig.clock.at = START + DAY - 1800.0
    rig.reader.token()
    assert rig.source.entered.wait(PATIENCE_S)
    rig.clock.at = START + DAY + 1.0
    rig.source.value = version("second", issued_at=START + DAY)
    asked = rig.clock._asked  # noqa: SLF001 - its own
    join = in_threads(THREADS, rig.reader.token)
    rig.clock.wait_until_asked(asked + 3 * THREADS)
    rig.source.gate.set()
    assert join() == ["second"] * THREADS
    assert rig.source.calls == 2
    join_refresh()


def test_readers_are_not_blocked_by_a_rejection_that_hangs_when_the_rotation_is_due(
    rig: GatedRig,
) -> None:
    rejected = rig.serve_once()
    join = in_threads(1, lambda: rig.reader.invalidate(rejected))
    assert rig.source.entered.wait(PATIENCE_S)
    rig.clock.at = START + DAY - 1800.0
    assert in_threads(THREADS, rig.reader.token)() == ["first"] * THREADS
    rig.source.gate.set()
    assert join() == [False]
    assert rig.source.calls == 2


def test_rejection_waits_for_the_refresh_that_is_under_way_instead_of_reading_again(
    rig: GatedRig,
) -> None:
    rejected = rig.serve_once()
    rig.source.value = version("second", issued_at=START + DAY)
    rig.clock.at = START + DAY - 1800.0
    rig.reader.token()
    assert rig.source.entered.wait(PATIENCE_S)
    join = in_threads(1, lambda: rig.reader.invalidate(rejected))
    rig.source.gate.set()
    assert join() == [True]
    assert rig.source.calls == 2
    join_refresh()


def test_rejections_from_many_threads_cause_one_read(rig: GatedRig) -> None:
    rejected = rig.serve_once()
    rig.source.value = version("second")
    join = in_threads(THREADS, lambda: rig.reader.invalidate(rejected))
    rig.source.gate.set()
    assert join() == [True] * THREADS
    assert rig.source.calls == 2


def test_reading_leaves_no_thread_behind(rig: GatedRig) -> None:
    rig.source.gate.set()
    before = threading.active_count()
    for _ in range(100):
        rig.reader.token()
    assert threading.active_count() == before


# -- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.untraced
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_forked_in_the_middle_of_a_fetch_reads_by_itself(rig: GatedRig) -> None:
    join = in_threads(1, rig.reader.token)
    assert rig.source.entered.wait(PATIENCE_S)
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:  # the thread that holds the lock does not exist here
        rig.source.gate.set()
        rig.source.value = version("read-by-the-child")
        try:
            os.write(sending, rig.reader.token().encode())
        finally:
            os._exit(0)
    os.close(sending)
    with open(receiving, "rb") as pipe:  # noqa: PTH123 - a descriptor
        assert pipe.read() == b"read-by-the-child"
    assert os.waitpid(child, 0)[1] == 0
    rig.source.gate.set()
    assert join() == ["first"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.untraced
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_of_a_warm_parent_has_the_token_and_refreshes_it(rig: GatedRig) -> None:
    rig.source.gate.set()
    rig.reader.token()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            rig.source.value = version("second", issued_at=START + DAY)
            warm = rig.reader.token() == "first"
            rig.clock.at = START + DAY - 1800.0
            rig.reader.token()
            join_refresh()
            status = 0 if warm and rig.reader.token() == "second" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rig.source.calls == 1


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
