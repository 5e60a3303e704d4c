"""The composition root: puts the parts together by the settings, and reuses clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.aws.store import SecretsManagerStore, connect
from rotator.config import region_of
from rotator.model.clock import SYSTEM_CLOCK
from rotator.model.policy import RETRY_BUDGET
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.rotate import rotate_token
from rotator.rotation.swapped_names import refuse_token_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config import JobSettings, Settings
    from rotator.model.access_token import AccessToken
    from rotator.model.secret import StoredSecret
    from rotator.model.status import TokenStatus
    from rotator.rotation.rotate import RotationResult

__all__ = [
    "PUBLISH_S",
    "Rotator",
    "ends_in",
    "new_token_probe",
    "open_store",
    "open_store_for",
    "open_store_in",
    "read_credentials_secret",
    "stored_token_probe",
]


PUBLISH_S = 12.0
"""How long what was minted at the very end may take to be published: a call that hangs ends then.
"""


def ends_in(limit_s: float) -> Callable[[], float]:
    """Counts down: how many of these seconds are left."""
    ends_at_s = SYSTEM_CLOCK.monotonic() + limit_s
    return lambda: ends_at_s - SYSTEM_CLOCK.monotonic()


def open_store(settings: Settings) -> SecretsManagerStore:
    """Secrets Manager in the settings' region; raises ConfigError if there is none."""
    return open_store_in(settings.region)


def open_store_in(region: str | None) -> SecretsManagerStore:
    """Secrets Manager in this region, or the SDK's own; raises ConfigError if there is none."""
    return SecretsManagerStore(connect(region))


def open_store_for(secret_id: str) -> SecretsManagerStore:
    """Secrets Manager in the region of one secret; raises ConfigError if there is none."""
    return open_store_in(region_of(secret_id))


def read_credentials_secret(secret_id: str) -> StoredSecret:
    """The current version of a credentials secret.

    Raises CredentialsError if it is a token secret, and as the store does.
    """
    store = open_store_for(secret_id)
    [secret] = store.read(secret_id)
    refuse_token_secret(secret, store=store)
    return secret


class Rotator:
    """Runs and assesses one binding; a Lambda function keeps one, and with it the AWS client."""

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

        `remaining_s` tells how many seconds are left for minting; None leaves it the time that a
        run has at most. Publishing may take `PUBLISH_S` more.
        """
        job = settings.job
        left_s = remaining_s or ends_in(RETRY_BUDGET.total_seconds())
        return rotate_token(
            settings.binding(),
            store=self._store.within(lambda: left_s() + PUBLISH_S),
            endpoint=TokenEndpoint(remaining_s=remaining_s),
            policy=job.policy(),
            force=force,
            dry_run=dry_run,
            probe=new_token_probe(job),
            stored_probe=stored_token_probe(job),
            remaining_s=remaining_s,
        )

    def status(self, settings: Settings) -> TokenStatus:
        """Assess the stored token, together with the credentials if they are named.

        What is wrong with these is in the status. Raises StoreError if the token secret cannot be
        read, TokenUnavailable if it has client credentials in a token's place.
        """
        from rotator.app.status import read_status  # the job imports this module without needing it

        return read_status(settings, self._store)


def new_token_probe(job: JobSettings) -> Callable[[AccessToken], str | None] | None:
    """The probe of a new token, None if the settings name no API."""
    if job.probe_url is None:
        return None
    from rotator.rotation.probe import make_probe

    return make_probe(job.probe_url)


def stored_token_probe(job: JobSettings) -> Callable[[AccessToken], bool] | None:
    """The probe of the stored token, None if the settings don't ask for it."""
    if job.probe_url is None or not job.probe_stored:
        return None
    from rotator.rotation.probe import make_stored_probe

    return make_stored_probe(job.probe_url)
