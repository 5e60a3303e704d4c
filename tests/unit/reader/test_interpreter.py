"""What the reader does to its interpreter: at the import, and at the end of a program."""

import sys

from tests.support.python_process import run_python


def test_program_ends_without_waiting_for_a_refresh_that_hangs() -> None:
    done = run_python(
        """
        import threading, time
        from rotator.reader.clocked import ClockedReader
        from tests.support.clock import FunctionClock
        from tests.support.reader_rig import FunctionSource, ending_version

        entered, never = threading.Event(), threading.Event()

        def answer():
            if source.calls > 1:
                entered.set()
                never.wait()
            return ending_version(int(time.time()) + 3600, token="t")

        source, ahead = FunctionSource(answer), [0]
        clock = FunctionClock(lambda: time.time() + ahead[0])
        reader = ClockedReader("s", source=source, clock=clock)
        reader.token()
        ahead[0] = 3590
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
