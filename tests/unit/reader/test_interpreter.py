"""What the reader does to its interpreter: at the import, and at the end of a program."""

from __future__ import annotations

import sys

from tests.support.python_process import run_python


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
