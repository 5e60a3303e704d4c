"""The strict service without moto below it: what a rotation calls, a hundred times as fast.

The rules are the same objects (`tests.strict_aws.versions`, `tests.strict_aws.rotation`), for those
who run through thousands of histories. Reads never lag here, and nothing is denied.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.strict_aws.rotation import Rotation, Rotations
from tests.strict_aws.values import content_of, entry_of, token_of
from tests.strict_aws.versions import CURRENT, Refused, Versions

ACCOUNT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"


class _Named(NamedTuple):
    name: str
    arn: str


class BareSecretsManager:
    """Has `ask`, `versions`, `rotations` and `run_rotation` as `StrictSecretsManager` has them."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._secrets: dict[str, Versions] = {}
        self.rotations = Rotations()

    def versions(self, secret_id: str) -> Versions:
        return self._secrets[self._named(secret_id).name]

    def ask(self, operation: str, *, region: str = "us-east-1", **params: Any) -> dict[str, Any]:
        """The answer to one of the actions that a rotation needs; raises Refused."""
        assert region == "us-east-1"
        if operation == "CreateSecret":
            self._secrets[params["Name"]] = Versions()
            if "SecretString" in params:
                self.ask("PutSecretValue", SecretId=params.pop("Name"), **params)
            return {}
        if operation == "BatchGetSecretValue":
            found = [self._entry(each, {}) for each in params["SecretIdList"]]
            return {"SecretValues": [each for each in found if each is not None], "Errors": []}
        named = self._named(params["SecretId"])
        act = getattr(self, f"_{operation}")
        answer: dict[str, Any] = {"ARN": named.arn, "Name": named.name} | act(named, params)
        return answer

    def run_rotation(
        self, rotation: Rotation, function: Callable[[dict[str, str]], object]
    ) -> None:
        for step in rotation.steps:
            if self.rotations.is_under_way(rotation):
                function(rotation.event(step))
        name = self._named(rotation.arn).name
        self._secrets[name] = self.rotations.end(rotation, self._secrets[name])

    def _named(self, secret_id: str) -> _Named:
        name = secret_id.removeprefix(ACCOUNT).removesuffix("-AbCdEf")
        if name not in self._secrets:
            raise Refused("ResourceNotFoundException", "can't find the specified secret")
        return _Named(name, f"{ACCOUNT}{name}-AbCdEf")

    def _entry(self, secret_id: str, params: dict[str, Any]) -> dict[str, Any] | None:
        named = self._named(secret_id)
        versions = self._secrets[named.name]
        version_id, stage = params.get("VersionId"), params.get("VersionStage", CURRENT)
        version = versions.find(version_id) if version_id else versions.labelled(stage)
        if version is None or version.content is None:
            return None
        return entry_of(named, version)

    def _GetSecretValue(self, named: _Named, params: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the action's name
        entry = self._entry(named.name, params)
        if entry is None:
            raise Refused("ResourceNotFoundException", "can't find the specified secret value")
        return entry

    def _DescribeSecret(self, named: _Named, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        labelled = {v.version_id: sorted(v.stages) for v in self._secrets[named.name].all}
        stages = {version_id: labels for version_id, labels in labelled.items() if labels}
        return {"VersionIdsToStages": stages} | self.rotations.describe(named.arn)

    def _PutSecretValue(self, named: _Named, params: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.rotations.check_token(named.arn, params)
        stages = params.get("VersionStages")
        self._secrets[named.name] = self._secrets[named.name].put(
            token_of(params),
            content_of(params),
            now=self._now(),
            stages=None if stages is None else frozenset(stages),
        )
        return {}

    def _UpdateSecretVersionStage(self, named: _Named, params: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._secrets[named.name] = self._secrets[named.name].move_label(
            params["VersionStage"],
            move_to=params.get("MoveToVersionId"),
            remove_from=params.get("RemoveFromVersionId"),
            now=self._now(),
        )
        return {}

    def _RotateSecret(self, named: _Named, params: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        rotation, self._secrets[named.name] = self.rotations.begin(
            named.arn, self._secrets[named.name], params, now=self._now()
        )
        return {"VersionId": rotation.version_id}
