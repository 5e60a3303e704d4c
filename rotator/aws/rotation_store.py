"""Secrets Manager as its own four-step rotation needs it: pending versions and labels that move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.aws.store import SecretsManagerStore
from rotator.model.secret import RotationState

if TYPE_CHECKING:
    from rotator.model.secret import Secret

__all__ = ["PENDING", "RotationStore"]

PENDING = "AWSPENDING"


class RotationStore(SecretsManagerStore):
    """The store of a rotation that Secrets Manager has started."""

    def put_pending(
        self,
        secret_id: str,
        text: Secret,
        *,
        version_id: str,
        rotation_token: Secret | None = None,
    ) -> None:
        """Fill the version that the rotation announced; raises VersionConflict if it has a value.

        `rotation_token` is the event's: Secrets Manager asks for it where the function works in
        another account or through an assumed role (API reference, PutSecretValue: RotationToken).
        """
        params: dict[str, Any] = {
            "ClientRequestToken": version_id,
            "SecretString": text.reveal(),
            "VersionStages": [PENDING],
        }
        if rotation_token is not None:
            params["RotationToken"] = rotation_token.reveal()
        self._call("PutSecretValue", secret_id, **params)

    def move_stage(
        self, secret_id: str, stage: str, *, move_to: str | None, remove_from: str | None
    ) -> None:
        """Move a staging label, or take it away (`move_to` None): a compare-and-set of its own.

        Raises VersionConflict if the label is not on `remove_from` any more (API reference,
        UpdateSecretVersionStage: RemoveFromVersionId).
        """
        named = {"MoveToVersionId": move_to, "RemoveFromVersionId": remove_from}
        params = {name: value for name, value in named.items() if value is not None}
        self._call("UpdateSecretVersionStage", secret_id, VersionStage=stage, **params)

    def rotation_state(self, secret_id: str) -> RotationState:
        """Tags, staging labels and primary region, as DescribeSecret has them."""
        response = self._call("DescribeSecret", secret_id)
        stages = response.get("VersionIdsToStages", {})
        return RotationState(
            arn=response["ARN"],
            tags={tag["Key"]: tag["Value"] for tag in response.get("Tags", [])},
            stages={version_id: tuple(labels) for version_id, labels in stages.items()},
            primary_region=response.get("PrimaryRegion"),
        )
