"""The composition root: builds the parts from the settings, and reuses AWS clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rotator.config.logs  # noqa: F401 - imports structlog before others do, without asyncio
from rotator.aws.store import SecretsManagerStore, connect
from rotator.clock import SYSTEM_CLOCK
from rotator.config import environment_token_secret, region_of
from rotator.model.policy import RUN_BUDGET
from rotator.model.stored import no_credentials
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
    "read_credentials_secret",
    "stored_token_probe",
]


PUBLISH_S = 12.0
"""How long publishing may take after the time for minting is up, before a call that hangs ends."""


def ends_in(limit_s: float) -> Callable[[], float]:
    """A function that returns how many of `limit_s` seconds, from now on, are left."""
    ends_at_s = SYSTEM_CLOCK.monotonic() + limit_s
    return lambda: ends_at_s - SYSTEM_CLOCK.monotonic()


def open_store(region: str | None) -> SecretsManagerStore:
    """Secrets Manager in this region; None means the SDK's. Raises ConfigError without a region."""
    return SecretsManagerStore(connect(region))


def open_store_for(secret_id: str) -> SecretsManagerStore:
    """Secrets Manager in the region of one secret; raises ConfigError without a region."""
    return open_store(region_of(secret_id))


def read_credentials_secret(secret_id: str) -> StoredSecret:
    """The current version of a credentials secret.

    Raises CredentialsError if it is a token secret, SecretNotFound if it has no value, and as the
    store does.
    """
    store = open_store_for(secret_id)
    [secret] = store.read(secret_id)
    refuse_token_secret(secret, store=store)
    if secret.text is None:
        raise no_credentials(secret_id, environment_token_secret(secret_id, ()))
    return secret


STATUS_BUDGET_S = 20.0
"""For two attempts of a call that is not answered, of 10 seconds each."""


class Rotator:
    """Rotates and assesses one binding; a Lambda function keeps it, and so the AWS client."""

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
        """Rotate the token if it is due; raises as `rotate_token`.

        `remaining_s` returns the seconds that are left for minting; None allows the maximum of a
        run. Publishing may take `PUBLISH_S` more.
        """
        job = settings.job
        left_s = remaining_s or ends_in(RUN_BUDGET.total_seconds())
        return rotate_token(
            settings.binding(),
            store=self._store.limit_time(lambda: left_s() + PUBLISH_S),
            endpoint=TokenEndpoint(remaining_s=remaining_s),
            policy=job.policy(),
            force=force,
            dry_run=dry_run,
            probe=new_token_probe(job),
            stored_probe=stored_token_probe(job),
            remaining_s=remaining_s,
        )

    def status(self, settings: Settings) -> TokenStatus:
        """Assess the stored token, and the credentials if they are named.

        A problem with the credentials is part of the status. Raises StoreError if the token secret
        cannot be read, TokenUnavailable if it holds client credentials instead of a token. Its
        calls take `STATUS_BUDGET_S` together at most, as a monitor waits for the result; the AWS
        credentials are fetched before that.
        """
        from rotator.app.status import read_status  # which a run does not need

        self._store.fetch_credentials(settings.token_secret)
        return read_status(settings, self._store.limit_time(ends_in(STATUS_BUDGET_S)))


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
