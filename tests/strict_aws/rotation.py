"""RotateSecret and CancelRotateSecret by the documented rules; what a test lets run, it runs.

API_RotateSecret.html, API_CancelRotateSecret.html, API_RotationRulesType.html, and the user guide,
"Lambda rotation functions" (rotate-secrets_lambda-functions.html) and "Rotation schedules"
(rotate-secrets_schedule.html). Where they are silent or contradict each other a switch says so.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.strict_aws.versions import CURRENT, PENDING, Refused, Versions

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
"""rotate-secrets_lambda-functions.html, "Four steps in a rotation function"."""

RATE = re.compile(r"rate\((\d+) (hours?|days?)\)")
MIN_HOURS, MAX_DAYS = 4, 999
"""rotate-secrets_schedule.html, "Rate expressions": every four hours, and every 999 days."""

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
        return self.arn.split(":")[3]


@dataclass(slots=True)
class Rotations:
    """Which secrets rotate by which function, and what was begun, oldest first.

    `tidies` says whether the service itself takes AWSPENDING off at the end of a rotation: the
    maintainers of AWS's templates say that it does
    (aws-samples/aws-secrets-manager-rotation-lambdas, pull request 145), and issue 168 there that
    it stays. `checks_token` says whether PutSecretValue needs the rotation's own RotationToken,
    which the reference demands of a function that works through an assumed role.
    """

    functions: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    begun: list[Rotation] = field(default_factory=list)
    tidies: bool = False
    checks_token: bool = False

    def begin(
        self, arn: str, versions: Versions, params: Mapping[str, Any], *, now: float
    ) -> tuple[Rotation, Versions]:
        """RotateSecret: the rotation, and the versions with the one that it is to fill.

        That there is no value yet is no reason to refuse: see the description that issue 16 of the
        templates' repository quotes.
        """
        function = params.get("RotationLambdaARN") or self.functions.get(arn)
        if function is None:
            raise Refused("InvalidRequestException", "no rotation function is associated with it")
        check_rules(params.get("RotationRules", {}))
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
        self.rules[arn] = params.get("RotationRules", self.rules.get(arn, {}))
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

    def is_under_way(self, rotation: Rotation) -> bool:
        """Whether the function is still called for it; a cancelled one is over."""
        return rotation in self.begun

    def end(self, rotation: Rotation, versions: Versions) -> Versions:
        """What the service itself does once no step has failed."""
        if rotation.steps == TEST_ONLY:
            return versions.drop_announced(rotation.version_id)
        pending = versions.labelled(PENDING)
        if self.tidies and pending is not None and CURRENT in pending.stages:
            return versions.without_label(PENDING)
        return versions

    def check_token(self, arn: str, params: Mapping[str, Any]) -> None:
        """PutSecretValue: an announced version takes the token of its own rotation.

        Any other version takes that of a rotation of the same secret, or none.
        """
        if not self.checks_token:
            return
        given, version_id = params.get("RotationToken"), params.get("ClientRequestToken")
        tokens = {each.version_id: each.rotation_token for each in self.begun if each.arn == arn}
        allowed = {tokens[version_id]} if version_id in tokens else {None, *tokens.values()}
        if given not in allowed:
            raise Refused("InvalidParameterException", "the RotationToken is not this rotation's")

    def describe(self, arn: str) -> dict[str, Any]:
        """What DescribeSecret adds for a secret that has ever rotated."""
        if arn not in self.functions:
            return {}
        return {
            "RotationEnabled": arn in self.enabled,
            "RotationLambdaARN": self.functions[arn],
            "RotationRules": dict(self.rules[arn]),
        }

    def cancel(self, arn: str) -> None:
        """CancelRotateSecret: no more rotations; labels stay where they are."""
        if arn not in self.functions:
            raise Refused("InvalidRequestException", "rotation was never configured")
        self.enabled.discard(arn)
        self.begun = [each for each in self.begun if each.arn != arn]


def check_rules(rules: Mapping[str, Any]) -> None:
    """API_RotationRulesType.html: days or an expression, and not more often than four-hourly."""
    if {"AutomaticallyAfterDays", "ScheduleExpression"} <= rules.keys():
        raise Refused("InvalidParameterException", "give days or a schedule expression, not both")
    expression = rules.get("ScheduleExpression", "cron()")
    if expression.startswith("cron("):
        return
    matched = RATE.fullmatch(expression)
    hours = 0 if matched is None else int(matched[1]) * (24 if "day" in matched[2] else 1)
    if not MIN_HOURS <= hours <= 24 * MAX_DAYS:
        raise Refused("InvalidParameterException", "the schedule expression is not allowed")
