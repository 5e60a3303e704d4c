"""The real job and reader for weeks at providers of other kinds, and for years among outages.

In the first row nothing else goes wrong, so that the longest time without a valid token follows
from the promise and from the schedule alone. In the second the world is that of the decade, and
each stretch without a token is held against a record that is independent of the code.
"""

import random
from bisect import bisect_left
from collections.abc import Callable

from tests.evidence.decade_designs import TICK_S, Rotator, TrueTime, reader_of, token_in
from tests.evidence.decade_world import DAY_S, HOUR_S, MINUTE_S, World, calm_world, draw_world
from tests.evidence.provider_kinds import KINDS, GrantingVault, ProviderKind, has_token, rotator_for
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort, TableRow

STEP_S = MINUTE_S
DAYS_IN_SHORT, DAYS_IN_LONG = 20, 365
YEAR, YEARS_IN_LONG = 365, 3
TROUBLED_STEP_S = 2 * MINUTE_S
LAG_S = 2 * TROUBLED_STEP_S
"""A run, and the reader's next look; within it a chance has not yet come to anything."""
CLOCKS_APART_S = 90.0
"""How far the clocks of job and reader may be apart: a token's last seconds are lost by it."""
OUTSIDERS_EVERY_DAYS = 20
"""How often somebody else mints with the same credentials, by hand or from a test."""

LATE_S = TICK_S + 2 * STEP_S
"""A run that comes a tick late, and the reader's next look."""
LONGEST_S = {
    # The next run after the old token's end gets a new one.
    "cached tokens of a day": LATE_S,
    "cached tokens of an hour": LATE_S,
    "lives that shorten and lengthen": 0.0,
    # Whatever is announced, a token is replaced after 23 hours: 22 h later than this one ends.
    "a wrong announcement": 22 * HOUR_S + LATE_S,
    "a wrong announcement, stored token probed": LATE_S,
    "one active token": 0.0,
}
"""How long a consumer may be without a token at one stretch while nothing else goes wrong."""


def provider_worlds(effort: Effort) -> TableRow:
    """Each kind once, in a calm world."""
    row = TableRow("providers of other kinds", "1, 5", "days")
    days = effort.turns(DAYS_IN_SHORT, DAYS_IN_LONG)
    for kind in KINDS.values():
        if effort.wants(kind.name):
            longest_s = _longest_without(kind, days)
            late = longest_s > LONGEST_S[kind.name]
            row.add(kind.name, f"{longest_s / MINUTE_S:.0f} min without a token" if late else None)
            row.count += days - 1
            row.notes.append(f"{kind.name}: at most {longest_s / MINUTE_S:.0f} min without a token")
    return row


def provider_decade(effort: Effort) -> TableRow:
    """The same year of the decade with each kind; three in a long run."""
    row = TableRow("years with other providers", "1, 5", "hours")
    days = YEAR * YEARS_IN_LONG if effort.long else effort.limit or YEAR
    for kind in KINDS.values():
        if effort.wants(kind.name):
            without_s, avoidable = _live(kind, effort.random("years"), days)
            row.add(kind.name, avoidable[0] if avoidable else None)
            row.count += days * 24 - 1
            row.notes.append(f"{kind.name}: {without_s / HOUR_S:.1f} h without a token")
    return row


def _longest_without(kind: ProviderKind, days: int) -> float:
    world, clock = calm_world(days), TrueTime()
    vault = GrantingVault(world, clock, kind)
    job, reader = rotator_for(vault, world, clock), reader_of(vault, world, clock, lambda: 0.5)
    longest_s = without_s = 0.0
    with silent_logs():
        while clock.at < world.ends_at:
            job.act()
            without_s = 0.0 if has_token(vault, reader) else without_s + STEP_S
            longest_s = max(longest_s, without_s)
            clock.at += STEP_S
    return longest_s


def _live(kind: ProviderKind, choices: random.Random, days: int) -> tuple[float, list[str]]:
    """Seconds without a token, and each of those stretches that a run could have avoided."""
    world, clock = draw_world(choices, days=days, tick_s=TICK_S), TrueTime()
    vault = GrantingVault(world, clock, kind)
    job, reader = rotator_for(vault, world, clock), reader_of(vault, world, clock, choices.random)
    outsider_comes = _outsiders(kind, choices)
    without_s, avoidable = 0.0, []
    with silent_logs():
        while clock.at < world.ends_at:
            if outsider_comes(clock.at) and world.can_mint(clock.at):
                vault.mint_text()
            job.act()
            if not has_token(vault, reader):
                without_s += TROUBLED_STEP_S
                problem = _avoidable(vault, job, world, clock.at)
                avoidable += [problem] if problem else []
            clock.at += TROUBLED_STEP_S
    return without_s, avoidable


def _outsiders(kind: ProviderKind, choices: random.Random) -> Callable[[float], bool]:
    """Whether somebody else mints now; only where that ends the stored token."""
    share = TROUBLED_STEP_S / (OUTSIDERS_EVERY_DAYS * DAY_S) if kind.single_active else 0.0
    return lambda _at: choices.random() < share


def _avoidable(vault: GrantingVault, job: Rotator, world: World, at: float) -> str | None:
    """The chance to have a valid token now, if there was any since the stored one fell due."""
    text = token_in(vault.current)
    if vault.is_valid(text):
        late = at - vault.stored_at > LAG_S and vault.stored_ends_at(text) - at > CLOCKS_APART_S
        late = late and not world.aws_down.holds(at)
        return f"at {at:.0f} s: a valid token was stored, and not read" if late else None
    index = bisect_left(job.chances, vault.due_at(text) + TROUBLED_STEP_S)
    if index < len(job.chances) and job.chances[index] + LAG_S < at:
        return f"at {at:.0f} s: the tick at {job.chances[index]:.0f} s could have rotated"
    return None
