"""The unpacked package run by AWS's own runtime client, against a Runtime API on loopback."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

__all__ = ["FunctionAnswer", "RuntimeProcess", "copy_runtime_client", "unpack"]

# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
INVOCATION = "/2018-06-01/runtime/invocation/"
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py*", "runtime_client*")
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:rotator"
ANSWER_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """What the function answered, or `failed` with; `duration_s` from event to answer."""

    value: Any
    failed: bool
    duration_s: float


def copy_runtime_client(environment: Path, target: Path) -> Path:
    """Copy the runtime client alone out of a virtual environment, so that nothing else is there."""
    [packages] = environment.glob("lib/python3*/site-packages")
    target.mkdir()
    for pattern in RUNTIME_CLIENT:
        for path in packages.glob(pattern):
            if path.is_dir() and path.suffix != ".dist-info":
                shutil.copytree(path, target / path.name)
            elif path.is_file():
                shutil.copy(path, target / path.name)
    return target


def unpack(package: Path, target: Path) -> Path:
    """Unpack the zip as Lambda does, read-only."""
    zipfile.ZipFile(package).extractall(target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return target


class RuntimeProcess:
    """One execution environment: an interpreter without site-packages, with the package in it.

    `invoke` sends an event and waits; `output` is what the function wrote, once it has been closed.
    """

    def __init__(
        self,
        interpreter: str,
        *,
        task: Path,
        runtime_client: Path,
        handler: str,
        environment: Mapping[str, str],
    ) -> None:
        self._events: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
        self._answers: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self._server = _RuntimeServer(("127.0.0.1", 0), _RuntimeHandler)
        self._server.events, self._server.answers = self._events, self._answers
        self._command = [interpreter, "-S", "-B", "-m", "awslambdaric", handler]
        self._environment = {
            **environment,
            "PYTHONPATH": f"{task}:{runtime_client}",
            "LAMBDA_TASK_ROOT": str(task),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "rotator",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        }
        self._task = task
        self.output = ""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._task,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._server.shutdown()
        self._server.server_close()
        self.output = "".join(self._lines)

    def invoke(self, event: object, *, remaining_s: float = 120.0) -> FunctionAnswer:
        """Hand over an event; raises TimeoutError, with the output, if there is no answer."""
        started_s = time.perf_counter()
        deadline_ms = (time.time() + remaining_s) * 1000
        self._events.put((str(uuid.uuid4()), json.dumps(event).encode(), deadline_ms))
        try:
            failed, value = self._answers.get(timeout=ANSWER_TIMEOUT_S)
        except queue.Empty:
            failed, value = True, None
        if value is None and failed:
            raise TimeoutError(f"the function: no answer; it wrote: {''.join(self._lines)}")
        return FunctionAnswer(value, failed, time.perf_counter() - started_s)

    def _read(self) -> None:
        self._lines.extend(self._process.stdout or ())


class _RuntimeServer(ThreadingHTTPServer):
    daemon_threads = True
    events: queue.Queue[tuple[str, bytes, float]]
    answers: queue.Queue[tuple[bool, Any]]

    def handle_error(self, *_: object) -> None:
        """Say nothing: the function is killed while it waits for its next event."""


class _RuntimeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _RuntimeServer

    def do_GET(self) -> None:
        request_id, body, deadline_ms = self.server.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(deadline_ms)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        failed = not self.path.endswith("/response")
        self.server.answers.put((failed, json.loads(body)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log no request."""
