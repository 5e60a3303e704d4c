"""A fleet of a thousand bindings against quotas enforced on loopback.

Times are those of whole processes, from their start to their end. The strict Secrets Manager and
the provider share this machine with what is measured.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.fleet_process import PLAIN_LOOP, PLAIN_POOL, Taken, plain, rotator
from tests.benchmarks.fleet_world import fleet_world
from tests.benchmarks.table import Figure, Table, versions

if TYPE_CHECKING:
    from tests.benchmarks.fleet_world import FleetWorld

__all__ = ["run"]

FLEET = range(1_000)
MANY = range(10_000)
HANGING = range(50)
SINGLES = 10
ROUNDS = 3

FULL_QUOTA = {"puts_per_s": 50, "reads_per_s": 100}
"""Requests a second that AWS allows a region; by default a fleet leaves a fifth to others."""


def run() -> Table:
    """Measure; a few minutes, most of them at the pace of the quotas."""
    with tempfile.TemporaryDirectory() as folder, fleet_world(Path(folder)) as world:
        world.create(len(FLEET))
        idle = _start_cost(world)
        figures = [
            *_not_due(world, idle),
            *_due(world, idle),
            *_hanging(world),
            *_plain_pool(world),
            _many(world),
        ]
    return Table(
        name="fleet",
        title="A fleet at the quotas of Secrets Manager",
        figures=tuple(figures),
        versions=versions(("boto3", "requests")),
    )


def _start_cost(world: FleetWorld) -> Taken:
    """A run over one binding: what a fleet's run costs before its first binding."""
    manifest = world.manifest(range(1), **FULL_QUOTA)
    return min((_run(world, manifest) for _ in range(ROUNDS)), key=lambda each: each.cpu_s)


def _run(world: FleetWorld, manifest: str) -> Taken:
    world.begin()
    return rotator(world, "run", "--config", manifest)


def _not_due(world: FleetWorld, idle: Taken) -> list[Figure]:
    world.begin()
    discovered = rotator(world, "run", "--discover")
    counts = world.counts()
    manifest = world.manifest(FLEET, **FULL_QUOTA)
    taken = min((_run(world, manifest) for _ in range(ROUNDS)), key=lambda each: each.wall_s)
    cpu_s = min(taken.cpu_s, discovered.cpu_s)
    single = _single_run_s(world)
    world.begin()
    loop = min(
        (plain(world, PLAIN_LOOP, str(len(FLEET))) for _ in range(2)), key=lambda each: each.cpu_s
    )
    others = counts.total() - counts["BatchGetSecretValue"] - counts["ListSecrets"]
    return [
        Figure(
            name="1,000 not due: BatchGetSecretValue",
            value=counts["BatchGetSecretValue"],
            at_most=100,
        ),
        Figure(name="1,000 not due: ListSecrets", value=counts["ListSecrets"], at_most=10),
        Figure(name="1,000 not due: other calls", value=others, at_most=0),
        Figure(
            name="1,000 not due: seconds",
            value=taken.wall_s,
            at_most=1.5,
            detail=f"of a process, at the full quota; {discovered.wall_s:.2f} s by tag at its pace",
            raw={"wall_s": taken.wall_s, "discovered_s": discovered.wall_s},
        ),
        Figure(
            name="1,000 not due: a shell loop of single runs",
            value=single * len(FLEET) / taken.wall_s,
            at_least=150,
            detail=f"{single:.3f} s for each of {SINGLES} runs, a thousand times",
            raw={"single_s": single},
        ),
        Figure(
            name="1,000 not due: processor, a plain loop of boto3",
            value=cpu_s / loop.cpu_s,
            at_most=0.5,
            detail=f"{cpu_s:.2f} s against {loop.cpu_s:.2f} s",
            raw={"ours_s": cpu_s, "loop_s": loop.cpu_s},
        ),
        _per_binding("not due", cpu_s - idle.cpu_s, at_most_ms=0.6),
    ]


def _single_run_s(world: FleetWorld) -> float:
    taken = []
    for number in range(SINGLES):
        names = ("--credentials-secret", f"c/{number}", "--token-secret", f"t/{number}")
        taken.append(rotator(world, "run", *names).wall_s)
    return sum(taken) / len(taken)


