"""The real `rotate_token`, run one call at a time.

A run depends on nothing but the answers to its calls. So a half-done run is the tuple of answers so
far: to take its next step it is run from the start, given those, and left at the next call.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import structlog

from rotator.errors import RotatorError, StoreError, VersionConflict
from rotator.model.access_token import AccessToken, Minted
from rotator.model.binding import BINDING_TAG, Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, SecretInfo, StoredSecret
from rotator.rotation.rotate import RotationResult, rotate_token

CLIENT_ID = "client"
TOKEN_URL = "https://ims.example/token"
LIFETIME = timedelta(hours=24)
POLICY = RenewalPolicy()


@dataclass(frozen=True, slots=True)
class Runner:
    """One rotator: its name is in the token that it mints."""

    name: str
    forced: bool = False
    shared: bool = False
    single_active: bool = False  # its provider ends the token before at each mint
    cached: bool = False  # its provider hands out the same token until that ends
    lifetime: timedelta = LIFETIME  # of what its provider grants now

    @property
    def binding(self) -> Binding:
        name = "credentials of one active token" if self.single_active else "credentials"
        return Binding("secret" if self.shared else name, "secret")


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What came back from a call, and when (`at`, epoch seconds); `error` is raised."""

    value: object
    at: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The call that a run makes next."""

    name: str
    ids: tuple[str, ...] = ()
    version_id: str = ""
    text: Secret | None = None


class _Suspended(BaseException):
    """Leaves a run at a call that has no answer yet; no handler of errors may stop it."""

    def __init__(self, call: Pending) -> None:
        self.call = call


class _World:
    """Store and endpoint in one: answers from the recording, then suspends."""

    def __init__(self, runner: Runner, answers: tuple[RecordedAnswer, ...]) -> None:
        self._runner = runner
        self._answers: Iterator[RecordedAnswer] = iter(answers)
        self._at: int | None = None
        self._mints = 0

    def _ask(self, call: Pending) -> object:
        answer = next(self._answers, None)
        if answer is None:
            raise _Suspended(call)
        self._at = answer.at
        if answer.error == "VersionConflict":
            raise VersionConflict("taken", operation=call.name, secret_id="secret")
        if answer.error is not None:
            raise StoreError("lost", operation=call.name, secret_id="secret", retryable=True)
        return answer.value

    def now(self) -> datetime:
        if self._at is None:
            self._ask(Pending("start"))
        return datetime.fromtimestamp(self._at or 0, UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Take no time: the world decides what comes between two calls."""

    def uniform(self, low: float, high: float) -> float:
        del high
        return low

    def describe(self, secret_id: str) -> SecretInfo:
        # The tag is never changed, so that this answer need not be recorded.
        return SecretInfo(secret_id, {BINDING_TAG: "credentials"}, has_value=True)

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        value = self._ask(Pending("read", secret_ids))
        assert isinstance(value, tuple)
        return list(value)

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        value = self._ask(Pending("read_version", (secret_id,), version_id))
        assert value is None or isinstance(value, StoredSecret)
        return value

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        self._ask(Pending("put", (secret.secret_id,), version_id, text))

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta:
        assert credentials.client_id == CLIENT_ID
        return LIFETIME

    def mint(self, credentials: ClientCredentials) -> Minted:
        assert credentials.client_id == CLIENT_ID
        self._mints += 1
        name = self._runner.name if self._mints == 1 else f"{self._runner.name}-{self._mints}"
        # Which mint was the last matters, and costs states, only where it ends other tokens.
        tells = self._runner.single_active or self._runner.cached
        granted = self._ask(Pending("mint", (f"token-of-{name}",) if tells else ()))
        minted = token_at(self._at or 0, name, self._runner.lifetime)
        if isinstance(granted, AccessToken):  # what the provider has in its cache
            minted = replace(granted, issued_at=minted.issued_at)
        return Minted(minted)


def token_at(at: int, name: str, lifetime: timedelta = LIFETIME) -> AccessToken:
    issued_at = datetime.fromtimestamp(at, UTC)
    return AccessToken(
        access_token=Secret(f"token-of-{name}"),
        token_type="Bearer",
        issued_at=issued_at,
        expires_at=issued_at + lifetime,
        client_id=CLIENT_ID,
        token_url=TOKEN_URL,
    )


@contextmanager
def silent_logs() -> Iterator[None]:
    """No events, and nothing of the reader: a run is repeated some hundred thousand times."""
    before, reader = structlog.get_config(), logging.getLogger("rotator")
    level = reader.level
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    reader.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        reader.setLevel(level)
        structlog.configure(**before)


@cache
def step(
    runner: Runner, answers: tuple[RecordedAnswer, ...]
) -> Pending | RotationResult | RotatorError:
    """The next call of this run, or how it ended."""
    world = _World(runner, answers)
    random_id = uuid.uuid4
    # What is random in a run has to be the same each time it is run up to here.
    uuid.uuid4 = lambda: uuid.uuid5(uuid.NAMESPACE_OID, runner.name)
    try:
        return rotate_token(
            runner.binding,
            store=world,
            endpoint=world,
            policy=POLICY,
            force=runner.forced,
            clock=world,
        )
    except _Suspended as suspended:
        return suspended.call
    except RotatorError as error:
        return error
    finally:
        uuid.uuid4 = random_id
