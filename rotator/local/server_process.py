"""Runs local servers as processes, which never outlive the process that started them.

The server prints its URLs as one line of JSON on standard output, and stops when its standard input
ends. The kernel closes that pipe when the parent ends, so not even SIGKILL leaves a server behind.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Protocol, Self

from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ServerProcess", "serve_until_eof"]

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
POLL_INTERVAL_S = 0.05
READ_SIZE_BYTES = 65_536


class Server(Protocol):
    """The part of `socketserver.BaseServer` that `serve_until_eof` uses."""

    def serve_forever(self, poll_interval: float) -> None:
        """Handle requests until `shutdown`, checked every `poll_interval` seconds."""

    def shutdown(self) -> None:
        """Make `serve_forever` return."""

    def server_close(self) -> None:
        """Free the port."""


def serve_until_eof(server: Server, announcement: Mapping[str, str]) -> int:
    """Announce the server on standard output and serve until standard input ends.

    SIGTERM and SIGINT end it as well. Returns the process's exit code, 0.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_INTERVAL_S,), daemon=True)
    thread.start()
    try:
        print(json.dumps(announcement), flush=True)
        while os.read(sys.stdin.fileno(), READ_SIZE_BYTES):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        server.shutdown()
        server.server_close()
    return 0


class ServerProcess:
    """A server module, run as a process from entry to exit of the context.

    Entering does not wait, so that several servers start at the same time; `announcement` waits.
    """

    def __init__(self, module: str, *, environment: Mapping[str, str]) -> None:
        self._module = module
        self._environment = dict(environment)
        self._process: subprocess.Popen[str] | None = None
        self._announcement: dict[str, str] | None = None

    def __enter__(self) -> Self:
        # In its own session, so that Ctrl-C reaches only the parent, which stops its servers.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._require_process().pid

    @property
    def announcement(self) -> dict[str, str]:
        """The URLs that the server printed; waits for them.

        Raises ConfigError if the server ends instead, or prints nothing for half a minute; the
        reason is on standard error.
        """
        if self._announcement is None:
            stdout = self._require_process().stdout
            if stdout is None:
                raise RuntimeError(f"{self._module}: standard output is not a pipe")
            ready, _, _ = select.select([stdout], [], [], START_TIMEOUT_S)
            line = stdout.readline() if ready else ""
            if not line:
                raise ConfigError(f"{self._module}: did not start")
            self._announcement = json.loads(line)
        return self._announcement

    def stop(self) -> None:
        """Stop the server, and kill it if it doesn't end within five seconds."""
        process, self._process, self._announcement = self._process, None, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _require_process(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"{self._module}: is not running")
        return self._process
