"""A rotation of a client secret with everything around it in memory: provider, store, token job.

Every call to the outside is numbered, so that any of them can be struck: the process dies before
it, or the response is lost after it, or replaced by that of a proxy.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate
from typing import Any, Self, TypeVar

import pytest

from rotator.app.client_secret import open_secret_run
from rotator.errors import MintError, RotatorError, StoreError
from rotator.model.access_token import Minted
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.providers import resolve
from rotator.model.secret import Secret, StoredSecret
from rotator.rotation.client_secret import rotate_client_secret
from rotator.rotation.rotate import rotate_token
from rotator.rotation.secret_result import SecretRotationResult
from rotator.transport.bounded import HttpResponse, TransportError
from rotator.transport.request import HttpRequest
from tests.support.clock import NOW, ManualClock
from tests.support.memory_endpoint import access_token
from tests.support.memory_store import MemoryStore
from tests.support.secret_providers import (
    FAKES,
    FIRST_VALUE,
    MANAGEMENT_TOKEN,
    OVERLAPPING,
    FakeAdobe,
    FakeOkta,
    SecretFake,
    is_management_scope,
)

CRASH_BEFORE = "crash before"
LOST_RESPONSE = "lost response"
REPLACED_RESPONSE = "applied, but refused by a proxy"
PROXY_PAGE = b"<html>Blocked by data loss prevention</html>"
CREDENTIALS = "app/credentials"
TOKEN = "app/token"
E = TypeVar("E", bound=RotatorError)
each_kind = pytest.mark.parametrize("make", FAKES, ids=lambda fake: fake.KIND)
each_overlapping = pytest.mark.parametrize("make", OVERLAPPING, ids=lambda fake: fake.KIND)
each_limited = pytest.mark.parametrize("make", [FakeAdobe, FakeOkta], ids=lambda fake: fake.KIND)


class Crashed(BaseException):
    """The process is gone."""


@dataclass
class Outside:
    """Counts the calls of runs; `plan` has the number of each call to strike, and how."""

    plan: Mapping[int, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    is_watching: bool = False

    def call(
        self,
        name: str,
        act: Callable[[], Any],
        lost: Callable[[], Exception],
        replaced: object = None,
    ) -> Any:  # noqa: ANN401 - whatever it returns
        if not self.is_watching:
            return act()
        strike = self.plan.get(len(self.calls))
        self.calls.append(name)
        if strike == CRASH_BEFORE:
            raise Crashed(name)
        outcome = act()
        if strike == LOST_RESPONSE:
            raise lost()
        return replaced if strike == REPLACED_RESPONSE and replaced is not None else outcome


class StruckStore(MemoryStore):
    """The store in memory, each call through `outside`."""

    outside: Outside

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        act = super().read
        found: list[StoredSecret] = self.outside.call("read", lambda: act(*secret_ids), _lost_store)
        return found

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        act = super().read_version
        found: StoredSecret | None = self.outside.call(
            "read version", lambda: act(secret_id, version_id), _lost_store
        )
        return found

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        act = super().put
        self.outside.call("put", lambda: act(secret, text, version_id=version_id), _lost_store)


@dataclass
class SecretEndpoint:
    """A token endpoint that knows which client secrets the provider accepts just now."""

    fake: SecretFake
    outside: Outside
    lifetime: timedelta = timedelta(hours=24)
    minted: int = 0

    @staticmethod
    def expected_lifetime(_: ClientCredentials) -> timedelta | None:
        return None

    def mint(self, credentials: ClientCredentials) -> Minted:
        minted: Minted = self.outside.call("mint", lambda: self._mint(credentials), _lost_mint)
        return minted

    def _mint(self, credentials: ClientCredentials) -> Minted:
        resolve(credentials)  # refuses what can't be tried, as a token endpoint's client does
        now = self.fake.clock.now()
        if credentials.client_id != self.fake.client_id:  # the management client, with its key
            return Minted(access_token(MANAGEMENT_TOKEN, client_id=credentials.client_id))
        for position, value in enumerate(credentials.client_secrets, 1):
            kept = self.fake.accepts(value.reveal())
            if kept is not None:
                kept.used_at = now
                self.minted += 1
                is_management = is_management_scope(credentials.scope or "")
                text = MANAGEMENT_TOKEN if is_management else f"canary-token-{self.minted}"
                token = access_token(
                    text, issued_at=now, lifetime=self.lifetime, next_rotation_at=None
                )
                return Minted(token, client_secret_position=position)
        raise MintError("token endpoint: refused", status=401, oauth_error="invalid_client")


class SecretWorld:
    """One client with one token secret; `rotate` is a run of the rotation, `job` one of the job."""

    def __init__(
        self,
        make: type[SecretFake] = FakeAdobe,
        *,
        plan: Mapping[int, str] | None = None,
        token_secret: str = TOKEN,
        **fields: Any,
    ) -> None:
        self.clock = ManualClock(NOW)
        self.fake = make(self.clock)
        self.outside = Outside(plan or {})
        self.store = StruckStore()
        self.store.outside = self.outside
        self.endpoint = SecretEndpoint(self.fake, self.outside)
        self.ids = iter(range(1, 1000))
        self.requests: list[HttpRequest] = []
        self.host_ahead: timedelta | None = timedelta(0)  # of the provider's `Date`, if it has one
        document = {
            "client_id": self.fake.client_id,
            "client_secret": FIRST_VALUE,
            "token_url": "https://ims.example/token",
            "auth_method": "client_secret_post",
            "token_secrets": [token_secret],
            "client_admin": self.fake.settings,
        }
        self.store.add(CREDENTIALS, {n: v for n, v in (document | fields).items() if v is not None})
        self.token_secret = token_secret
        if token_secret != CREDENTIALS:
            self.store.add(token_secret)
        key = {"client_id": "management", "client_secret": "canary-key", "token_url": "https://a/t"}
        key["admin_of"] = CREDENTIALS
        self.store.add("app/management", key)
        self.job()

    def rotate(self, **options: Any) -> SecretRotationResult:
        """One run of the rotation; raises what it raises."""
        run = open_secret_run(
            CREDENTIALS,
            store=self.store,
            clock=self.clock,
            endpoint=self.endpoint,
            send=self.send,
            **{"new_id": lambda: f"rotation-{next(self.ids)}", **options},
        )
        self.outside.is_watching = True
        try:
            return rotate_client_secret(run)
        finally:
            self.outside.is_watching = False

    def job(self) -> str:
        """One run of the token job; its outcome."""
        return rotate_token(
            Binding(CREDENTIALS, self.token_secret),
            store=self.store,
            endpoint=self.endpoint,
            policy=RenewalPolicy(),
            clock=self.clock,
        ).outcome

    def send(self, request: HttpRequest) -> HttpResponse:
        """The provider's interface, without a network."""
        path = request.url.removeprefix("https://provider.example")
        headers = {name.lower(): text for name, text in request.headers.items()}
        self.requests.append(request)

        def respond() -> HttpResponse:
            status, document = self.fake.respond(
                request.method, path, headers, request.body.encode()
            )
            body = b"" if document is None else json.dumps(document).encode()
            return HttpResponse(status, self._date(), body)

        response: HttpResponse = self.outside.call(
            f"{request.method} {path.rpartition('/')[2]}",
            respond,
            _lost_http,
            HttpResponse(403, self._date(), PROXY_PAGE),
        )
        return response

    def _date(self) -> dict[str, str]:
        if self.host_ahead is None:
            return {}
        return {"date": formatdate((self.clock.now() - self.host_ahead).timestamp(), usegmt=True)}

    @classmethod
    def managed(cls, make: type[SecretFake], **fields: Any) -> "SecretWorld":
        """One whose management calls are made with other credentials, as Okta wants it."""
        settings = make(ManualClock(NOW)).settings | {"credentials_secret": "app/management"}
        return cls(make, client_admin=settings, **fields)

    def move_back(self, version_id: str) -> None:
        """Somebody moves AWSCURRENT of the credentials secret to this version."""
        secret = self.store.secrets[CREDENTIALS]
        secret.previous, secret.current = secret.current, version_id

    def store_by_hand(self, *values: str) -> None:
        """Somebody stores these client secrets."""
        fields = self.store.fields(CREDENTIALS) | {"client_secret": list(values)}
        number = len(self.store.secrets[CREDENTIALS].versions)
        self.store.secrets[CREDENTIALS].publish(json.dumps(fields), f"by-hand-{number}")

    def open_gate(self) -> Self:
        """Begin a rotation, and wait until the next run may end the old client secret."""
        self.rotate()
        for _ in range(20):
            self.pass_time(hours=6)
            self.rotate(overlap=timedelta(days=3000))  # which keeps it closed, and remembers
        return self

    def crash_at_add(self, *, is_added: bool) -> Self:
        """Let a run die as it adds: before the provider has acted, or before the response."""
        hook = once("POST", self._crash)
        self.fake.before, self.fake.after = (_ignore, hook) if is_added else (hook, _ignore)
        with pytest.raises(Crashed):
            self.rotate()
        self.fake.before = self.fake.after = _ignore
        return self

    def refused(self, error: type[E], match: str | None = None, **options: Any) -> E:
        """What a run raises; no secret is in it, and no other error hangs on it."""
        with pytest.raises(error, match=match) as caught:
            self.rotate(**options)
        assert "canary" not in str(caught.value)
        assert caught.value.__context__ is None
        return caught.value

    @staticmethod
    def _crash() -> None:
        raise Crashed

    @property
    def stored(self) -> list[str]:
        """The client secrets in the credentials secret, in order."""
        value = self.store.fields(CREDENTIALS)["client_secret"]
        return value if isinstance(value, list) else [value]

    @property
    def state(self) -> dict[str, Any]:
        """The state of the rotation as it is stored."""
        found: dict[str, Any] = self.store.fields(CREDENTIALS).get("client_secret_rotation", {})
        return found

    @property
    def knows_nothing(self) -> bool:
        """Whether the state says no more than that no rotation is under way."""
        said = self.state.keys() - {"id", "started_at", "replaced_version_id"}
        return self.state.get("step", "done") == "done" and said <= {"step"}

    def has_working_secret(self) -> bool:
        """Whether the provider takes one of the stored client secrets, or will within its lag."""
        return any(self.fake.accepts(each, sooner_or_later=True) for each in self.stored)

    def pass_time(self, *, hours: float) -> None:
        """Let time pass, with the job every hour: it may never fail."""
        self.clock.advance(hours % 1 * 3600)
        for _ in range(int(hours)):
            self.clock.advance(3600)
            self.job()


def once(method: str, act: Callable[[], object]) -> Callable[[str], None]:
    """What acts at the first request of that method."""
    left = [act]

    def hook(seen: str) -> None:
        if seen == method and left:
            left.pop()()

    return hook


def _ignore(_: str) -> None:
    """Do nothing."""


def rotate_to_the_end(world: SecretWorld, **options: Any) -> str:
    """Run every six hours; the last outcome."""
    outcome: str = world.rotate(**options).outcome
    for _ in range(40):
        if outcome == "finished":
            break
        world.pass_time(hours=6)
        outcome = world.rotate(**options).outcome
    return outcome


def _lost_store() -> Exception:
    return StoreError("lost", operation="any", secret_id="s", retryable=True)


def _lost_http() -> Exception:
    return TransportError("no response in time", retryable=True)


def _lost_mint() -> Exception:
    return MintError("token endpoint: no response in time", retryable=True)
