"""Processes that keep a fleet, ours and plain ones, and what each took."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rotator.local.environment import isolated_environment
from tests.benchmarks.fleet_world import FleetWorld

WATCHED = """
import sys
from rotator.cli import main

code = main()
try:
    status = open("/proc/self/status").read()
    print(next(line for line in status.splitlines() if line.startswith("VmHWM")), file=sys.stderr)
except OSError:
    pass
sys.exit(code)
"""
"""`rotator`, which says in the end how much memory it had at most: what the kernel tells a parent
(`ru_maxrss`) counts the parent's own memory before the child's program began."""

PLAIN_LOOP = """
import json, sys
import boto3

client = boto3.client("secretsmanager")
for number in range(int(sys.argv[1])):
    for kind in "ct":
        found = client.get_secret_value(SecretId=f"{kind}/{number}")
        json.loads(found["SecretString"])
"""

PLAIN_POOL = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
import boto3, requests
from botocore.config import Config

client = boto3.client("secretsmanager", config=Config(max_pool_connections=16))

def rotate(number):
    found = client.get_secret_value(SecretId=f"c/{number}")
    credentials = json.loads(found["SecretString"])
    response = requests.post(credentials["token_url"], timeout=30, data={
        "grant_type": "client_credentials", "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"]})
    response.raise_for_status()
    token = response.json()
    expires_at = datetime.now(timezone.utc) + timedelta(seconds=token["expires_in"])
    client.put_secret_value(SecretId=f"t/{number}", SecretString=json.dumps(
        {"access_token": token["access_token"], "expires_at": expires_at.isoformat()}))

with ThreadPoolExecutor(16) as pool:
    for done in [pool.submit(rotate, number) for number in range(int(sys.argv[1]))]:
        done.exception()
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process took: seconds of time and of processor, and peak memory (0: not known)."""

    began_at: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    code: int


def rotator(world: FleetWorld, *args: str) -> Taken:
    """One command of ours; any exit code is an answer."""
    return _run(world, [sys.executable, "-c", WATCHED, *args])


def plain(world: FleetWorld, script: str, *args: str) -> Taken:
    """A script that a team would write."""
    return _run(world, [sys.executable, "-c", script, *args])


def _run(world: FleetWorld, argv: list[str]) -> Taken:
    bundle = str(world.folder / "ca-bundle.pem")
    environment = isolated_environment(os.environ, endpoint_url=world.wire.endpoint_url)
    environment |= {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}
    with tempfile.TemporaryFile("w+") as told:
        began_at = time.monotonic()
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            stderr=told,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began_at
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        peaks = [line.split()[1] for line in told if line.startswith("VmHWM")]
    return Taken(
        began_at=began_at,
        wall_s=wall_s,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=int(peaks[0]) / 1024 if peaks else 0.0,
        code=process.returncode,
    )
