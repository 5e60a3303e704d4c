"""Fortnights of Secrets Manager's own rotation: ours, and in the order of AWS's own template.

Both functions live through the same outages of provider and AWS, and through hours in which the
provider grants tokens that the API refuses for all their life. The service starts a rotation in
each window of four hours, at any moment of its first one, and repeats a failed one twice there and
then in each later window, with the version that it has announced; how often it really does is not
documented. A history is stuck if two healthy days at its end do not bring the rotation to an end.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from botocore.exceptions import ClientError

from rotator.errors import MintError, ProbeError, RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from tests.evidence.decade_world import DAY_S, HOUR_S, MINUTE_S, Intervals
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort, TableRow
from tests.strict_aws.rotation import Rotation
from tests.strict_aws.versions import CURRENT, PENDING
from tests.support.clock import NOW
from tests.support.native_rig import NativeBinding
from tests.support.rotation_rig import CREDENTIALS

HISTORIES_IN_SHORT, HISTORIES_IN_LONG = 40, 2_000
DAYS, HEALTHY_DAYS = 14, 2
WINDOW_S, RETRY_S, STEP_S = 4 * HOUR_S, 10 * MINUTE_S, 30 * MINUTE_S
ATTEMPTS = 3
NATIVE_ALONE = timedelta(hours=5)
"""Four hours from window to window, and one in which each may lie."""

CLIENT = ClientCredentials.from_fields(dict(CREDENTIALS))

Function = Callable[["Fortnight", dict[str, str]], object]


@dataclass(frozen=True, slots=True)
class History:
    """When what is down or refuses, and where in its first hour each window's rotation lies."""

    provider_down: Intervals
    aws_down: Intervals
    refusing: Intervals
    starts_s: tuple[float, ...]  # whole seconds


def draw_fortnight(choices: random.Random) -> History:
    """Outages of minutes to a day and a half; every twenty days three hours of useless tokens."""

    def intervals(every_days: float, low_s: float, high_s: float) -> Intervals:
        found, at = [], 0.0
        while (at := at + choices.expovariate(1 / (every_days * DAY_S))) < DAYS * DAY_S:
            found.append((at, at + choices.uniform(low_s, high_s)))
        return Intervals(found)

    return History(
        provider_down=intervals(4, 10 * MINUTE_S, 36 * HOUR_S),
        aws_down=intervals(5, 5 * MINUTE_S, 3 * HOUR_S),
        refusing=intervals(20, 2 * HOUR_S, 4 * HOUR_S),
        starts_s=tuple(
            window * WINDOW_S + choices.randrange(int(HOUR_S))
            for window in range(int((DAYS + HEALTHY_DAYS) * DAY_S / WINDOW_S))
        ),
    )


@dataclass
class Fortnight:
    """One function living through a history."""

    history: History
    on: NativeBinding = field(
        default_factory=lambda: NativeBinding(
            age=timedelta(), is_bare=True, policy=RenewalPolicy(interval=NATIVE_ALONE)
        )
    )
    useless: set[str] = field(default_factory=set)
    without_s: float = 0.0

    def __post_init__(self) -> None:
        self.on.client.before = self._reach
        self.on.endpoint.before_mint = _Forever(self._ask)

    @property
    def at(self) -> float:
        return (self.on.clock.now() - NOW).total_seconds()

    def is_useless(self, token: AccessToken) -> bool:
        return token.access_token.reveal() in self.useless

    def probe(self, token: AccessToken) -> None:
        """The API: it refuses what was granted in a bad hour."""
        if self.is_useless(token):
            raise ProbeError("API: refuses it", is_refusal=True)

    def advance_to(self, at: float) -> None:
        """Let time pass, and count what of it has no token that serves."""
        while self.at < at:
            token = self.on.token()
            if token.expires_at <= self.on.clock.now() or self.is_useless(token):
                self.without_s += min(STEP_S, at - self.at)
            self.on.clock.advance(min(STEP_S, at - self.at))

    def _reach(self, operation: str) -> None:
        if self.history.aws_down.holds(self.at):
            refusal = {
                "Error": {"Code": "ServiceUnavailable", "Message": ""},
                "ResponseMetadata": {"HTTPStatusCode": 503},
            }
            raise ClientError(refusal, operation)  # type: ignore[arg-type]

    def _ask(self) -> None:
        if self.history.provider_down.holds(self.at):
            raise MintError("token endpoint: unreachable", retryable=True)
        if self.history.refusing.holds(self.at):
            self.useless.add(f"canary-new-{self.on.endpoint.mints}")


