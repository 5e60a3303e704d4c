"""A fleet on a stage: its bindings in the strict service, and runs as the app composes them."""

import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rotator.aws.fleet_store import READERS, FleetStore
from rotator.cli.exit_codes import EXIT_CODES, exit_code
from rotator.clock import SYSTEM_CLOCK, SystemClock
from rotator.config import logs
from rotator.errors import RotatorError
from rotator.fleet.discovery import discover
from rotator.fleet.pacer import Pacer
from rotator.fleet.report import BindingReport
from rotator.fleet.run import FleetRun, run_fleet
from rotator.fleet.settings import FleetSettings
from rotator.model.access_token import AccessToken
from rotator.model.binding import BINDING_TAG
from rotator.model.policy import RenewalPolicy
from rotator.oauth.endpoint import TokenEndpoint
from tests.evidence.job import AGES, CLIENT_ID, CLIENT_SECRET, Stage, client_of, current_token
from tests.strict_aws.versions import Versions


@dataclass(frozen=True, slots=True)
class FleetEnded:
    """How a run ended: the reports by token secret, or what it raised; `log` is what it logged."""

    reports: dict[str, BindingReport]
    error: BaseException | None = None
    log: str = field(default="", repr=False)

    def outcome(self, name: str) -> str:
        """How this token secret fared; `missed` without a report on it."""
        return self.reports[name].outcome if name in self.reports else "missed"

    def problem(self) -> str | None:
        """What is wrong with the way it ended, whatever happened to it."""
        errors: list[BaseException] = [each.error for each in self.reports.values() if each.error]
        for error in [*errors, *([self.error] if self.error else [])]:
            if not isinstance(error, RotatorError) or "unexpected" in str(error):
                return f"ended with {type(error).__name__}: {error}"
            if exit_code(error) not in EXIT_CODES or error.__context__ is not None:
                return f"ended with exit code {exit_code(error)}, {error.__context__!r}"
        return None


class FleetJob:
    """Bindings `fleet/c/N` to `fleet/t/N`, and runs over what discovery finds of them.

    `stored` says of each what its token secret holds: one of AGES, or empty.
    """

    arguments: tuple[str, ...] = ("run", "--discover")

    def __init__(self, stage: Stage, stored: list[str]) -> None:
        stage.set("empty")
        self.stage = stage
        self.names = [self.add(str(n), each) for n, each in enumerate(stored)]
        stage.wire.healthy()

    def add(
        self,
        name: str,
        stored: str = "empty",
        *,
        credentials: str | None = None,
        consents: tuple[str, ...] = ("fleet/t/*",),
        token_url: str | None = None,
        client_id: str = CLIENT_ID,
    ) -> str:
        """A binding, with credentials of its own unless they are named; its token secret's name."""
        if credentials is None:
            credentials = f"fleet/c/{name}"
            fields = {
                "provider": "adobe-ims",
                "token_url": token_url or self.stage.wire.urls.token,
                "client_id": client_id,
                "client_secret": CLIENT_SECRET,
                "token_secrets": list(consents),
            }
            self.create(credentials, json.dumps(fields))
        value = None
        if stored in AGES:
            # Not all at one moment: what expires first has to come first.
            token = self.stage.mint(AGES[stored] - timedelta(seconds=len(name)))
            value = json.dumps(token.to_fields())
        return self.create(f"fleet/t/{name}", value, **{BINDING_TAG: credentials})

    def create(self, name: str, text: str | None, **tags: str) -> str:
        """A secret; its name."""
        value = {} if text is None else {"SecretString": text}
        listed = [{"Key": key, "Value": each} for key, each in tags.items()]
        self.stage.wire.secrets_manager.ask("CreateSecret", Name=name, Tags=listed, **value)
        return name

    def versions(self, name: str) -> Versions:
        return self.stage.wire.secrets_manager.versions(name)

    def current(self, name: str) -> AccessToken | None:
        """The token that a consumer reads, None if there is none."""
        return current_token(self.versions(name))

    def has_token(self, name: str) -> bool:
        """Whether there is a token to read that the API takes."""
        token = self.current(name)
        return token is not None and self.stage.accepts(token)

    def listen(self) -> io.StringIO:
        """Where the runs from now on log to."""
        log = io.StringIO()
        logs.configure(level="debug", form="json", stream=log)
        return log

    def run(self, *, workers: int = 1, log: io.StringIO | None = None) -> FleetEnded:
        """One run; with one worker its calls come in the same order each time."""
        log = log or self.listen()
        on = self.stage
        store = FleetStore(client_of(on), readers=min(workers, READERS))
        fleet = FleetRun(
            store=store,
            batches=store,
            endpoint=TokenEndpoint(read_timeout_s=on.read_timeout_s, clock=_Clock(on)),
            settings=FleetSettings(workers=workers),
            policy_of=lambda each: RenewalPolicy(cadence=each.cadence),
            clock=_Clock(on),
            puts=Pacer(1_000, SYSTEM_CLOCK),
            remaining_s=120.0,
        )
        reports: list[BindingReport] = []
        error: BaseException | None = None
        try:
            reports = run_fleet(fleet, discover(store, {}))
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is to be judged
            error = raised
        by_name = {each.binding.token_secret: each for each in reports}
        return FleetEnded(by_name, error, log.getvalue())

    def problem_in(self, told: str) -> str | None:
        """A secret in what a person could get to see."""
        tokens = [self.current(name) for name in self.names]
        secrets = [CLIENT_SECRET, *(each.access_token.reveal() for each in tokens if each)]
        return "a secret was told" if any(secret in told for secret in secrets) else None


class _Clock(SystemClock):
    """The system's, with the waiting of the stage."""

    def __init__(self, on: Stage) -> None:
        self._on = on

    def sleep(self, seconds: float) -> None:
        self._on.wait(seconds)


def told(ended: FleetEnded) -> str:
    """Everything that a person could get to see of a run."""
    errors: list[Any] = [each.error for each in ended.reports.values() if each.error]
    return "\n".join([ended.log, *map(str, errors), *map(repr, errors), str(ended.error)])
