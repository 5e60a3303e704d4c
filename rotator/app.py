"""The composition root: real parts put together from settings, and used again where they can be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rotator.aws.store import SecretsManagerStore, connect
from rotator.config import region_of
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.model.status import judge
from rotator.model.stored import credentials_in, token_in
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.rotate import rotate_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config import Settings
    from rotator.model.access_token import AccessToken
    from rotator.model.secret import StoredSecret
    from rotator.model.status import TokenStatus
    from rotator.rotation.rotate import RotationResult

__all__ = ["Rotator", "open_store", "open_store_for", "read_secret"]


def open_store(settings: Settings) -> SecretsManagerStore:
    """Secrets Manager in the settings' region; raises ConfigError if there is none."""
    return SecretsManagerStore(connect(settings.region))


def open_store_for(secret_id: str) -> SecretsManagerStore:
    """Secrets Manager in the region of one secret; raises ConfigError if there is none."""
    return SecretsManagerStore(connect(region_of(secret_id)))


def read_secret(secret_id: str) -> StoredSecret:
    """The current version of one secret; raises as the store does."""
    [secret] = open_store_for(secret_id).read(secret_id)
    return secret


class Rotator:
    """Does what the doors offer. Keeps its AWS client, so that a Lambda function can keep it."""

    def __init__(self, store: SecretsManagerStore) -> None:
        self._store = store

    def rotate(
        self,
        settings: Settings,
        *,
        force: bool = False,
        dry_run: bool = False,
        remaining_s: Callable[[], float] | None = None,
    ) -> RotationResult:
        """Rotate the token if it is due; see `rotate_token` for what is raised.

        `remaining_s` tells how many seconds are left for minting; None bounds it by the endpoint's
        own deadline alone.
        """
        return rotate_token(
            Binding(settings.needed_credentials_secret(), settings.token_secret),
            store=self._store,
            endpoint=TokenEndpoint(remaining_s=remaining_s),
            policy=_policy(settings),
            force=force,
            dry_run=dry_run,
            probe=_probe(settings),
        )

    def status(self, settings: Settings) -> TokenStatus:
        """Judge the stored token; the credentials secret is looked at only if it is named.

        Raises StoreError, and CredentialsError if named credentials cannot be used.
        """
        client_id = None
        if settings.credentials_secret is None:
            [target] = self._store.read(settings.token_secret)
        else:
            held, target = self._store.read(settings.credentials_secret, settings.token_secret)
            client_id = credentials_in(held).client_id
        return judge(
            settings.token_secret,
            token_in(target),
            policy=_policy(settings),
            now=datetime.now(UTC),
            version_id=target.version_id,
            client_id=client_id,
        )


def _probe(settings: Settings) -> Callable[[AccessToken], str | None] | None:
    if settings.probe_url is None:
        return None
    from rotator.rotation.probe import make_probe

    return make_probe(settings.probe_url)


def _policy(settings: Settings) -> RenewalPolicy:
    return RenewalPolicy(cadence=settings.cadence, tick=settings.tick)
