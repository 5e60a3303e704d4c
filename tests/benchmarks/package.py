"""The function's package, against the same job as a plain handler with boto3 and requests.

Both are run by AWS's runtime client in an interpreter of the function's version without
site-packages, byte code and all, against the same local servers, taking turns. What they do not
share is work: the plain one validates nothing, keeps no expiry, and two of it race. A zip without
byte code is compiled at each cold start, so the plain one is measured like that too.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from infra.interpreters import find_lambda_python
from infra.package import Package, build, byte_compile, install, pack
from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.server_process import ServerProcess
from tests.benchmarks.lambda_init import Start, init_figures
from tests.benchmarks.measure import in_turn
from tests.benchmarks.table import Figure, Table, compare, versions
from tests.benchmarks.tls_endpoint import TlsEndpoint, serve
from tests.deployed.runtime_api import RuntimeProcess, copy_runtime_client, unpack
from tests.support.documents import token_document

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "build" / "e2e"
PLAIN_CLOSURE = {
    "boto3",
    "botocore",
    "certifi",
    "charset-normalizer",
    "idna",
    "jmespath",
    "python-dateutil",
    "requests",
    "s3transfer",
    "six",
    "urllib3",
}
ROUNDS, WARM_ROUNDS = 9, 12
MINT_GOAL, NOT_DUE_GOAL = 0.95, 0.85
PLAIN = """
import json, os, time
import boto3, requests

secrets = boto3.client("secretsmanager")

def handler(event, context):
    stored = secrets.get_secret_value(SecretId=os.environ["ROTATOR_TOKEN_SECRET"])
    token = json.loads(stored["SecretString"])
    if time.time() - token.get("issued_at", 0) < 23 * 3600:
        return {"outcome": "not_due"}
    held = secrets.get_secret_value(SecretId=os.environ["ROTATOR_CREDENTIALS_SECRET"])
    credentials = json.loads(held["SecretString"])
    issued_at = int(time.time())
    answer = requests.post(credentials["token_url"], timeout=10, data={
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
    })
    answer.raise_for_status()
    token = {"access_token": answer.json()["access_token"], "issued_at": issued_at}
    secrets.put_secret_value(
        SecretId=os.environ["ROTATOR_TOKEN_SECRET"], SecretString=json.dumps(token)
    )
    print(json.dumps(token["issued_at"]))
    return {"outcome": "rotated"}
"""
HANDLERS = {
    "rotator": "rotator.lambda_handler.handler",
    "plain": "plain.handler",
    "source": "plain.handler",
}
"""`source` is the plain one without byte code."""


class PackageRig:
    """Both packages unpacked, each with secrets of its own on the same local servers."""

    def __init__(self, folder: Path, python: str, endpoint_url: str, ims: TlsEndpoint) -> None:
        self._python = python
        self._client = secrets_manager_client(endpoint_url)
        self._token_url = ims.token_url
        self.runtime_client = copy_runtime_client(TOOLS, folder / "runtime-client")
        self.packages = {
            "rotator": build("x86_64", folder, compiler=python),
            **_build_plain(folder, python),
        }
        self.tasks = {name: unpack(p.path, folder / name) for name, p in self.packages.items()}
        credentials = {"client_id": "an-id", "client_secret": "a-secret"}
        credentials |= {"provider": "generic", "token_url": ims.token_url}
        credentials |= {"auth_method": "client_secret_post"}
        self._client.create_secret(Name="bench/credentials", SecretString=json.dumps(credentials))
        self._environments: dict[str, Mapping[str, str]] = {}
        for name in HANDLERS:
            self._client.create_secret(Name=f"bench/{name}", SecretString="{}")
            self._environments[name] = isolated_environment({}, endpoint_url=endpoint_url) | {
                "ROTATOR_CREDENTIALS_SECRET": "bench/credentials",
                "ROTATOR_TOKEN_SECRET": f"bench/{name}",
                # One is read by rotator, the other by requests.
                "SSL_CERT_FILE": str(ims.ca_bundle),
                "REQUESTS_CA_BUNDLE": str(ims.ca_bundle),
            }

    def make_due(self, name: str) -> None:
        """Store a token that was minted the day before, as each of the two writes it."""
        before = datetime.now(UTC) - timedelta(hours=23, minutes=10)
        document: Mapping[str, object] = (
            token_document(issued_at=before, client_id="an-id", token_url=self._token_url)
            if name == "rotator"
            else {"access_token": "first", "issued_at": int(before.timestamp())}
        )
        self._client.put_secret_value(SecretId=f"bench/{name}", SecretString=json.dumps(document))

    def process(self, name: str) -> RuntimeProcess:
        """A new execution environment."""
        return RuntimeProcess(
            self._python,
            task=self.tasks[name],
            runtime_client=self.runtime_client,
            handler=HANDLERS[name],
            environment=self._environments[name],
        )

    def cold(self, name: str, *, due: bool) -> Start:
        """From the start of the interpreter to the answer to its first event."""
        if due:
            self.make_due(name)
        started_s = time.perf_counter()
        with self.process(name) as process:
            _expect(process.invoke({}).value, due=due)
            return Start(time.perf_counter() - started_s, process.cpu_s())

    def warm_s(self, *, due: bool) -> dict[str, list[float]]:
        """From an event to the answer, in environments that have answered before."""
        with self.process("rotator") as ours, self.process("plain") as theirs:

            def answer_s(name: str, process: RuntimeProcess) -> float:
                if due:
                    self.make_due(name)
                answer = process.invoke({})
                _expect(answer.value, due=due)
                return answer.duration_s

            return in_turn(
                {
                    "rotator": partial(answer_s, "rotator", ours),
                    "plain": partial(answer_s, "plain", theirs),
                },
                rounds=WARM_ROUNDS,
            )


def run() -> Table:
    """Measure; without the function's Python or the runtime client it says so instead."""
    python = find_lambda_python()
    if python is None or not (TOOLS / "complete").exists():
        missing = "*** THE PACKAGE WAS NOT MEASURED: no python3.13, or no build/e2e ***"
        return Table(name="package", title=missing, figures=())
    environment = isolated_environment(os.environ)
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess("rotator.local.secrets_manager", environment=environment) as manager,
        serve(Path(folder)) as ims,
    ):
        rig = PackageRig(Path(folder), python, manager.announcement["endpoint_url"], ims)
        figures = [_size(rig.packages), *_cold(rig, due=True), *_cold(rig, due=False)]
        figures += [_warm(rig, due=True), _warm(rig, due=False)]
        figures += init_figures(
            Path(folder), python, runtime_client=rig.runtime_client, plain=rig.tasks["plain"]
        )
        _make_removable(Path(folder))
    return Table(
        name="package",
        title="The function against a plain handler of boto3 + requests, by the runtime client",
        figures=tuple(figures),
        versions=versions(("boto3", "botocore", "requests", "Authlib")),
    )


