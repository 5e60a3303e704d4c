"""Whole processes: their time and their memory, from the start to the first token in hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.http_server import HttpServer, Reply, Request, json_reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PROGRAMS", "best_processes"]

READ = "from rotator.reader import get_token; get_token('s')"
READ_BY_SDK = """
from rotator.reader import TokenReader
TokenReader("s", source="sdk", background=False).token()
"""
READ_BY_BOTO3 = """
import boto3, json
client = boto3.client("secretsmanager")
json.loads(client.get_secret_value(SecretId="s")["SecretString"])["access_token"]
"""
READ_BY_POWERTOOLS = """
from aws_lambda_powertools.utilities import parameters
parameters.get_secret("s", transform="json")["access_token"]
"""
READ_BY_CACHING = """
import botocore.session, json
from aws_secretsmanager_caching import SecretCache
cache = SecretCache(client=botocore.session.get_session().create_client("secretsmanager"))
json.loads(cache.get_secret_string("s"))["access_token"]
"""
PEAK = """
import re
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""
# Linux only; what `resource` calls the maximum begins with that of the process that started it.

PROGRAMS = {
    "bare": ("pass", "sdk"),
    "import": ("import rotator.reader", "sdk"),
    "loopback": (READ, "agent"),
    "direct": (READ, "sdk"),
    "sdk": (READ_BY_SDK, "sdk"),
    "boto3": (READ_BY_BOTO3, "sdk"),
    "powertools": (READ_BY_POWERTOOLS, "sdk"),
    "caching": (READ_BY_CACHING, "sdk"),
}
"""Name to program and to the service that it reads from."""

ROUNDS = {"bare": 4, "import": 4}
"""How often as many runs of the short ones: a millisecond counts there."""

MEMORY_ROUNDS = 3
"""Memory hardly varies."""


def serve_token(_: Request) -> Reply:
    """GetSecretValue and DescribeSecret, for the agent's clients and for the SDK's."""
    fields = {"access_token": "t", "expires_at_epoch": int(time.time()) + 3600}
    version = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"
    content = {
        "SecretString": json.dumps(fields),
        "VersionId": version,
        "VersionIdsToStages": {version: ["AWSCURRENT"]},
    }
    return json_reply(200, content, Content_Type="application/x-amz-json-1.1")


@contextmanager
def served() -> Iterator[dict[str, dict[str, str]]]:
    """Both services in a process of their own; gives the environments of their clients."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.reader_cold"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        passed_on = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        yield {
            "agent": passed_on
            | {"AWS_TOKEN": "ssrf", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port},
            "sdk": passed_on
            | {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "x",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        }
    finally:
        server.communicate()  # it serves until its input ends


def best_processes(rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds and peak MB of each program: the best of so many runs, taken in turn."""
    best_ms = dict.fromkeys(PROGRAMS, float("inf"))
    least_mb = dict.fromkeys(PROGRAMS, float("inf"))
    with served() as environments:
        for turn in range(rounds + 1):
            for name, (program, service) in PROGRAMS.items():
                environment = environments[service]
                for _ in range(ROUNDS.get(name, 1)):
                    spent_ms = run_ms(program, environment)
                    if turn:  # the first run compiles, and fills the file cache
                        best_ms[name] = min(best_ms[name], spent_ms)
                if turn < MEMORY_ROUNDS:
                    least_mb[name] = min(least_mb[name], peak_mb(program, environment))
    return best_ms, least_mb


def run_ms(program: str, environment: Mapping[str, str]) -> float:
    """The wall time of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=dict(environment), check=True)
    return (time.perf_counter() - start) * 1e3


def peak_mb(program: str, environment: Mapping[str, str]) -> float:
    """The largest resident memory of one process."""
    done = subprocess.run(
        [sys.executable, "-c", program + "\n" + PEAK],
        env=dict(environment),
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout) / 1024


if __name__ == "__main__":
    with HttpServer(serve_token) as server:
        print(server.port, flush=True)
        sys.stdin.read()
