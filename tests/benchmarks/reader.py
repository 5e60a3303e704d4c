"""The reader against what people use today, as installed from PyPI: ratios of one run."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from rotator.reader.clocked import ClockedReader
from tests.benchmarks.measure import Cost
from tests.benchmarks.plot import bars
from tests.benchmarks.reader_cold import cold_costs
from tests.benchmarks.table import Figure, Table, compare, versions
from tests.support.clock import FunctionClock
from tests.support.reader_rig import rfc3339

Rounds = Mapping[str, list[float]]

PEERS = (
    "boto3",
    "aws-lambda-powertools",
    "aws-secretsmanager-caching",
    "google-auth",
    "azure-core",
    "msal",
    "cachetools",
)
PROCESS_ROUNDS = 15
WARM_PROCESSES = 3
DAY_S = 86_400
DAYS = 30


def run() -> Table:
    """Measure everything; takes about three minutes."""
    # How fast a process runs also depends on where its objects happen to lie.
    warm_runs = [measured("reader_warm") for _ in range(WARM_PROCESSES)]
    warm = {name: [ns for each in warm_runs for ns in each[name]] for name in warm_runs[0]}
    refresh = {name: measured("reader_refresh", name) for name in ("ours", "powertools", "caching")}
    costs = cold_costs(PROCESS_ROUNDS)
    return Table(
        name="reader",
        title="The reader against what people use today",
        figures=(
            *warm_figures(warm),
            *process_figures(costs),
            *refresh_figures(refresh),
            calls_figure(),
        ),
        versions=versions(PEERS),
    )


def measured(module: str, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """What a measuring program prints, run in a process of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


WARM_PEERS = {
    "powertools_string": ("Powertools get_secret", 20.0),
    "secretsmanager_caching": ("aws-secretsmanager-caching", 300.0),
    "msal": ("MSAL acquire_token_for_client", None),
    "google_auth": ("google-auth valid", None),
    "cachetools": ("cachetools TTLCache and lock", None),
    "azure_core": ("azure-core's check", None),
}


def warm_figures(ns: Rounds) -> list[Figure]:
    return [
        compare(FLOOR, ns["token"], ns["floor"], unit="ns", at_most=1.45),
        *(
            compare(
                f"token(), times faster than {label}",
                ns[key],
                ns["token"],
                unit="ns",
                at_least=goal,
            )
            for key, (label, goal) in WARM_PEERS.items()
        ),
        compare(
            "a read in each of eight threads, times one thread",
            ns["eight_threads"],
            ns["one_thread"],
            unit="ns",
            at_most=1.15,
        ),
    ]


FLOOR = "token(), times a slot, a clock and a comparison"
# What a process is called, its name among PROGRAMS, and its goal against boto3.
COLD = (
    ("through loopback", "loopback", 0.20),
    ("direct, a whole CA bundle", "direct", 0.22),
    ("direct, Amazon's five roots", "direct_five", 0.18),
    ("through the SDK", "sdk", 0.90),
)
COLD_PEERS = {"powertools": "Powertools", "caching": "aws-secretsmanager-caching"}
PEAK = (("through loopback", "loopback", 0.45), ("direct", "direct", 0.45), ("SDK", "sdk", 0.95))


def process_figures(costs: Mapping[str, list[Cost]]) -> list[Figure]:
    """Whole processes, from their start to a token that was read over verified TLS."""

    def each(name: str, field: str) -> list[float]:
        return [getattr(cost, field) for cost in costs[name]]

    def pair(
        name: str, ours: str, theirs: str, goal: float | None, field: str = "wall_s"
    ) -> Figure:
        return compare(name, each(ours, field), each(theirs, field), scale=1000, at_most=goal)

    return [
        pair("import rotator.reader, times the bare interpreter", "import", "bare", 1.25),
        *(
            pair(f"cold process, {label}: {what}, times boto3", name, "boto3", goal, field)
            for label, name, goal in COLD
            for what, field in (("wall", "wall_s"), ("CPU", "cpu_s"))
        ),
        *(
            pair(f"cold process, {label}: {what}, times boto3", name, "boto3", None, field)
            for name, label in COLD_PEERS.items()
            for what, field in (("wall", "wall_s"), ("CPU", "cpu_s"))
        ),
        *(
            compare(
                f"peak memory, {label}, times boto3",
                each(name, "peak_kb"),
                each("boto3", "peak_kb"),
                unit="MB",
                scale=1 / 1024,
                at_most=goal,
            )
            for label, name, goal in PEAK
        ),
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
        if now >= self.issued_at + 23 * 3600:
            self.issued_at = now

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> dict[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        fields = {
            "access_token": "t",
            "issued_at": rfc3339(self.issued_at),
            "next_rotation_at": rfc3339(self.issued_at + 23 * 3600),
            "expires_at": rfc3339(self.issued_at + DAY_S),
        }
        return {"SecretString": json.dumps(fields), "VersionId": "v"}


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


def draw(table: Table) -> dict[str, str]:
    """The plots: what a warm read costs, and a cold process."""
    caption = f"{table.measured_at[:10]}, {table.measured_on()}"
    floor = table.raw(FLOOR)
    warm = {"rotator.reader": floor["ours_ns"]}
    for label, _ in WARM_PEERS.values():
        warm[label] = table.raw(f"token(), times faster than {label}")["ours_ns"]
    cold = {
        f"reader, {label}": table.raw(f"cold process, {label}: CPU, times boto3")["ours_ms"]
        for label, *_ in COLD
    }
    ours = {*cold, "rotator.reader"}
    for label in COLD_PEERS.values():
        raw = table.raw(f"cold process, {label}: CPU, times boto3")
        cold |= {"boto3": raw["theirs_ms"], label: raw["ours_ms"]}
    return {
        "warm": bars(
            warm,
            title="One read of a cached token, in nanoseconds (logarithmic; shorter is better)",
            caption=caption,
            ours=ours,
            marker=("floor: a clock read and a comparison", floor["theirs_ns"]),
            logarithmic=True,
        ),
        "cold": bars(
            cold,
            title="A process until its first token, in milliseconds of CPU (shorter is better)",
            caption=caption,
            ours=ours,
        ),
    }
