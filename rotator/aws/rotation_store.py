"""The store for native rotation: pending versions, and moves of staging labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.aws.responses import staging_labels
from rotator.aws.store import SecretsManagerStore, parse_tags
from rotator.model.secret import RotationState

if TYPE_CHECKING:
    from rotator.model.secret import Secret

__all__ = ["RotationStore"]


class RotationStore(SecretsManagerStore):
    """The store of a rotation that Secrets Manager has started.

    `rotation_token` is the event's. It's sent with each new value, because Secrets Manager requires
    it where the function belongs to another account or assumes a role (API reference,
    PutSecretValue: RotationToken).
    """

    def __init__(self, client: object, *, rotation_token: Secret | None = None) -> None:
        super().__init__(client)
        if rotation_token is not None:
            self._put_secrets = {"RotationToken": rotation_token}

    def with_token(self, rotation_token: Secret | None) -> RotationStore:
        """A store with the same client for another rotation."""
        return RotationStore(self._client, rotation_token=rotation_token)

    def put_labelled(self, secret_id: str, text: Secret, *, version_id: str, stage: str) -> None:
        """Store a version under this label without moving AWSCURRENT.

        A secret's first value becomes current under any label. Raises VersionConflict if the
        version exists with another value.
        """
        self._put(secret_id, text, version_id, stage=stage, VersionStages=[stage])

    def move_stage(
        self, secret_id: str, stage: str, *, move_to: str | None, remove_from: str | None
    ) -> None:
        """Move a staging label, or remove it (`move_to` None), if it is still on `remove_from`.

        Raises VersionConflict if it is not (API reference, UpdateSecretVersionStage:
        RemoveFromVersionId).
        """
        named = {"MoveToVersionId": move_to, "RemoveFromVersionId": remove_from}
        params: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        self._call("UpdateSecretVersionStage", secret_id, VersionStage=stage, **params)

    def rotation_state(self, secret_id: str) -> RotationState:
        """ARN, tags, staging labels and primary region (DescribeSecret)."""
        response = self._call("DescribeSecret", secret_id)
        return RotationState(
            arn=response["ARN"],
            tags=parse_tags(response),
            stages=staging_labels(response),
            primary_region=response.get("PrimaryRegion"),
        )
