"""A command at a terminal of its own."""

import os
import pty
import select
import subprocess
import sys

# A terminal that signals: it has to become the controlling one of a session of its own.
LOGIN = """\
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "rotator", *sys.argv[1:]])
"""


class Terminal:
    """`rotator ARGS` at a terminal of its own, to type into."""

    def __init__(self, *args: str, env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOGIN, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env,
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read on until the screen shows `text` in what is new."""
        start = len(self.shown)
        while text not in self.shown[start:]:
            read = self._read()
            assert read, f"{text!r} did not appear in {self.shown!r}"
            self.shown += read

    def type(self, text: str) -> None:
        """Type as a person does."""
        os.write(self._ours, text.encode())

    def close(self) -> int:
        """Read what is left, and the exit code."""
        while read := self._read():
            self.shown += read
        os.close(self._ours)
        return self.process.wait(30)

    def _read(self) -> str:
        ready, _, _ = select.select([self._ours], [], [], 30)
        if not ready:
            self.process.kill()
            return ""
        try:
            return os.read(self._ours, 4096).decode()
        except OSError:  # the other side is closed
            return ""
