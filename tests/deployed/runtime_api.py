"""The unpacked package run by AWS's own runtime client, against a Runtime API on loopback."""

import json
import queue
import shutil
import subprocess
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.http_server import HttpServer, Reply, Request

# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
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
        self._server = HttpServer(self._respond)
        self._command = [interpreter, "-S", "-B", "-m", "awslambdaric", handler]
        self._environment = {
            **environment,
            "PYTHONPATH": f"{task}:{runtime_client}",
            "LAMBDA_TASK_ROOT": str(task),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.port}",
            "AWS_LAMBDA_FUNCTION_NAME": "rotator",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        }
        self._task = task
        self.output = ""

    def __enter__(self) -> Self:
        self._server.__enter__()
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

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._server.__exit__()
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

    def _respond(self, request: Request) -> Reply:
        if request.method == "POST":
            self._answers.put((not request.path.endswith("/response"), json.loads(request.body)))
            return Reply(202)
        request_id, body, deadline_ms = self._events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline_ms)),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
            "Content-Type": "application/json",
        }
        return Reply(200, body, headers)

    def cpu_s(self) -> float:
        """Seconds of processor that it has taken so far (Linux only: proc(5), schedstat)."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        return (
            sum(int((each / "schedstat").read_text().split()[0]) for each in tasks.iterdir()) / 1e9
        )

    def _read(self) -> None:
        self._lines.extend(self._process.stdout or ())
