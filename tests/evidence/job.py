"""The job as `rotator run` puts it together, over the wire, with waiting and the clock in hand."""

import io
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import botocore.endpoint
import botocore.session
from botocore.config import Config

from rotator.aws.store import SecretsManagerStore
from rotator.cli.exit_codes import EXIT_CODES, exit_code
from rotator.config import logs
from rotator.errors import RotatorError
from rotator.local.environment import aws_variables
from rotator.local.ims import LocalIms
from rotator.local.ims_control import HELLO_PATH, TOKEN_PATH
from rotator.local.ims_http import Request
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from rotator.model.fields import load_object
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.probe import make_probe, make_stored_probe
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.evidence.worlds import AS_DOCUMENTED, SCOPE, StageWorld
from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import CURRENT, Versions
from tests.support.clock import FunctionClock
from tests.support.wire import Wire

READ_TIMEOUT_S = 0.25
CLIENT_ID = "prove-client"
CLIENT_SECRET = "p8e-canary-client-secret-0123456789"
REFUSED_SECRET = "p8e-refused-client-secret-9876543210"
DAY = timedelta(hours=24)

JUNK = json.dumps({"schema": 1, "access_token": "damaged by hand"})
"""A token document that is none any more; what was never one is not the job's to replace."""

AGES = {"due": timedelta(hours=23, minutes=10), "fresh": timedelta(minutes=5), "expired": 2 * DAY}
"""How old the stored token is at the start."""


@dataclass(slots=True)
class Run:
    """How a run ended: `ended` is its result, or the exception; `log` is what it logged."""

    ended: RotationResult | BaseException
    log: str = field(repr=False)

    @property
    def outcome(self) -> str:
        return self.ended.outcome if isinstance(self.ended, RotationResult) else "failed"

    def problem(self) -> str | None:
        """What is wrong with the way it ended, whatever happened to it."""
        error = self.ended
        if isinstance(error, RotationResult):
            return None
        if not isinstance(error, RotatorError):
            return f"ended with {type(error).__name__}"
        if exit_code(error) not in EXIT_CODES:
            return f"ended with exit code {exit_code(error)} ({error})"
        if error.__cause__ is not None or error.__context__ is not None:
            return f"carries {error.__context__!r} along"
        return None

    def texts(self) -> str:
        """Everything that a person could get to see of it."""
        details = getattr(self.ended, "details", {})
        return f"{self.log}\n{self.ended}\n{self.ended!r}\n{details}"


