"""What the Lambda function gets and finds: its context, and an AWS on loopback."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from rotator.local.environment import isolated_environment
from rotator.local.secrets_manager import make_secrets_manager


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """Lambda's context object."""

    aws_request_id: str = "7e9c1a52-0f4e-4c0b-8a3e-5d1f0c9b8a77"
    remaining_ms: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@contextmanager
def run_secrets_manager() -> Iterator[str]:
    """The URL of a Secrets Manager that runs within the block."""
    server = make_secrets_manager()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def set_environment(monkeypatch: pytest.MonkeyPatch, endpoint_url: str) -> None:
    """Let the environment name this AWS, and nothing else of AWS or rotator."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "ROTATOR_"))]:
        monkeypatch.delenv(name)
    for name, value in isolated_environment({}, endpoint_url=endpoint_url).items():
        monkeypatch.setenv(name, value)


def metrics_of(text: str) -> dict[str, Any]:
    """The one line of what was printed that CloudWatch makes metrics of."""
    [line] = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    fields: dict[str, Any] = line
    return fields
