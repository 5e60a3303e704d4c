"""Kinds of providers on the simulated clock: what they grant, and what ends a token early.

Lives are in seconds, times as in the simulated decade.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rotator.errors import MintError, ProbeError, RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.policy import RenewalPolicy
from rotator.reader import TokenReader
from tests.evidence.decade_designs import Rotator, TokenVault, TrueTime
from tests.evidence.decade_world import DAY_S, HOUR_S, MINUTE_S, World

Grant = tuple[str, float, float]
"""A token, when it really ends, and how long it is said to live from now on."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """`watched` says that the job runs with `--probe-stored`.

    `is_cached` says that no new token is to be had before the last one ends, `single_active` that
    a mint ends the token before, whoever asks for it.
    """

    name: str
    grant: Callable[[float, int, Grant | None], Grant]
    watched: bool = False
    is_cached: bool = False
    single_active: bool = False


def _cached(life_s: float) -> Callable[[float, int, Grant | None], Grant]:
    def grant(at: float, number: int, previous: Grant | None) -> Grant:
        if previous is not None and previous[1] - at >= 1:
            return previous[0], previous[1], previous[1] - at
        return f"token-{number}", at + life_s, life_s

    return grant


def _of_a_day(at: float, number: int, _: Grant | None) -> Grant:
    return f"token-{number}", at + DAY_S, DAY_S


def _shortening(at: float, number: int, _: Grant | None) -> Grant:
    """A day, then half of it, down to an hour and a half, and from the start again."""
    life_s = DAY_S / 2 ** (number % 5)
    return f"token-{number}", at + life_s, life_s


def _overstating(at: float, number: int, _: Grant | None) -> Grant:
    """Each tenth token is said to live a week and lives an hour."""
    if number % 10 == 0:
        return f"token-{number}", at + HOUR_S, 7 * DAY_S
    return f"token-{number}", at + DAY_S, DAY_S


KINDS = {
    kind.name: kind
    for kind in (
        ProviderKind("cached tokens of a day", _cached(DAY_S - 7 * MINUTE_S), is_cached=True),
        ProviderKind("cached tokens of an hour", _cached(HOUR_S + 400), is_cached=True),
        ProviderKind("lives that shorten and lengthen", _shortening),
        ProviderKind("a wrong announcement", _overstating),
        ProviderKind("a wrong announcement, stored token probed", _overstating, watched=True),
        ProviderKind("one active token", _of_a_day, watched=True, single_active=True),
    )
}


class GrantingVault(TokenVault):
    """A secret beside a provider of some kind."""

    def __init__(self, world: World, clock: TrueTime, kind: ProviderKind) -> None:
        super().__init__(world, clock)
        self.kind = kind
        self.previous_grant: Grant | None = None
        self.stored_at = 0.0

    def put(self, *args: object, **details: object) -> None:
        super().put(*args, **details)  # type: ignore[arg-type]
        self.stored_at = self._clock.at

    def mint_text(self) -> tuple[str, int]:
        """As the provider of this kind has it; raises MintError while it is down."""
        at, before = self._clock.at, self.previous_grant
        if not self._world.can_mint(at):
            raise MintError("token endpoint: unreachable or refuses", retryable=True)
        self.minted += 1
        self.previous_grant = text, ends_at, said_s = self.kind.grant(at, self.minted, before)
        if before is not None and before[0] != text and self.kind.single_active:
            self.ends_at[before[0]] = min(at, self.ends_at[before[0]])
        if before is None or before[0] != text:
            self.last_change = at, said_s
        self.ends_at[text] = ends_at
        return text, max(1, int(said_s))

    def stored_ends_at(self, text: str) -> float:
        """When the API stops taking this token."""
        return self.ends_at.get(text, 0.0)

    def due_at(self, text: str) -> float:
        """From when on a run that reaches everything replaces the stored token `text`.

        A cached token is all that the provider has, until it ends. A probe finds a token that has
        ended; else the cadence says so, whatever was announced.
        """
        ends_at = self.stored_ends_at(text)
        if self.kind.is_cached or self.kind.watched:
            return ends_at
        minted_at, said_s = self.last_change
        cadence = RenewalPolicy().cadence_for(timedelta(seconds=said_s - 1))
        return minted_at + cadence.total_seconds()


def rotator_for(vault: GrantingVault, world: World, clock: TrueTime) -> Rotator:
    """The real job beside this vault, which asks the API for the stored token where it is told to.

    The fields of the credentials say what a team has to say of such a provider.
    """
    vault.single_active = vault.kind.single_active

    def is_rejected(stored: AccessToken) -> bool:
        return not vault.is_valid(stored.access_token.reveal())

    def probe(minted: AccessToken) -> None:
        if is_rejected(minted):
            raise ProbeError("API: does not take the new token", status=401)

    if not vault.kind.watched:
        return Rotator(vault, world, clock)
    return Rotator(vault, world, clock, probe=probe, stored_probe=is_rejected)


def has_token(vault: TokenVault, reader: TokenReader) -> bool:
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
