"""The reader against what people use today: one run, ratios, the peers as installed from PyPI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.reader.clocked import ClockedReader
from tests.benchmarks.plot import bars
from tests.benchmarks.reader_cold import best_processes
from tests.benchmarks.table import Figure, Table, versions
from tests.support.clock import FunctionClock

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["draw", "run"]

PEERS = (
    "boto3",
    "aws-lambda-powertools",
    "aws-secretsmanager-caching",
    "google-auth",
    "azure-core",
    "msal",
    "cachetools",
)
PROCESS_ROUNDS = 20
WARM_PROCESSES = 3
DAY_S = 86_400
DAYS = 30


def run() -> Table:
    """Measure everything; takes about three minutes."""
    # The peers were compiled when they were installed; this lets our modules be as well.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # How fast a process runs also depends on where its objects happen to lie.
    warm_runs = [measured("reader_warm") for _ in range(WARM_PROCESSES)]
    warm = {name: min(each[name] for each in warm_runs) for name in warm_runs[0]}
    refresh = {name: measured("reader_refresh", name) for name in ("ours", "powertools", "caching")}
    spent_ms, peak_mb = best_processes(PROCESS_ROUNDS)
    return Table(
        name="reader",
        title="The reader (ratios; the best of many runs, taken in turn)",
        figures=(
            *warm_figures(warm),
            *process_figures(spent_ms, peak_mb),
            *refresh_figures(refresh),
            calls_figure(),
        ),
        versions=versions(PEERS),
    )


def measured(module: str, *arguments: str) -> dict[str, float]:
    """What a measuring program prints, run in a process of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def warm_figures(ns: Mapping[str, float]) -> list[Figure]:
    """Reads of a token in hand."""
    token = ns["token"]
    against = [
        ("powertools_string", "Powertools get_secret", 20.0),
        ("secretsmanager_caching", "aws-secretsmanager-caching", 300.0),
        ("msal", "MSAL acquire_token_for_client", None),
        ("google_auth", "google-auth valid", None),
        ("cachetools", "cachetools TTLCache and lock", None),
        ("azure_core", "azure-core's check", None),
    ]
    return [
        Figure(
            name="token(), times the floor",
            value=token / ns["floor"],
            at_most=1.5,
            detail=f"{token:.0f} ns against {ns['floor']:.0f} for a slot, a clock, a comparison",
            raw={"token_ns": token, "floor_ns": ns["floor"], "headers_ns": ns["headers"]},
        ),
        *(
            Figure(
                name=f"token(), times faster than {label}",
                value=ns[key] / token,
                at_least=goal,
                detail=f"{ns[key]:,.0f} ns",
                raw={f"{key}_ns": ns[key]},
            )
            for key, label, goal in against
        ),
        Figure(
            name="eight threads, ns per read, times one thread",
            value=ns["eight_threads"] / ns["one_thread"],
            at_most=1.15,
            detail=f"{ns['eight_threads']:.0f} ns against {ns['one_thread']:.0f}",
            raw={name: ns[name] for name in ("one_thread", "eight_threads")},
        ),
    ]


def process_figures(ms: Mapping[str, float], mb: Mapping[str, float]) -> list[Figure]:
    """Whole processes."""
    ratios = [
        ("import rotator.reader, times the bare interpreter", ms, "import", "bare", 1.25),
        ("cold process through loopback, times boto3", ms, "loopback", "boto3", 0.20),
        ("cold process, direct, times boto3", ms, "direct", "boto3", 0.22),
        ("cold process through the SDK, times boto3", ms, "sdk", "boto3", 0.90),
        ("cold process through the SDK, times Powertools", ms, "sdk", "powertools", None),
        ("cold process through the SDK, times caching", ms, "sdk", "caching", None),
        ("peak memory through loopback, times boto3", mb, "loopback", "boto3", 0.45),
        ("peak memory, direct, times boto3", mb, "direct", "boto3", 0.45),
        ("peak memory through the SDK, times boto3", mb, "sdk", "boto3", 0.95),
    ]
    return [
        Figure(
            name=name,
            value=of[ours] / of[theirs],
            at_most=goal,
            detail=f"{of[ours]:.1f} {unit} against {of[theirs]:.1f}",
            raw={f"{ours}_{unit}": of[ours], f"{theirs}_{unit}": of[theirs]},
        )
        for name, of, ours, theirs, goal in ratios
        for unit in ("ms" if of is ms else "MB",)
    ]


