"""The designs that live through the decade side by side: who writes the token, and who reads it."""

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

from rotator.errors import MintError, RotatorError, StoreError
from rotator.model.access_token import AccessToken, Minted
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, SecretInfo, StoredSecret
from rotator.reader import TokenReader
from rotator.reader.clocked import ClockedReader
from rotator.rotation.rotate import rotate_token
from tests.evidence.decade_world import DAY_S, HOUR_S, MINUTE_S, World
from tests.support.clock import FunctionClock

EPOCH = 1_800_000_000.0
TICK_S = 15 * MINUTE_S
CLIENT_ID = "client"
CREDENTIALS = {
    "client_id": CLIENT_ID,
    "client_secret": "s",
    "token_url": "https://ims.example/token",
}


class TrueTime:
    """The true time, in seconds since the start."""

    def __init__(self) -> None:
        self.at = 0.0


class TokenVault:
    """One writer's secret, and the provider that mints for it; both fail when the world says so."""

    def __init__(self, world: World, clock: TrueTime) -> None:
        self._world = world
        self._clock = clock
        self.current = StoredSecret("token", "arn:token", tags={})
        self.previous: StoredSecret | None = None
        self.ends_at: dict[str, float] = {}
        self.minted = 0
        self.last_change = (0.0, 0.0)
        self.single_active = False

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        self._reach("GetSecretValue")
        text = json.dumps(CREDENTIALS | {"single_active": self.single_active})
        held = StoredSecret("credentials", "arn:credentials", "v", Secret(text))
        return [held if secret_id == "credentials" else self.current for secret_id in secret_ids]

    def describe(self, secret_id: str) -> SecretInfo:
        raise AssertionError(f"{secret_id} was described")

    def read_version(self, _secret_id: str, version_id: str) -> StoredSecret | None:
        self._reach("GetSecretValue")
        return self.current if self.current.version_id == version_id else None

    def put(self, _secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        self._reach("PutSecretValue")
        self.previous = self.current
        self.current = StoredSecret("token", "arn:token", version_id, text, ("AWSCURRENT",))

    def mint_text(self) -> tuple[str, int]:
        """A new token and the whole seconds that it is announced to live; raises MintError."""
        at = self._clock.at
        if not self._world.can_mint(at):
            raise MintError("token endpoint: unreachable or refuses", retryable=True)
        self.minted += 1
        text = f"token-{self.minted}"
        lifetime_s = self._world.lifetime_s(at)
        self.ends_at[text] = at + lifetime_s
        self.last_change = (at, lifetime_s)
        return text, int(lifetime_s) - 1

    def is_valid(self, text: str) -> bool:
        return self._clock.at < self.ends_at.get(text, 0.0)

    def _reach(self, operation: str) -> None:
        if self._world.aws_down.holds(self._clock.at):
            raise StoreError("AWS is down", operation=operation, secret_id="token", retryable=True)


class Rotator:
    """The real job, started at every tick that the scheduler does not lose."""

    def __init__(self, vault: TokenVault, world: World, clock: TrueTime, **probes: Any) -> None:
        self._vault = vault
        self._world = world
        self._clock = clock
        self._probes = probes
        self._policy = RenewalPolicy()
        self.next_at = 0.0
        self.chances: list[float] = []

    def act(self) -> None:
        """Run the job if a tick has come; tokens are asked for and judged by its own clock."""
        while self.next_at <= self._clock.at:
            at, self.next_at = self.next_at, self.next_at + TICK_S
            lost = int(at // TICK_S) in self._world.lost_ticks
            if lost or self._world.scheduler_down.holds(at):
                continue
            if self._world.can_rotate(self._clock.at):
                self.chances.append(self._clock.at)
            # A failed run is seen by what it leaves undone.
            with contextlib.suppress(RotatorError):
                rotate_token(
                    Binding("credentials", "token"),
                    store=self._vault,
                    endpoint=self,
                    policy=self._policy,
                    clock=FunctionClock(self._now),
                    **self._probes,
                )

    def expected_lifetime(self, _credentials: ClientCredentials) -> timedelta | None:
        return None

    def mint(self, _credentials: ClientCredentials) -> Minted:
        issued_at = self._now().replace(microsecond=0)
        text, expires_in = self._vault.mint_text()
        minted = AccessToken(
            access_token=Secret(text),
            token_type="bearer",
            issued_at=issued_at,
            expires_at=issued_at + timedelta(seconds=expires_in),
            client_id=CLIENT_ID,
            token_url="https://ims.example/token",
        )
        return Minted(minted)

    def _now(self) -> datetime:
        skew_s = self._world.job_skew_s(self._clock.at)
        return datetime.fromtimestamp(EPOCH + self._clock.at + skew_s, UTC)


class NaiveWriter:
    """Mints whenever its schedule says so, with the two retries of an asynchronous invocation.

    (AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous
    invocation": after one minute, then after two.)
    """

    def __init__(
        self, vault: TokenVault, world: World, clock: TrueTime, following: Callable[[float], float]
    ) -> None:
        self._vault = vault
        self._world = world
        self._clock = clock
        self._following = following
        self._due = [0.0]
        self._next = following(0.0)

    def act(self) -> None:
        if self._clock.at >= self._next:
            if not self._world.scheduler_down.holds(self._next):
                self._due = [self._next, self._next + MINUTE_S, self._next + 3 * MINUTE_S]
            self._next = self._following(self._next)
        while self._due and self._due[0] <= self._clock.at:
            self._due.pop(0)
            try:
                text, _ = self._vault.mint_text()
                self._vault.put(self._vault.current, Secret(text), version_id=text)
            except RotatorError:
                continue
            self._due = []


def as_read_by(
    vault: TokenVault, world: World, clock: TrueTime, uniform: Callable[[], float]
) -> Callable[[], str]:
    """A consumer with the real reader, which it never tells of a 401."""
    return reader_of(vault, world, clock, uniform).token


def reader_of(
    vault: TokenVault, world: World, clock: TrueTime, uniform: Callable[[], float]
) -> TokenReader:
    """The real reader, on a clock of its own."""

    class Source:
        has_fresh = False

        def read(self, _secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
            del fresh
            [current] = vault.read("token")
            found = current if stage == "AWSCURRENT" else vault.previous
            if found is None or found.text is None:
                return {}
            date = formatdate(EPOCH + clock.at, usegmt=True)
            return {
                "SecretString": found.text.reveal(),
                "VersionId": found.version_id,
                "ResponseMetadata": {"HTTPHeaders": {"date": date}},
            }

    return ClockedReader(
        "token",
        source=Source(),
        background=False,
        clock=FunctionClock(
            lambda: EPOCH + clock.at + world.reader_skew_s(clock.at),
            monotonic=lambda: clock.at,
            chance=uniform,
        ),
    )


def direct(vault: TokenVault) -> Callable[[], str]:
    """A consumer that reads the secret at each use."""

    def read() -> str:
        [current] = vault.read("token")
        return token_in(current)

    return read


def ttl(vault: TokenVault, clock: TrueTime, *, ttl_s: float = HOUR_S) -> Callable[[], str]:
    """A consumer with a cache of fixed time, which keeps what it has when AWS fails.

    One hour is the default of AWS's own caching libraries (aws-secretsmanager-caching:
    `secret_refresh_interval`).
    """
    held, read_at = "", -DAY_S

    def read() -> str:
        nonlocal held, read_at
        if clock.at - read_at >= ttl_s:
            try:
                [current] = vault.read("token")
            except RotatorError:
                if not held:
                    raise
            else:
                held, read_at = token_in(current), clock.at
        return held

    return read


def token_in(secret: StoredSecret) -> str:
    """The token of a document, or of a secret that is nothing else."""
    text = "" if secret.text is None else secret.text.reveal()
    return str(json.loads(text)["access_token"]) if text.startswith("{") else text
