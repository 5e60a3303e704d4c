"""Days of runs at the interval, with providers that do what ours do not promise."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from rotator.errors import RotatorError
from rotator.model.access_token import AccessToken, Minted
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.rotation.rotate import rotate_token
from tests.support.clock import ManualClock
from tests.support.documents import DAY, HOUR, token_document
from tests.support.memory_store import MemoryStore

MINUTE = timedelta(minutes=1)
ZERO = timedelta(0)


@dataclass
class Provider:
    """Tokens with a life that it announces and one that they have.

    `lives` draws both for each new token. With `caches` it hands the last one out until its end.
    """

    clock: ManualClock
    lives: Callable[[], tuple[timedelta, timedelta]]
    caches: bool = False
    ends_at: dict[str, datetime] = field(default_factory=dict)

    def expected_lifetime(self, _: ClientCredentials) -> timedelta | None:
        return None

    def mint(self, _: ClientCredentials) -> Minted:
        now = self.clock.now()
        text = f"token-{len(self.ends_at)}"
        if self.caches and self.is_valid(text):
            announced = self.ends_at[text] - now
        else:
            announced, true = self.lives()
            text = f"token-{len(self.ends_at) + 1}"
            self.ends_at[text] = now + true
        whole = timedelta(seconds=int(announced.total_seconds()))
        fields = token_document(text, issued_at=now, lifetime=whole, next_rotation_at=None)
        return Minted(AccessToken.from_fields(fields))

    def is_valid(self, text: str) -> bool:
        return self.clock.now() < self.ends_at.get(text, self.clock.now())


def longest_gap(
    provider: Provider, *, days: int, interval: timedelta, probes: bool = False
) -> timedelta:
    """How long at most the stored token was one that the API does not take."""
    clock = provider.clock
    store = MemoryStore(credentials={"client_id": "my-client", "client_secret": "s"}, token=None)
    begin, gap, longest = clock.now(), ZERO, ZERO
    next_run = begin
    while clock.now() < begin + days * DAY:
        if clock.now() >= next_run:
            next_run += interval
            with contextlib.suppress(RotatorError):
                rotate_token(
                    Binding("app/credentials", "app/token"),
                    store=store,
                    endpoint=provider,
                    policy=RenewalPolicy(interval=interval),
                    probe=lambda _: None,
                    stored_probe=(
                        (lambda token: not provider.is_valid(token.access_token.reveal()))
                        if probes
                        else None
                    ),
                    clock=clock,
                )
        text = store.fields()["access_token"]
        gap = ZERO if provider.is_valid(text) else gap + MINUTE
        longest = max(longest, gap)
        clock.advance(MINUTE.total_seconds())
    return longest


@pytest.mark.parametrize("seed", range(5))
def test_lives_that_change_at_every_mint_leave_no_moment_without_a_token(seed: int) -> None:
    choices = random.Random(seed)  # noqa: S311 - a simulated world

    def lives() -> tuple[timedelta, timedelta]:
        life = choices.choice([40 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 7 * DAY])
        return life, life

    assert longest_gap(Provider(ManualClock(), lives), days=5, interval=15 * MINUTE) == ZERO


def test_wrong_announcement_costs_an_interval_where_the_stored_token_is_probed() -> None:
    lives = iter([(7 * DAY, HOUR)])

    def draw() -> tuple[timedelta, timedelta]:
        return next(lives, (24 * HOUR, 24 * HOUR))

    provider = Provider(ManualClock(), draw)
    assert longest_gap(provider, days=3, interval=15 * MINUTE, probes=True) <= 15 * MINUTE


def test_wrong_announcement_costs_a_day_and_not_a_week_without_a_probe() -> None:
    lives = iter([(7 * DAY, HOUR)])

    def draw() -> tuple[timedelta, timedelta]:
        return next(lives, (24 * HOUR, 24 * HOUR))

    assert longest_gap(Provider(ManualClock(), draw), days=9, interval=15 * MINUTE) <= 23 * HOUR


@pytest.mark.untraced
@pytest.mark.parametrize("life", [HOUR, 24 * HOUR])
def test_cached_tokens_leave_at_most_a_minute_at_an_interval_of_one(life: timedelta) -> None:
    provider = Provider(ManualClock(), lambda: (life, life), caches=True)
    assert longest_gap(provider, days=2, interval=MINUTE) <= MINUTE
