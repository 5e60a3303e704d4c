"""The protocols of everything outside that the use cases need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from rotator.model.access_token import Minted
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import RotationState, Secret, SecretInfo, StoredSecret
    from rotator.model.secret_rotation import NewSecret, ProviderSecret

__all__ = [
    "ClientAdmin",
    "Descriptions",
    "Endpoint",
    "HistoryStore",
    "RotationStore",
    "SetupStore",
    "Store",
]


class Descriptions(Protocol):
    """Reads the metadata of secrets."""

    def describe(self, secret_id: str) -> SecretInfo:
        """The tags, and whether there is a value; raises SecretNotFound."""


class Store(Descriptions, Protocol):
    """Secrets Manager; see `rotator.aws.store` for what each call promises."""

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        """The current version of each secret, in order."""

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        """One version by its id, None if there is none."""

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        """Publish `text` as this version.

        Raises VersionConflict if the version has other content, or is not current any more.
        """


class HistoryStore(Store, Protocol):
    """A store for the rotation of client secrets."""

    def read_previous(self, secret_id: str) -> StoredSecret | None:
        """The version with AWSPREVIOUS, None if there is none."""


class SetupStore(Store, Protocol):
    """A store for setting up bindings and editing credentials."""

    def create(
        self,
        name: str,
        *,
        description: str,
        tags: Mapping[str, str],
        text: Secret | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Create a secret, with a value or without."""

    def tag(self, secret_id: str, tags: Mapping[str, str]) -> None:
        """Add tags."""


class RotationStore(Store, Protocol):
    """A store for the steps of native rotation."""

    def put_labelled(self, secret_id: str, text: Secret, *, version_id: str, stage: str) -> None:
        """Store a version that is not current; raises VersionConflict if it has another value."""

    def move_stage(
        self, secret_id: str, stage: str, *, move_to: str | None, remove_from: str | None
    ) -> None:
        """Move or remove a staging label; raises VersionConflict if it is not on `remove_from`."""

    def rotation_state(self, secret_id: str) -> RotationState:
        """Tags, staging labels and primary region; raises SecretNotFound."""


class Endpoint(Protocol):
    """A token endpoint; see `rotator.oauth.endpoint` for what each call promises."""

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """The lifetime of tokens that the provider documents, None if it documents none."""

    def mint(self, credentials: ClientCredentials) -> Minted:
        """Exchange the credentials for a token; raises MintError or CredentialsError."""


class ClientAdmin(Protocol):
    """A provider's interface for one client's secrets; see `rotator.client_admin.adapter`.

    Where we choose the one client secret there is only `replace`, elsewhere all but that.
    """

    @property
    def clock_ahead(self) -> timedelta:
        """By how much this host's clock is ahead of the provider's, as far as that is known."""

    @property
    def can_retire(self) -> bool:
        """Whether a client secret can be switched off before it is deleted."""

    def authenticate(self) -> None:
        """Mint the management token now; raises ClientAdminError or MintError."""

    def list(self) -> tuple[ProviderSecret, ...]:
        """The client secrets that the provider has; raises ClientAdminError, as all of these do."""

    def add(self, label: str, ends_at: datetime) -> NewSecret:
        """Make one more client secret, with the only copy of its value."""

    def retire(self, secret_id: str) -> None:
        """Switch a client secret off."""

    def restore(self, secret_id: str) -> None:
        """Switch a client secret on again."""

    def delete(self, secret_id: str) -> None:
        """Delete a client secret, and see that it is gone."""

    def replace(self, value: Secret) -> None:
        """Make this value the client's only secret."""
