"""The real job and reader for weeks at providers that cache, shorten or overstate tokens.

Nothing else goes wrong there, so that the longest time without a valid token follows from the
promise and from the schedule alone. Lives are in seconds, times as in the simulated decade.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rotator.errors import RotatorError
from rotator.reader import TokenReader
from tests.evidence.decade_designs import TICK_S, Rotator, TokenVault, TrueTime, reader_of
from tests.evidence.decade_world import DAY_S, HOUR_S, MINUTE_S, Intervals, World
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort, TableRow

STEP_S = MINUTE_S
DAYS_IN_SHORT, DAYS_IN_LONG = 20, 365

Grant = tuple[str, float, float]
"""A token, when it really ends, and how long it is said to live from now on."""


class GrantingVault(TokenVault):
    """A secret beside a provider that grants as it likes: `grant(at, number, previous)`."""

    def __init__(
        self, world: World, clock: TrueTime, grant: Callable[[float, int, Grant | None], Grant]
    ) -> None:
        super().__init__(world, clock)
        self._grant = grant
        self._previous: Grant | None = None

    def mint_text(self) -> tuple[str, int]:
        """As the provider of this world has it."""
        self.minted += 1
        self._previous = text, ends_at, said_s = self._grant(
            self._clock.at, self.minted, self._previous
        )
        self.ends_at[text] = ends_at
        return text, max(1, int(said_s))


@dataclass(frozen=True, slots=True)
class ProviderWorld:
    """`longest_s` is how long a consumer may be without a token at one stretch."""

    name: str
    grant: Callable[[float, int, Grant | None], Grant]
    longest_s: float


def _cached(life_s: float) -> Callable[[float, int, Grant | None], Grant]:
    def grant(at: float, number: int, previous: Grant | None) -> Grant:
        if previous is not None and previous[1] - at >= 1:
            return previous[0], previous[1], previous[1] - at
        return f"token-{number}", at + life_s, life_s

    return grant


def _shortening(at: float, number: int, _: Grant | None) -> Grant:
    """A day, then half of it, down to an hour and a half, and from the start again."""
    life_s = DAY_S / 2 ** (number % 5)
    return f"token-{number}", at + life_s, life_s


def _overstating(at: float, number: int, _: Grant | None) -> Grant:
    """Each tenth token is said to live a week and lives an hour."""
    if number % 10 == 0:
        return f"token-{number}", at + HOUR_S, 7 * DAY_S
    return f"token-{number}", at + DAY_S, DAY_S


LATE_S = TICK_S + 2 * STEP_S
"""A run that comes a tick late, and the reader's next look."""
WORLDS = (
    # The next run after the old token's end gets a new one.
    ProviderWorld("cached tokens of a day", _cached(DAY_S - 7 * MINUTE_S), LATE_S),
    ProviderWorld("cached tokens of an hour", _cached(HOUR_S + 400), LATE_S),
    ProviderWorld("lives that shorten", _shortening, 0.0),
    # Whatever is announced, a token is replaced after 23 hours: 22 h later than this one ends.
    ProviderWorld("a wrong announcement", _overstating, 22 * HOUR_S + LATE_S),
)


def provider_worlds(effort: Effort) -> TableRow:
    """Each world once."""
    row = TableRow("providers of other kinds", "1, 5", "days")
    days = effort.turns(DAYS_IN_SHORT, DAYS_IN_LONG)
    for each in WORLDS:
        if effort.wants(each.name):
            longest_s = _longest_without(each, days)
            late = longest_s > each.longest_s
            row.add(each.name, f"{longest_s / MINUTE_S:.0f} min without a token" if late else None)
            row.count += days - 1
            row.notes.append(f"{each.name}: at most {longest_s / MINUTE_S:.0f} min without a token")
    return row


def _longest_without(each: ProviderWorld, days: int) -> float:
    clock, nothing = TrueTime(), Intervals([])
    calm = (0.0,) * (days + 1)
    world = World(days * DAY_S, nothing, nothing, nothing, nothing, frozenset(), (), calm, calm)
    vault = GrantingVault(world, clock, each.grant)
    job, reader = Rotator(vault, world, clock), reader_of(vault, world, clock, lambda: 0.5)
    longest_s = without_s = 0.0
    with silent_logs():
        while clock.at < world.ends_at:
            job.act()
            without_s = 0.0 if _has_token(vault, reader) else without_s + STEP_S
            longest_s = max(longest_s, without_s)
            clock.at += STEP_S
    return longest_s


def _has_token(vault: TokenVault, reader: TokenReader) -> bool:
    """Whether the API takes what the reader gives, which hears of a 401 as the adapters tell it."""
    for _ in range(2):
        try:
            token = reader.token()
        except RotatorError:
            return False
        if vault.is_valid(token):
            return True
        reader.invalidate(token)
    return False
