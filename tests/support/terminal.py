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
os.execvp(sys.argv[1], sys.argv[1:])
"""
ROTATOR = (sys.executable, "-m", "rotator")


class Terminal:
    """`rotator ARGS`, or another command, at a terminal of its own, to type into."""

    def __init__(self, *args: str, env: dict[str, str], command: tuple[str, ...] = ROTATOR) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOGIN, *command, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env,
        )
        os.close(theirs)
        self.shown = ""
        self._awaited = 0

    def wait_for(self, text: str) -> None:
        """Read on until the screen shows `text`, after what was waited for before."""
        while (found := self.shown.find(text, self._awaited)) < 0:
            read = self._read()
            assert read, f"{text!r} did not appear in {self.shown!r}"
            self.shown += read
        self._awaited = found + len(text)

    def type(self, text: str) -> None:
        self.type_bytes(text.encode())

    def type_bytes(self, typed: bytes) -> None:
        os.write(self._ours, typed)

    def answer(self, asked: str, text: str) -> None:
        """Type a line once this is asked for."""
        self.wait_for(asked)
        self.type(f"{text}\n")

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
            return os.read(self._ours, 4096).decode(errors="replace")
        except OSError:  # the other side is closed
            return ""
