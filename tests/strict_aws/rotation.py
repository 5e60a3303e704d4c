"""RotateSecret and CancelRotateSecret by the documented rules; what a test lets run, it runs.

API_RotateSecret.html, API_CancelRotateSecret.html, and the user guide, "Lambda rotation functions"
(rotate-secrets_lambda-functions.html).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.strict_aws.versions import CURRENT, PENDING, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.strict_aws.versions import Versions

__all__ = ["STEPS", "TEST_ONLY", "Rotation", "Rotations"]

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
"""rotate-secrets_lambda-functions.html, "Four steps in a rotation function"."""

TEST_ONLY = ("testSecret",)
"""API_RotateSecret.html, RotateImmediately: false tests the configuration by this step alone."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation that the service has begun: it calls the function once for each step."""

    arn: str
    version_id: str
    steps: tuple[str, ...] = STEPS
    rotation_token: str = field(default_factory=lambda: str(uuid.uuid4()), repr=False)

    def event(self, step: str) -> dict[str, str]:
        """What the function is called with."""
        return {
            "Step": step,
            "SecretId": self.arn,
            "ClientRequestToken": self.version_id,
            "RotationToken": self.rotation_token,
        }

    @property
    def region(self) -> str:
        """The region of the secret."""
        return self.arn.split(":")[3]


@dataclass(slots=True)
class Rotations:
    """Which secrets rotate by which function, and what was begun, oldest first."""

    functions: dict[str, str] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    begun: list[Rotation] = field(default_factory=list)

    def begin(
        self, arn: str, versions: Versions, params: Mapping[str, Any], *, now: float
    ) -> tuple[Rotation, Versions]:
        """RotateSecret: the rotation, and the versions with the one that it is to fill."""
        function = params.get("RotationLambdaARN") or self.functions.get(arn)
        if function is None:
            raise Refused("InvalidRequestException", "no rotation function is associated with it")
        if not versions.has_value:
            # API_RotateSecret.html: InvalidRequestException, a secret without a value.
            raise Refused("InvalidRequestException", "the secret has no current version")
        pending = versions.labelled(PENDING)
        version_id = str(params.get("ClientRequestToken") or uuid.uuid4())
        if pending is not None and CURRENT not in pending.stages:
            # "If AWSPENDING is present but not attached to the same version as AWSCURRENT, then any
            # later invocation of RotateSecret assumes that a previous rotation is still in
            # progress and returns an error"; the same request again is no other invocation.
            if pending.version_id != version_id:
                raise Refused("InvalidRequestException", "a previous rotation isn't complete")
            return self._of(version_id), versions
        self.functions[arn] = function
        self.enabled.add(arn)
        if params.get("RotateImmediately", True):
            rotation = Rotation(arn, version_id)
        else:
            # "Tests the rotation configuration by running the testSecret step", on a version that
            # it "creates and then removes"; whether that one has a value is not documented.
            rotation = Rotation(arn, version_id, steps=TEST_ONLY)
        self.begun.append(rotation)
        return rotation, versions.announce(version_id, now=now)

    def _of(self, version_id: str) -> Rotation:
        return next(each for each in self.begun if each.version_id == version_id)

    def cancel(self, arn: str) -> None:
        """CancelRotateSecret: no more rotations; labels stay where they are."""
        if arn not in self.functions:
            raise Refused("InvalidRequestException", "rotation was never configured")
        self.enabled.discard(arn)
        self.begun = [each for each in self.begun if each.arn != arn]
