"""Native rotation of one binding on the strict service: what its tests share."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from rotator.aws.rotation_store import RotationStore
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.model.rotation_step import parse_step
from rotator.rotation.native import take_step
from rotator.rotation.rotate import RotationResult, rotate_token
from rotator.rotation.run import Run
from tests.strict_aws.bare import BareSecretsManager
from tests.strict_aws.rotation import Rotation
from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import CURRENT, PENDING, Versions
from tests.support.clock import NOW, ManualClock
from tests.support.direct_client import DirectClient
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.rotation_rig import CREDENTIALS, HOUR, stored

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotator"
BINDING = Binding("app/credentials", "app/token")


def version_id(number: int) -> str:
    """A ClientRequestToken."""
    return f"{number:032d}"


@dataclass
class NativeBinding:
    """A binding whose token secret Secrets Manager rotates; its token is `age` old at the start.

    With `age` None the token secret has no value yet. Time is the clock's. With `is_bare` the
    service is the one without moto.
    """

    age: timedelta | None = 24 * HOUR
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    binding: Binding = BINDING
    credentials: dict[str, Any] = field(default_factory=lambda: dict(CREDENTIALS))
    is_bare: bool = False
    policy: RenewalPolicy = field(default_factory=RenewalPolicy)

    def __post_init__(self) -> None:
        self.service: BareSecretsManager | StrictSecretsManager = (
            BareSecretsManager(now=self.clock.epoch)
            if self.is_bare
            else StrictSecretsManager(now=self.clock.epoch, monotonic=self.clock.monotonic)
        )
        self.endpoint = MemoryEndpoint(self.clock)
        self.client = DirectClient(self.service)
        self.begun = 0
        if self.binding.credentials_secret != self.binding.token_secret:
            self._create(self.binding.credentials_secret, self.credentials)
        value = None if self.age is None else stored(self.age)
        if self.binding.credentials_secret == self.binding.token_secret:
            value = self.credentials | (value or {})
        self._create(self.binding.token_secret, value)

    def _create(self, name: str, value: object) -> None:
        params = {} if value is None else {"SecretString": json.dumps(value)}
        self.service.ask("CreateSecret", Name=name, ClientRequestToken=version_id(0), **params)

    def begin(self, **params: Any) -> Rotation:
        """RotateSecret, with a version id of the next number."""
        self.begun += 1
        self.service.ask(
            "RotateSecret",
            SecretId=self.binding.token_secret,
            ClientRequestToken=version_id(self.begun),
            RotationLambdaARN=FUNCTION,
            **params,
        )
        return self.service.rotations.begun[-1]

    def take(
        self, event: dict[str, str], *, client: DirectClient | None = None, **options: Any
    ) -> RotationResult:
        """The function, called with one step."""
        step = parse_step(event)
        assert step is not None
        store = RotationStore(client or self.client, rotation_token=step.rotation_token)
        run = Run(
            binding=self.binding,
            store=store,
            endpoint=self.endpoint,
            policy=self.policy,
            clock=self.clock,
            ends_at_s=self.clock.monotonic() + 60,
        )
        return take_step(replace(run, **options), step, store=store)

    def rotate(self, rotation: Rotation, **options: Any) -> list[str]:
        """All steps, as the service calls them; the outcomes."""
        outcomes: list[str] = []

        def function(event: dict[str, str]) -> None:
            outcomes.append(self.take(event, **options).outcome)

        self.service.run_rotation(rotation, function)
        return outcomes

    def run(self, *, client: DirectClient | None = None, **options: Any) -> RotationResult:
        """The job as the schedule starts it."""
        given: dict[str, Any] = {"endpoint": self.endpoint, "policy": self.policy} | options
        return rotate_token(
            self.binding, store=RotationStore(client or self.client), clock=self.clock, **given
        )

    @property
    def versions(self) -> Versions:
        return self.service.versions(self.binding.token_secret)

    @property
    def strict(self) -> StrictSecretsManager:
        """The service with moto below it."""
        assert isinstance(self.service, StrictSecretsManager)
        return self.service

    def labels(self) -> dict[str, set[str]]:
        """The staging labels by the version that has them."""
        return {each.version_id: set(each.stages) for each in self.versions.all if each.stages}

    def token(self, label: str = CURRENT) -> AccessToken:
        version = self.versions.labelled(label)
        assert version is not None
        assert version.content is not None
        return AccessToken.from_fields(json.loads(version.content[1]))

    def is_over(self) -> bool:
        """API_RotateSecret.html: AWSPENDING is on the current version, or on none."""
        pending = self.versions.labelled(PENDING)
        return pending is None or CURRENT in pending.stages

    def put(self, number: int, value: object, *, stages: list[str]) -> None:
        self.service.ask(
            "PutSecretValue",
            SecretId=self.binding.token_secret,
            ClientRequestToken=version_id(number),
            SecretString=json.dumps(value),
            VersionStages=stages,
        )