@dataclass(slots=True)
class Stage:
    """The wire with both services behind it, set for one case.

    `patience` scales all waiting, `read_timeout_s` is how long runs wait for an answer. The
    provider behaves as in `world`.
    """

    wire: Wire
    ims: LocalIms
    patience: float = 0.0
    read_timeout_s: float = READ_TIMEOUT_S
    world: StageWorld = AS_DOCUMENTED

    def wait(self, seconds: float) -> None:
        """What runs wait with: a share of the time, mostly none of it."""
        if self.patience:
            self.wire.ended.wait(seconds * self.patience)

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Healthy runs wait for as long as a busy machine takes."""
        before, self.read_timeout_s = self.read_timeout_s, 30.0
        try:
            yield
        finally:
            self.read_timeout_s = before

    def set(self, stored: str, *, shared: bool = False) -> "Job":
        """A service of its own with both secrets in it; `stored` is one of AGES, empty or junk."""
        self.wire.healthy()
        self.wire.secrets_manager = StrictSecretsManager()
        self.wire.secrets_manager.limited = False
        self.ims.reset()
        self.ims.configure(clients={CLIENT_ID: [CLIENT_SECRET]}, **self.world.ims)
        job = Job(self, shared=shared)
        refused = [REFUSED_SECRET] if self.world.refused_first else []
        fields: dict[str, Any] = {
            "provider": "adobe-ims",
            "token_url": self.wire.urls.token,
            "client_id": CLIENT_ID,
            "client_secret": [*refused, CLIENT_SECRET] if refused else CLIENT_SECRET,
            **self.world.credentials,
        }
        old = self.mint(AGES[stored]) if stored in AGES else None
        self.ims.configure(**self.world.later)
        if shared:
            fields |= {} if old is None else old.to_fields()
            job.create("both", json.dumps(fields))
        else:
            text = JUNK if stored == "junk" else None
            job.create("credentials", json.dumps(fields))
            job.create("token", text if old is None else json.dumps(old.to_fields()))
        self.wire.healthy()
        return job

    def mint(self, age: timedelta) -> AccessToken:
        """A real token that was minted so long ago."""
        self.ims.configure(clock_offset_s=-int(age.total_seconds()))
        issued_at = (datetime.now(UTC) - age).replace(microsecond=0)
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scope": SCOPE,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        asked = Request(TOKEN_PATH, "", headers, urlencode(form).encode())
        answer = json.loads(self.ims.answer("POST", asked).body)
        self.ims.configure(clock_offset_s=0)
        return AccessToken(
            access_token=Secret(answer["access_token"]),
            token_type="bearer",
            issued_at=issued_at,
            expires_at=issued_at + timedelta(seconds=int(answer.get("expires_in", 86_399))),
            client_id=CLIENT_ID,
            token_url=self.wire.urls.token,
        )

    def accepts(self, token: AccessToken) -> bool:
        headers = {
            "authorization": f"Bearer {token.access_token.reveal()}",
            "x-api-key": token.client_id,
        }
        return self.ims.answer("GET", Request(HELLO_PATH, "", headers, b"")).status == 200


class Job:
    """One binding on a stage, and runs of the job for it."""

    def __init__(self, stage: Stage, *, shared: bool) -> None:
        self.stage = stage
        self.binding = Binding("both", "both") if shared else Binding("credentials", "token")
        self.offset = timedelta()

    def create(self, name: str, text: str | None) -> None:
        value = {} if text is None else {"SecretString": text}
        self.stage.wire.secrets_manager.ask("CreateSecret", Name=name, **value)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            "run",
            *("--credentials-secret", self.binding.credentials_secret),
            *("--token-secret", self.binding.token_secret),
            *("--probe-url", self.stage.wire.urls.hello),
        )

    def versions(self) -> Versions:
        return self.stage.wire.secrets_manager.versions(self.binding.token_secret)

    def current(self) -> AccessToken | None:
        """The token that a consumer reads, None if there is none."""
        return current_token(self.versions())

    def problem_after(self, healthy: Run) -> str | None:
        """What a healthy run has left wrong, whatever happened before it."""
        token = self.current()
        if healthy.outcome not in {"rotated", "not_due"}:
            return f"a healthy run afterwards: {healthy.ended}"
        if token is None or not self.stage.accepts(token):
            return "no valid token after a healthy run"
        return None

    def run(
        self, *, force: bool = False, probe: bool = True, cadence: timedelta | None = None
    ) -> Run:
        """Run the job once, as `rotator.app` composes it; waiting takes no time."""
        wire, log = self.stage.wire, io.StringIO()
        logs.configure(level="debug", form="json", stream=log)
        try:
            ended: RotationResult | BaseException = rotate_token(
                self.binding,
                store=SecretsManagerStore(client_of(self.stage)),
                endpoint=TokenEndpoint(
                    read_timeout_s=self.stage.read_timeout_s,
                    clock=FunctionClock(self.now, monotonic=time.monotonic, wait=self.stage.wait),
                ),
                policy=RenewalPolicy(cadence=cadence),
                force=force,
                probe=make_probe(wire.urls.hello, timeout_s=self.stage.read_timeout_s)
                if probe
                else None,
                stored_probe=make_stored_probe(wire.urls.hello, timeout_s=self.stage.read_timeout_s)
                if self.stage.world.watched
                else None,
                clock=_RunClock(self.now, wait=self.stage.wait, chance=random.random),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be judged
            ended = error
        return Run(ended, log.getvalue())


@contextmanager
def stage() -> Iterator[Stage]:
    """Both services and the wire, for any number of cases."""
    ims = LocalIms()
    try:
        with Wire(StrictSecretsManager(), ims) as wire:
            on = Stage(wire, ims)
            with _waiting(on):
                yield on
    finally:
        ims.server_close()


@contextmanager
def _waiting(on: Stage) -> Iterator[None]:
    """The SDK waits between its attempts, and takes no function to wait with."""
    quick = mock.Mock(wraps=time, sleep=on.wait)
    with mock.patch.object(botocore.endpoint, "time", quick):
        yield


@cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()  # reads the service's description once for all runs


class _RunClock(FunctionClock):
    """Waiting takes no time, and yet counts against the time that a run has.

    How long is chance, as in life: rivals that waited equally long would meet again and again.
    """

    _waited_s = 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._waited_s += seconds

    def monotonic(self) -> float:
        return super().monotonic() + self._waited_s


def current_token(versions: Versions) -> AccessToken | None:
    """The token that a consumer reads, None if there is none."""
    version = versions.labelled(CURRENT)
    try:
        if version is None or version.content is None:
            return None
        return AccessToken.from_fields(load_object(version.content[1]))
    except ValueError:
        return None


def client_of(on: Stage) -> Any:  # noqa: ANN401 - its methods are made at run time
    """As `rotator.aws.store.connect` opens it, except for how long it waits."""
    variables = aws_variables(on.wire.endpoint_url)
    return _session().create_client(
        "secretsmanager",
        endpoint_url=on.wire.endpoint_url,
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            connect_timeout=max(1, on.read_timeout_s),
            read_timeout=on.read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": 4},
            proxies={},
        ),
    )
