"""A year of a thousand bindings that were all minted at once, on a virtual clock.

The real policy decides at each run; nothing else of the product takes part. Who could have had a
token is found out from the world alone: the provider of a binding was up at a run that took place
between the age at which every token of its life may be replaced and its end.
"""

import heapq
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rotator.fleet.settings import DEFAULT_SPREAD
from rotator.model.access_token import AccessToken
from rotator.model.policy import RenewalPolicy
from tests.evidence.decade_world import DAY_S, World, calm_world, draw_world
from tests.evidence.replay import CLIENT_ID, token_at
from tests.evidence.row import Effort, TableRow

BINDINGS, HOSTS = 1_000, 4
TICK_S = 900.0
DAYS = 365
SETTLED_AFTER_S = 30 * DAY_S
CADENCE_S = 23 * 3_600
START = datetime(2026, 1, 1, tzinfo=UTC)
START_S = int(START.timestamp())
MOST_SHARE = 0.1
"""Of all bindings in one run, once a month has passed in a world in which nothing goes wrong."""


@dataclass(slots=True)
class _Binding:
    """`world` has its provider, `policy` its share of the spread."""

    number: int
    world: World
    policy: RenewalPolicy
    minted_at: float = 0.0
    ends_at: float = DAY_S


@dataclass(slots=True)
class FleetYear:
    """What happened: rotations in each run, and bindings that went without a token needlessly."""

    runs: int = 0
    rotations: int = 0
    peak: int = 0
    without_s: float = 0.0
    avoidable: list[str] = field(default_factory=list)


def fleet_year(effort: Effort) -> TableRow:
    """A quiet world for the peaks, with spread and without; a hostile one for the tokens."""
    row = TableRow("a fleet: a simulated year", "1, 6", "rotations")
    short = effort.limit is not None
    days = 40 if short else DAYS
    for case, spread in (("quiet, spread", DEFAULT_SPREAD), ("quiet, no spread", timedelta(0))):
        if effort.wants(case):
            year = live_year([calm_world(40)] * HOSTS, spread=spread, days=40)
            problem = year.avoidable[0] if year.avoidable else None
            if spread and year.peak > MOST_SHARE * BINDINGS:
                problem = problem or f"{year.peak} of {BINDINGS} in one run"
            row.add(case, problem)
            row.count += year.rotations - 1
            row.notes.append(f"{case} {spread}: at most {year.peak} of {BINDINGS} due in one run")
    for turn in range(5 if effort.long else 1):
        case = f"hostile {turn}"
        if effort.wants(case):
            worlds = _hostile(effort, turn, days=days)
            year = live_year(worlds, spread=DEFAULT_SPREAD, days=days)
            row.add(case, year.avoidable[0] if year.avoidable else None)
            row.count += year.rotations - 1
            share = 1 - year.without_s / (BINDINGS * days * DAY_S)
            row.notes.append(f"{case}: {share:.3%} of the time with a token")
    return row


def _hostile(effort: Effort, turn: int, *, days: int) -> list[World]:
    """One world for each provider; AWS and the schedule are those of the first."""
    return [
        draw_world(effort.random(f"fleet {turn}/{host}"), days=days, tick_s=TICK_S)
        for host in range(HOSTS)
    ]


def live_year(worlds: list[World], *, spread: timedelta, days: int) -> FleetYear:
    """Run every 15 minutes; each run rotates all that is due and whose provider is up."""
    shared = worlds[0]
    policy = RenewalPolicy(spread=spread)
    bindings = [
        _Binding(number, worlds[number % HOSTS], policy.for_secret(_arn(number)))
        for number in range(BINDINGS)
    ]
    ticks = [n * TICK_S for n in range(int(days * DAY_S / TICK_S)) if _takes_place(shared, n)]
    year = FleetYear(runs=len(ticks))
    waiting = [(_due_index(each, ticks), each.number) for each in bindings]
    heapq.heapify(waiting)
    for index, at in enumerate(ticks):
        done = 0
        while waiting and waiting[0][0] <= index:
            _, number = heapq.heappop(waiting)
            each = bindings[number]
            if not each.world.can_mint(at):
                heapq.heappush(waiting, (index + 1, number))
                continue
            _account(year, each, at, ticks)
            each.minted_at, each.ends_at = at, at + each.world.lifetime_s(at)
            heapq.heappush(waiting, (_due_index(each, ticks), number))
            done += 1
        year.rotations += done
        if at >= SETTLED_AFTER_S:
            year.peak = max(year.peak, done)
    return year


def _takes_place(world: World, number: int) -> bool:
    at = number * TICK_S
    down = world.scheduler_down.holds(at) or world.aws_down.holds(at)
    return not down and number not in world.lost_ticks


def _account(year: FleetYear, each: _Binding, at: float, ticks: list[float]) -> None:
    """How long it was without a token until now, and whether a run before could have rotated."""
    if at <= each.ends_at:
        return
    year.without_s += at - each.ends_at
    life_s = each.ends_at - each.minted_at
    chances = _between(ticks, each.minted_at + life_s * CADENCE_S / DAY_S, each.ends_at)
    chance = next((tick for tick in chances if each.world.can_mint(tick)), None)
    if chance is not None:
        year.avoidable.append(
            f"binding {each.number}: the run at {chance:.0f} s could have rotated"
        )


def _between(ticks: list[float], start: float, end: float) -> Iterable[float]:
    return ticks[bisect_left(ticks, start) : bisect_left(ticks, end)]


def _due_index(each: _Binding, ticks: list[float]) -> int:
    """The first run at which the policy calls the token due; a search from where it plans to."""
    token = _token(each)
    planned_at = each.policy.next_rotation_at(token)
    end = bisect_left(ticks, each.ends_at)
    index = min(bisect_left(ticks, (planned_at - START).total_seconds() - TICK_S / 3), end)

    def is_due(at: int) -> bool:
        now = START + timedelta(seconds=ticks[at])
        return each.policy.decide(token, now=now, client_id=CLIENT_ID).due

    while index > 0 and ticks[index - 1] > each.minted_at and is_due(index - 1):
        index -= 1
    while index < end and not is_due(index):
        index += 1
    return index


def _token(each: _Binding) -> AccessToken:
    lifetime = timedelta(seconds=each.ends_at - each.minted_at)
    return token_at(START_S + int(each.minted_at), "t", lifetime)


def _arn(number: int) -> str:
    return f"arn:aws:secretsmanager:us-east-1:123456789012:secret:fleet/t/{number}-AbCdEf"