def refresh_figures(found: Mapping[str, Mapping[str, float]]) -> list[Figure]:
    """Eight threads that read on while a slow service answers."""
    ours, powertools, caching = (found[name] for name in ("ours", "powertools", "caching"))
    return [
        Figure(
            name="reads over 10 ms during refreshes of 50 ms",
            value=ours["slow_reads"],
            at_most=0,
            detail=(
                f"slowest {ours['slowest_ms']:.1f} ms of {ours['reads']:.0f} reads; Powertools"
                f" {powertools['slow_reads']:.0f} (slowest {powertools['slowest_ms']:.0f} ms),"
                f" caching {caching['slow_reads']:.0f} ({caching['slowest_ms']:.0f} ms)"
            ),
            raw={f"{name}_{key}": value for name, of in found.items() for key, value in of.items()},
        ),
        Figure(
            name="upstream calls per refresh",
            value=(ours["calls"] - 1) / ours["refreshes"],
            at_most=1,
            detail=(
                f"{ours['refreshes']:.0f} refreshes; Powertools"
                f" {(powertools['calls'] - 1) / powertools['expected_refreshes']:.1f}"
            ),
        ),
    ]


class CountingService:
    """A rotator that ticks every 15 minutes, and its token secret."""

    has_fresh = False

    def __init__(self) -> None:
        self.calls = 0
        self.issued_at = 0.0

    def tick(self, now: float) -> None:
        """Rotate the token if it is due."""
        if now >= self.issued_at + 23 * 3600:
            self.issued_at = now

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> dict[str, Any]:
        """As GetSecretValue answers."""
        del secret_id, stage, fresh
        self.calls += 1
        fields = {
            "access_token": "t",
            "issued_at": rfc3339(self.issued_at),
            "next_rotation_at": rfc3339(self.issued_at + 23 * 3600),
            "expires_at": rfc3339(self.issued_at + DAY_S),
        }
        return {"SecretString": json.dumps(fields), "VersionId": "v"}


def rfc3339(at: float) -> str:
    """The instant as the token secret writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def calls_figure() -> Figure:
    """A consumer that reads all day long, for thirty days of its own clock."""
    at = [1_800_000_000.0]
    service = CountingService()
    reader = ClockedReader(
        "s", source=service, background=False, clock=FunctionClock(lambda: at[0])
    )
    for second in range(0, DAYS * DAY_S, 30):
        if second % 900 == 0:
            service.tick(at[0])
        reader.token()
        at[0] += 30
    return Figure(
        name="upstream calls per consumer and day, simulated",
        value=service.calls / DAYS,
        at_most=4,
        detail="aws-secretsmanager-caching by default: 24, one an hour",
    )


def draw(table: Table) -> str:
    """The plot for the README: what one warm read costs, from the numbers of this table."""
    ns = {name: value for each in table.figures for name, value in each.raw.items()}
    names = {
        "rotator.reader": "token_ns",
        "azure-core's check": "azure_core_ns",
        "cachetools TTLCache": "cachetools_ns",
        "google-auth": "google_auth_ns",
        "Powertools": "powertools_string_ns",
        "MSAL": "msal_ns",
        "secretsmanager-caching": "secretsmanager_caching_ns",
    }
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return bars(
        {label: ns[key] for label, key in names.items()},
        title="One read of a cached token, in nanoseconds (logarithmic)",
        caption=f"{today}, {table.measured_on()}",
        marker=("floor: a clock read and a comparison", ns["floor_ns"]),
    )
