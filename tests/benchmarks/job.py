"""The job and the shell's read, as whole processes: against what one would write instead.

All talk to the same local servers, taking turns. The job and the scripts have an environment of the
run-time dependencies alone: structlog, for one, imports what it finds of its optional ones.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from rotator.local.environment import secrets_manager_client
from rotator.local.playground import Playground, playground
from tests.benchmarks.job_peers import FOUR_LIBRARIES, TWO_LIBRARIES
from tests.benchmarks.measure import RUNTIME, Cost, Launcher, in_turn
from tests.benchmarks.plot import bars
from tests.benchmarks.table import Figure, Table, compare, versions
from tests.support.documents import token_document

Costs = Mapping[str, list[Cost]]

ROOT = Path(__file__).parents[2]
# What the installed script does.
ROTATOR = (RUNTIME, "-c", "import sys; from rotator.cli import main; sys.exit(main())")

ROUNDS = 15
LIFETIME = timedelta(seconds=86_399)
DUE_AGE_S = 84_600

PEERS = {"two": "boto3 + requests", "four": "the four libraries"}
# The goals against either peer.
NOT_DUE, DUE = {"two": 0.80, "four": 0.62}, {"two": 0.85, "four": 0.65}
MEMORY_GOAL = 1.10
SDK_READ_GOAL, DIRECT_READ_GOAL = 0.35, 0.20


def run() -> Table:
    """Measure, with both servers up."""
    with (
        tempfile.NamedTemporaryFile() as configuration,
        playground() as local,
        Launcher() as launcher,
    ):
        created = local.init()
        rotated = local.rotator("run", *local.binding.selectors)
        if created.returncode or rotated.returncode:
            raise RuntimeError(f"the local set-up failed: {created.stderr}{rotated.stderr}")
        client = secrets_manager_client(local.endpoint_url)
        not_due = _runs(local, launcher, lambda: local.binding.token_secret)
        due = _runs(local, launcher, lambda: _due_token(client, local))
        figures = [
            *_job_figures("run, not due", in_turn(not_due, rounds=ROUNDS), NOT_DUE),
            *_job_figures("run, due", in_turn(due, rounds=ROUNDS), DUE),
            *_read_figures(in_turn(_reads(local, launcher, configuration.name), rounds=ROUNDS)),
        ]
    return Table(
        name="job",
        title="The job against plain scripts; the shell's read against the AWS CLI",
        figures=tuple(figures),
        versions=versions(("boto3", "requests", "structlog", "Authlib", "awscli")),
    )


def draw(table: Table) -> dict[str, str]:
    """The plot of what one run takes, by its name."""
    values: dict[str, float] = {}
    for kind in ("not due", "due"):
        for label in PEERS.values():
            raw = table.raw(f"run, {kind}: CPU, times {label}")
            values[f"rotator run, {kind}"] = raw["ours_ms"]
            values[f"{label}, {kind}"] = raw["theirs_ms"]
    return {
        "run": bars(
            values,
            title="One run of the job, in milliseconds of CPU (shorter is better)",
            caption=f"{table.measured_at[:10]}, {table.measured_on()}",
            ours={"rotator run, not due", "rotator run, due"},
        )
    }


def _job_figures(name: str, costs: Costs, goals: Mapping[str, float]) -> list[Figure]:
    figures = []
    for peer, label in PEERS.items():
        for what, field in (("wall", "wall_s"), ("CPU", "cpu_s")):
            figures.append(
                compare(
                    f"{name}: {what}, times {label}",
                    _each(costs["rotator"], field),
                    _each(costs[peer], field),
                    scale=1000,
                    at_most=goals[peer],
                )
            )
    figures.append(
        compare(
            f"{name}: peak memory, times {PEERS['two']}",
            _each(costs["rotator"], "peak_kb"),
            _each(costs["two"], "peak_kb"),
            unit="MB",
            scale=1 / 1024,
            at_most=MEMORY_GOAL,
        )
    )
    return figures


def _read_figures(costs: Costs) -> list[Figure]:
    return [
        compare(
            f"rotator token, {source}: {what}, times the AWS CLI",
            _each(costs[source], field),
            _each(costs["cli"], field),
            scale=1000,
            at_most=goal,
        )
        for source, goal in (("direct", DIRECT_READ_GOAL), ("sdk", SDK_READ_GOAL))
        for what, field in (("wall", "wall_s"), ("CPU", "cpu_s"))
    ]


def _each(costs: list[Cost], field: str) -> list[float]:
    return [getattr(cost, field) for cost in costs]


def _runs(
    local: Playground, launcher: Launcher, token_secret: Callable[[], str]
) -> dict[str, Callable[[], Cost]]:
    credentials = local.binding.credentials_secret
    environment = local.environment | {"PYTHONPATH": str(ROOT)}

    def rotator() -> Cost:
        names = ("--credentials-secret", credentials, "--token-secret", token_secret())
        return launcher.cost([*ROTATOR, "run", *names], environment)

    def script(text: str) -> Callable[[], Cost]:
        return lambda: launcher.cost(
            [RUNTIME, "-c", text, credentials, token_secret()], environment
        )

    return {"rotator": rotator, "two": script(TWO_LIBRARIES), "four": script(FOUR_LIBRARIES)}


def _reads(
    local: Playground, launcher: Launcher, configuration: str
) -> dict[str, Callable[[], Cost]]:
    secret = local.binding.token_secret
    ours = [*ROTATOR, "token", secret]
    theirs = [sys.executable, str(Path(sys.executable).with_name("aws"))]
    theirs += ["secretsmanager", "get-secret-value"]
    # A CA bundle of this machine's, or a configuration, even an empty one, is left to the SDK.
    simple = {
        name: value
        for name, value in local.environment.items()
        if not name.startswith("SSL_") and not name.endswith("_CA_BUNDLE")
    }
    simple["PYTHONPATH"] = str(ROOT)
    configured = simple | {"AWS_CONFIG_FILE": configuration}
    return {
        "direct": lambda: launcher.cost(ours, simple),
        "sdk": lambda: launcher.cost(ours, configured),
        "cli": lambda: launcher.cost([*theirs, "--secret-id", secret], simple),
    }


def _due_token(client: Any, local: Playground) -> str:  # noqa: ANN401 - its methods are made at run time
    """A new token secret whose token is half an hour from its end."""
    name = f"bench/{uuid.uuid4()}"
    fields = token_document(
        "due",
        issued_at=int(time.time()) - DUE_AGE_S,
        lifetime=LIFETIME,
        next_rotation_at=None,
        client_id=local.binding.client_id,
        scope=None,
        token_url=local.binding.token_url,
    )
    client.create_secret(Name=name, SecretString=json.dumps(fields))
    return name
