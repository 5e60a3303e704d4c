"""Ten years on a virtual clock: for how long would a consumer have had no valid token?

All designs live through the same world (`tests.evidence.decade_world`). Consumers need a token
every other minute. Time without a valid one is explained, for the real job and reader, by a record
kept apart from them: from when the token fell due until then, was there any tick that came while
the provider and AWS were up?
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from rotator.errors import RotatorError
from rotator.model.policy import RenewalPolicy
from tests.evidence.decade_designs import (
    TICK_S,
    NaiveWriter,
    Rotator,
    TokenVault,
    TrueTime,
    as_read_by,
    direct,
    ttl,
)
from tests.evidence.decade_world import DAY_S, HOUR_S, MINUTE_S, World, draw_world
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort, TableRow

YEARS = 10
STEP_S = 2 * MINUTE_S
LAG_S = 2 * STEP_S
"""A run, and the reader's next look; within it a chance has not yet come to anything."""


@dataclass(slots=True)
class Design:
    """One writer with one kind of consumer, and when that consumer had no valid token."""

    name: str
    vault: TokenVault
    read: Callable[[], str]
    rotator: Rotator | None = None
    without_s: float = 0.0
    without: list[tuple[float, float]] = field(default_factory=list)
    avoidable: list[str] = field(default_factory=list)

    def share(self, world: World) -> float:
        return 1 - self.without_s / world.ends_at


def decade(effort: Effort) -> TableRow:
    """Live through ten years; long runs through three of them with other seeds."""
    row = TableRow("a simulated decade", "1, 5", "hours")
    for turn in range(3 if effort.long else 1):
        case = f"world {turn}"
        if not effort.wants(case):
            continue
        world, designs = live(effort, turn=turn, days=YEARS * 365)
        real = designs[0]
        row.count += int(world.ends_at / HOUR_S)
        row.example = row.example or case
        row.violations += [f"{case}: {problem}" for problem in real.avoidable]
        row.notes += [
            f"{design.name}: {design.share(world):.3%} of the time,"
            f" {design.without_s / HOUR_S:.1f} h without"
            f" ({while_short_lived(design, world) / HOUR_S:.1f} h of them while tokens live"
            f" shorter), {design.vault.minted} mints"
            for design in designs
        ]
        row.notes += [
            f"of the first: {seconds / HOUR_S:.1f} h, {cause}"
            for cause, seconds in explained(real, world).items()
        ]
    return row


def live(effort: Effort, *, turn: int, days: int) -> tuple[World, list[Design]]:
    """The world of this seed, and the designs after it; the real one is the first."""
    choices = effort.random(f"world {turn}")
    world = draw_world(choices, days=days, tick_s=TICK_S)
    clock = TrueTime()
    designs, writers = _designs(world, clock, choices.random)
    with silent_logs():
        while clock.at < world.ends_at:
            for writer in writers:
                writer.act()
            for design in designs:
                _need_a_token(design, world, clock.at)
            clock.at += STEP_S
    return world, designs


def _designs(
    world: World, clock: TrueTime, uniform: Callable[[], float]
) -> tuple[list[Design], list[Rotator | NaiveWriter]]:
    ours, rate, cron = (TokenVault(world, clock) for _ in range(3))
    job = Rotator(ours, world, clock)
    by_rate = NaiveWriter(rate, world, clock, lambda at: at + 23 * HOUR_S)
    by_cron = NaiveWriter(cron, world, clock, _following_cron)
    designs = [
        Design("rotator and its reader", ours, as_read_by(ours, world, clock, uniform), job),
        Design("rotator, consumers cache for 1 h", ours, ttl(ours, clock)),
        Design("cron 0 */23, consumers read each time", cron, direct(cron)),
        Design("cron 0 */23, consumers cache for 1 h", cron, ttl(cron, clock)),
        Design("rate(23 hours), consumers read each time", rate, direct(rate)),
        Design("rate(23 hours), consumers cache for 1 h", rate, ttl(rate, clock)),
    ]
    return designs, [job, by_rate, by_cron]


def _following_cron(at: float) -> float:
    """`0 */23 * * *` fires at 00:00 and at 23:00, whatever its writer meant (crontab(5))."""
    midnight = at - at % DAY_S
    return midnight + 23 * HOUR_S if at % DAY_S < 23 * HOUR_S else midnight + DAY_S


def _need_a_token(design: Design, world: World, at: float) -> None:
    try:
        valid = design.vault.is_valid(design.read())
    except RotatorError:
        valid = False
    if valid:
        return
    design.without_s += STEP_S
    if design.without and design.without[-1][1] == at:
        design.without[-1] = (design.without[-1][0], at + STEP_S)
    else:
        design.without.append((at, at + STEP_S))
    if design.rotator is not None:
        problem = _avoidable(design, design.rotator, world, at)
        if problem is not None:
            design.avoidable.append(problem)


def _avoidable(design: Design, rotator: Rotator, world: World, at: float) -> str | None:
    """The chance to have a valid token now, if there was any since the last one fell due."""
    minted_at, lifetime_s = design.vault.last_change
    if minted_at + lifetime_s > at:
        late = at - minted_at > LAG_S and not world.aws_down.holds(at)
        return f"at {at:.0f} s: a valid token was stored, and not read" if late else None
    cadence = RenewalPolicy().cadence_for(timedelta(seconds=lifetime_s - 1))
    due_at = minted_at + cadence.total_seconds()
    index = bisect_left(rotator.chances, due_at + STEP_S)
    if index < len(rotator.chances) and rotator.chances[index] + LAG_S < at:
        return f"at {at:.0f} s: the tick at {rotator.chances[index]:.0f} s could have rotated"
    return None


def while_short_lived(design: Design, world: World) -> float:
    """Seconds without a valid token while the provider hands out tokens of a shorter life."""
    return sum(
        max(0.0, min(end, until) - max(start, since))
        for start, end in design.without
        for since, until, _ in world.short_lived
    )


def explained(design: Design, world: World) -> dict[str, float]:
    """Seconds without a valid token, by what was down at that moment."""
    causes = {
        "the provider was down": world.provider_down.holds,
        "the provider took another client secret": world.botched.holds,
        "AWS was down": world.aws_down.holds,
    }
    found = dict.fromkeys((*causes, "all was up again, and the next tick awaited"), 0.0)
    for start, end in design.without:
        at = start
        while at < end:
            cause = next((name for name, holds in causes.items() if holds(at)), None)
            found[cause or "all was up again, and the next tick awaited"] += STEP_S
            at += STEP_S
    return found