class _Forever(list):  # type: ignore[type-arg]
    """What a `MemoryEndpoint` does before each mint, not only before the next ones."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__([action])

    def pop(self, _index: int = 0) -> Callable[[], object]:  # type: ignore[override]
        action: Callable[[], object] = self[0]
        return action


def ours(fortnight: Fortnight, event: dict[str, str]) -> object:
    """The steps as the function of the product takes them."""
    return fortnight.on.take(event, probe=fortnight.probe)


def template_order(fortnight: Fortnight, event: dict[str, str]) -> object:
    """The order of AWS's generic template, with a token in place of a password.

    createSecret keeps what the announced version holds, testSecret refuses it, finishSecret moves
    the labels (aws-samples/aws-secrets-manager-rotation-lambdas, SecretsManagerRotationTemplate).
    """
    on, client = fortnight.on, fortnight.on.client
    secret, version_id = event["SecretId"], event["ClientRequestToken"]
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if CURRENT in stages.get(version_id, ()):
        return None
    if event["Step"] == "createSecret":
        try:
            client.get_secret_value(SecretId=secret, VersionId=version_id, VersionStage=PENDING)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            minted = on.endpoint.mint(CLIENT).token
            client.put_secret_value(
                SecretId=secret,
                ClientRequestToken=version_id,
                SecretString=json.dumps(minted.to_fields()),
                VersionStages=[PENDING],
            )
    if event["Step"] == "testSecret":
        waiting = on.token(PENDING)
        fortnight.probe(waiting)
        if waiting.expires_at <= on.clock.now():
            raise ProbeError("API: refuses an expired token", is_refusal=True)
    if event["Step"] == "finishSecret":
        [current] = [each for each, labels in stages.items() if CURRENT in labels]
        client.update_secret_version_stage(
            SecretId=secret,
            VersionStage=CURRENT,
            MoveToVersionId=version_id,
            RemoveFromVersionId=current,
        )
        client.update_secret_version_stage(
            SecretId=secret, VersionStage=PENDING, RemoveFromVersionId=version_id
        )
    return None


def live_through(history: History, function: Function) -> Fortnight:
    """All windows, one after the other."""
    fortnight = Fortnight(history)
    rotation: Rotation | None = None
    for start_s in history.starts_s:
        fortnight.advance_to(start_s)
        if fortnight.on.is_over():
            rotation = fortnight.on.begin()
        assert rotation is not None
        for _ in range(ATTEMPTS):
            if _succeeds(fortnight, rotation, function):
                break
            fortnight.advance_to(fortnight.at + RETRY_S)
    return fortnight


def _succeeds(fortnight: Fortnight, rotation: Rotation, function: Function) -> bool:
    try:
        fortnight.on.service.run_rotation(rotation, lambda event: function(fortnight, event))
    except (RotatorError, ClientError):
        return False
    return fortnight.on.is_over()


def native_histories(effort: Effort) -> TableRow:
    """Each history once with our function and once in the order of the template."""
    row = TableRow("native rotation, fortnights", "1, 2, 3", "histories")
    stuck, without_s = {"ours": 0, "template": 0}, {"ours": 0.0, "template": 0.0}
    with silent_logs():
        for turn in range(effort.turns(HISTORIES_IN_SHORT, HISTORIES_IN_LONG)):
            case = f"fortnight {turn}"
            if not effort.wants(case):
                continue
            history = draw_fortnight(effort.random(case))
            for name, function in (("ours", ours), ("template", template_order)):
                lived = live_through(history, function)
                stuck[name] += not lived.on.is_over()
                without_s[name] += lived.without_s
                if name == "ours":
                    row.add(case, _problem(lived))
    for name, label in (("ours", "rotator"), ("template", "the order of AWS's template")):
        share = 100 * stuck[name] / max(row.count, 1)
        hours = without_s[name] / HOUR_S / max(row.count, 1)
        row.notes.append(
            f"{label}: {stuck[name]} of {row.count} stuck for good ({share:.0f} %),"
            f" {hours:.1f} h of each fortnight without a token that serves"
        )
    return row


def _problem(lived: Fortnight) -> str | None:
    token, now = lived.on.token(), lived.on.clock.now()
    if not lived.on.is_over():
        return "AWSPENDING is stuck"
    if token.expires_at <= now or lived.is_useless(token):
        return "no token that serves after two healthy days"
    return None
