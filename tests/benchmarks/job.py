"""The job and the shell's read, as whole processes: against what one would write instead.

The peer is a plain script with boto3 and requests that makes the same calls of Secrets Manager and
of the token endpoint, and checks nothing. Both talk to the same local servers, one after the other
in turn; of each the best run counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotator.local.environment import secrets_manager_client
from rotator.local.playground import playground
from tests.benchmarks.table import Figure, Table, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.local.playground import Playground

__all__ = ["run"]

ROUNDS = 15
LIFETIME_S = 86_399
DUE_AGE_S = 84_600

GOALS_OF_THE_JOB = {"wall_s": 1.15, "cpu_s": 1.15, "peak_kb": 1.15}
GOALS_OF_THE_READ = {"wall_s": 0.5, "cpu_s": 0.5}

PLAIN_SCRIPT = """
import json, sys
from datetime import datetime, timedelta, timezone
import boto3, requests

credentials_secret, token_secret = sys.argv[1:]
client = boto3.client("secretsmanager")
answer = client.batch_get_secret_value(SecretIdList=[credentials_secret, token_secret])
secrets = {each["Name"]: json.loads(each["SecretString"]) for each in answer["SecretValues"]}
now = datetime.now(timezone.utc)
if datetime.fromisoformat(secrets[token_secret]["expires_at"]) - now < timedelta(hours=1):
    credentials = secrets[credentials_secret]
    response = requests.post(credentials["token_url"], timeout=30, data={
        "grant_type": "client_credentials", "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
        "scope": "openid,AdobeID,read_organizations"})
    response.raise_for_status()
    token = response.json()
    expires_at = now + timedelta(seconds=token["expires_in"])
    client.put_secret_value(SecretId=token_secret, SecretString=json.dumps(
        {"access_token": token["access_token"], "expires_at": expires_at.isoformat()}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds from start to end, seconds of processor, peak memory."""

    wall_s: float
    cpu_s: float
    peak_kb: float

    @classmethod
    def of(cls, argv: list[str], environment: Mapping[str, str]) -> Cost:
        """Run it to its end; raises RuntimeError if that is not 0."""
        started_s = time.perf_counter()
        process = subprocess.Popen(
            argv, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started_s
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{argv[1:4]}: ended with {process.returncode}")
        return cls(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss)


def run() -> Table:
    """Measure, with both servers up."""
    with playground() as local:
        created = local.init()
        rotated = local.rotator("run", *local.binding.selectors)
        if created.returncode or rotated.returncode:
            raise RuntimeError(f"the local set-up failed: {created.stderr}{rotated.stderr}")
        figures = [
            *_compare("a run that is due", _due(local), local, GOALS_OF_THE_JOB),
            *_compare("a run that is not due", _not_due(local), local, GOALS_OF_THE_JOB),
            *_compare("rotator token", _token(local), local, GOALS_OF_THE_READ),
        ]
    return Table(
        name="job",
        title="The job against a plain script of boto3 and requests; the read against the AWS CLI",
        figures=tuple(figures),
        versions=versions(("boto3", "requests", "awscli", "authlib", "structlog")),
    )


def _compare(
    name: str,
    pair: tuple[Callable[[], list[str]], Callable[[], list[str]]],
    local: Playground,
    goals: Mapping[str, float],
) -> list[Figure]:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(Cost.of(pair[0](), local.environment))
        theirs.append(Cost.of(pair[1](), local.environment))
    figures = []
    for what in ("wall_s", "cpu_s", "peak_kb"):
        mine = min(getattr(cost, what) for cost in ours)
        other = min(getattr(cost, what) for cost in theirs)
        unit = "MB" if what == "peak_kb" else "ms"
        scale = 1 / 1024 if what == "peak_kb" else 1000
        figures.append(
            Figure(
                name=f"{name}: {what.rpartition('_')[0]}",
                value=mine / other,
                at_most=goals.get(what),
                detail=f"{mine * scale:.0f} {unit} against {other * scale:.0f} {unit}",
                raw={f"ours_{what}": mine, f"theirs_{what}": other},
            )
        )
    return figures


def _due(local: Playground) -> tuple[Callable[[], list[str]], Callable[[], list[str]]]:
    client = secrets_manager_client(local.endpoint_url)
    credentials = local.binding.credentials_secret

    def ours() -> list[str]:
        selectors = (
            "--credentials-secret",
            credentials,
            "--token-secret",
            _due_token(client, local),
        )
        return [sys.executable, "-m", "rotator", "run", *selectors]

    def theirs() -> list[str]:
        return [sys.executable, "-c", PLAIN_SCRIPT, credentials, _due_token(client, local)]

    return ours, theirs


def _not_due(local: Playground) -> tuple[Callable[[], list[str]], Callable[[], list[str]]]:
    binding = local.binding
    ours = [sys.executable, "-m", "rotator", "run", *binding.selectors]
    theirs = [
        sys.executable,
        "-c",
        PLAIN_SCRIPT,
        binding.credentials_secret,
        binding.token_secret,
    ]
    return lambda: ours, lambda: theirs


def _token(local: Playground) -> tuple[Callable[[], list[str]], Callable[[], list[str]]]:
    secret = local.binding.token_secret
    ours = [sys.executable, "-m", "rotator", "token", secret]
    theirs = [sys.executable, "-m", "awscli", "secretsmanager", "get-secret-value"]
    return lambda: ours, lambda: [*theirs, "--secret-id", secret]


def _due_token(client: Any, local: Playground) -> str:  # noqa: ANN401 - its methods are made at run time
    """A new token secret whose token is an hour from its end."""
    issued_at = int(time.time()) - DUE_AGE_S
    name = f"bench/{uuid.uuid4()}"
    fields = {
        "schema": 1,
        "access_token": "due",
        "token_type": "bearer",
        "issued_at": _instant(issued_at),
        "expires_at": _instant(issued_at + LIFETIME_S),
        "expires_at_epoch": issued_at + LIFETIME_S,
        "client_id": local.binding.client_id,
        "token_url": local.binding.token_url,
    }
    client.create_secret(Name=name, SecretString=json.dumps(fields))
    return name


def _instant(epoch_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_s))