def _per_binding(kind: str, cpu_s: float, *, at_most_ms: float) -> Figure:
    return Figure(
        name=f"processor for a binding that is {kind}, in ms",
        value=1000 * cpu_s / len(FLEET),
        at_most=at_most_ms,
        detail="a run over 1,000 less a run over one, for each",
        raw={"cpu_s": cpu_s},
    )


def _due(world: FleetWorld, idle: Taken) -> list[Figure]:
    world.make_due(FLEET)
    taken = _run(world, world.manifest(FLEET, **FULL_QUOTA))
    at = sorted(world.put_at.values())
    rate_per_s = (len(at) - 1) / (at[-1] - at[0])
    counts = world.counts()
    return [
        _per_binding("due, over TLS", taken.cpu_s - idle.cpu_s, at_most_ms=8),
        Figure(
            name="1,000 due: seconds",
            value=taken.wall_s,
            at_most=22,
            detail="the provider takes 50 ms",
            raw={"wall_s": taken.wall_s},
        ),
        Figure(
            name="1,000 due: share of the 50 puts a second",
            value=rate_per_s / 50,
            at_least=0.95,
            detail=f"{rate_per_s:.1f} puts a second",
            raw={"puts_per_s": rate_per_s},
        ),
        Figure(name="1,000 due: throttled calls", value=world.service.throttled, at_most=0),
        Figure(name="1,000 due: tokens lost", value=world.lost(FLEET), at_most=0),
        Figure(
            name="1,000 due: calls of Secrets Manager",
            value=counts.total(),
            at_most=1_250,
            detail=", ".join(f"{count} {name}" for name, count in counts.most_common()),
        ),
        Figure(
            name="1,000 due: peak memory in MB",
            value=taken.peak_mb,
            at_most=80,
            detail=f"{idle.peak_mb:.0f} MB with one binding",
            raw={"peak_mb": taken.peak_mb, "idle_mb": idle.peak_mb},
        ),
    ]


def _hanging(world: FleetWorld) -> list[Figure]:
    """Of the others none may come later than the last one does where all hosts are well.

    That is measured before and after: the machine may have got slower or faster meanwhile.
    """
    healthy = range(HANGING.stop, FLEET.stop)
    last_s = max(_published_s(world, healthy).values())
    published_s = _published_s(world, FLEET, hanging=HANGING)
    lost = world.lost(healthy)
    limit_s = max(last_s, *_published_s(world, healthy).values()) * (1 + 1 / 20)
    late = [n for n in healthy if published_s.get(f"t/{n}", float("inf")) > limit_s]
    return [
        Figure(
            name="50 of 1,000 on a host that hangs: others late",
            value=len(late),
            at_most=0,
            detail=f"later than {limit_s:.1f} s, as long as they take without it and a twentieth",
            raw={"limit_s": limit_s},
        ),
        Figure(name="50 of 1,000 on a host that hangs: others' tokens lost", value=lost, at_most=0),
    ]


def _published_s(
    world: FleetWorld, numbers: range, *, hanging: range = range(0)
) -> dict[str, float]:
    """Seconds from the start of a run until each token secret was published."""
    world.make_due(numbers, hanging=hanging)
    taken = _run(world, world.manifest(numbers, **FULL_QUOTA))
    return {name: at - taken.began_at for name, at in world.put_at.items()}


def _plain_pool(world: FleetWorld) -> list[Figure]:
    """What a team's first try does, to compare: sixteen threads, and the SDK's own retries."""
    world.make_due(FLEET)
    world.begin()
    plain(world, PLAIN_POOL, str(len(FLEET)))
    return [
        Figure(name="plain loop of 16 threads: throttled calls", value=world.service.throttled),
        Figure(name="plain loop of 16 threads: tokens lost", value=world.lost(FLEET)),
    ]


def _many(world: FleetWorld) -> Figure:
    for number in MANY[len(FLEET) :]:
        world.create_token(number, f"c/{number % len(FLEET)}")
    world.refresh(FLEET)
    taken = _run(world, world.manifest(MANY, shared=len(FLEET), **FULL_QUOTA))
    return Figure(
        name="10,000 not due: peak memory in MB",
        value=taken.peak_mb,
        at_most=60,
        detail=f"{taken.wall_s:.1f} s",
        raw={"peak_mb": taken.peak_mb, "wall_s": taken.wall_s},
    )