def _size(packages: Mapping[str, Package]) -> Figure:
    ours, theirs = packages["rotator"], packages["plain"]
    return Figure(
        name="zip size",
        value=ours.size_bytes / theirs.size_bytes,
        detail=f"{ours.size_bytes / 1e6:.1f} MB / {theirs.size_bytes / 1e6:.1f} MB",
        raw={"ours_bytes": ours.size_bytes, "theirs_bytes": theirs.size_bytes},
    )


def _cold(rig: PackageRig, *, due: bool) -> list[Figure]:
    for name in HANDLERS:
        rig.cold(name, due=True)
    taken = in_turn({name: partial(rig.cold, name, due=due) for name in HANDLERS}, rounds=ROUNDS)
    goal = MINT_GOAL if due else NOT_DUE_GOAL
    return [
        compare(
            f"cold, {'mints' if due else 'not due'}: {what}{against}",
            [getattr(each, field) for each in taken["rotator"]],
            [getattr(each, field) for each in taken[peer]],
            scale=1000,
            at_most=at_most,
        )
        for peer, against, at_most in (
            ("plain", "", goal),
            ("source", ", times the plain one without byte code", None),
        )
        for what, field in (("wall", "wall_s"), ("CPU", "cpu_s"))
    ]


def _warm(rig: PackageRig, *, due: bool) -> Figure:
    taken_s = rig.warm_s(due=due)
    name = f"warm, {'mints' if due else 'not due'}: wall"
    return compare(name, taken_s["rotator"], taken_s["plain"], scale=1000)


def _build_plain(folder: Path, python: str) -> dict[str, Package]:
    """The same way as ours, all of botocore included, as people's packages have it."""
    task = folder / "plain-build"
    task.mkdir()
    lock = folder / "plain.txt"
    lock.write_text(_pins(PLAIN_CLOSURE), "utf-8")
    install(task, "x86_64", lock)
    (task / "plain.py").write_text(PLAIN, "utf-8")
    source = pack(task, folder / "source.zip")
    byte_compile(task, python)
    return {"plain": pack(task, folder / "plain.zip"), "source": source}


def _pins(names: set[str]) -> str:
    """The lines of the lock for these packages, hashes included; RuntimeError if one is missing."""
    text = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    pins = {m[1]: m[0] for m in re.finditer(r"^([\w.-]+)==(?:.*\\\n)+.*\n", text, re.MULTILINE)}
    missing = names - pins.keys()
    if missing:
        raise RuntimeError(f"requirements/dev.txt: does not pin {', '.join(sorted(missing))}")
    return "".join(pins[name] for name in sorted(names))


def _expect(value: dict[str, Any], *, due: bool) -> None:
    if value.get("outcome") != ("rotated" if due else "not_due"):
        raise RuntimeError(f"the function: answered {json.dumps(value)}")


def _make_removable(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


if __name__ == "__main__":
    sys.stdout.write(run().text() + "\n")
