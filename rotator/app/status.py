"""The health of one stored token, even if its credentials cannot be read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.aws.secret_ids import is_secret_id
from rotator.clock import SYSTEM_CLOCK
from rotator.errors import RotatorError, SecretNotFound, StoreError, TokenUnavailable
from rotator.fleet.status import assess_versions
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.stored import (
    holds_client_credentials,
    parse_credentials,
    parse_fields,
    parse_token,
)
from rotator.rotation.both_secrets import read_both
from rotator.rotation.overwrite import (
    credentials_in_token_secret,
    refuse_foreign_content,
    refuse_unwanted_token,
)

if TYPE_CHECKING:
    from rotator.aws.store import SecretsManagerStore
    from rotator.config import Settings
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import StoredSecret
    from rotator.model.status import TokenStatus

__all__ = ["read_status"]


def read_status(settings: Settings, store: SecretsManagerStore) -> TokenStatus:
    """As `Rotator.status`."""
    credentials_version, token_version = _read(settings, store)
    credentials, problem = _parse(credentials_version, settings.token_secret)
    known = None if isinstance(credentials_version, RotatorError) else credentials_version
    status = assess_versions(
        known,
        token_version,
        credentials=credentials,
        store=store,
        policy=settings.job.policy(),
        now=SYSTEM_CLOCK.now(),
    )
    if credentials is not None and known is not None:
        refuse_unwanted_token(credentials, known, token_version, stored=status.reason)
        problem = _find_foreign_content(known, token_version, store=store)
    named = settings.credentials_secret
    if named != settings.token_secret and _holds_credentials(token_version):
        problem = _explain_credentials(token_version, status, store=store)
    if status.health != "healthy":
        tag = _read_binding_tag(settings.token_secret, store=store)
        if tag is not None and not _is_named(tag, credentials_version):
            named = tag  # a run that combines the token with other credentials is refused
    return replace(status, credentials_error=problem, credentials_secret=named)


def _read(
    settings: Settings, store: SecretsManagerStore
) -> tuple[StoredSecret | StoreError | None, StoredSecret]:
    """The current versions of the credentials secret, or why it has none, and of the token secret.

    None for credentials that the settings do not name. Raises as the store does if the token secret
    cannot be read.
    """
    problem: StoreError | None = None
    try:
        if settings.credentials_secret is not None:
            return read_both(settings.binding(), store)
    except SecretNotFound as error:  # of the credentials secret, though the token's may be missing
        problem = error
    [token_version] = store.read(settings.token_secret)
    return problem, token_version


def _find_foreign_content(
    credentials_version: StoredSecret, token_version: StoredSecret, *, store: SecretsManagerStore
) -> RotatorError | None:
    """Why a run would not overwrite what the token secret holds; None if nothing is known."""
    stored = parse_token(token_version)
    try:
        refuse_foreign_content(
            credentials_version, token_version, stored=stored, store=store, is_tagged=False
        )
    except StoreError:  # a role that may not read tags
        return None
    except RotatorError as error:
        return error
    return None


def _read_binding_tag(token_secret: str, *, store: SecretsManagerStore) -> str | None:
    """The credentials secret that the tag names; None without a tag, or a role that may read it."""
    with suppress(StoreError):
        tag = store.describe(token_secret).tags.get(BINDING_TAG, "")
        return tag if is_secret_id(tag) else None  # it becomes a part of a command to paste
    return None


def _is_named(tag: str, version: StoredSecret | RotatorError | None) -> bool:
    """Whether the tag names the credentials secret that was read; one that wasn't may be it."""
    if version is None or isinstance(version, RotatorError):
        return version is not None
    return is_name_of(tag, version.secret_id, version.arn)


def _parse(
    version: StoredSecret | RotatorError | None, token_secret: str
) -> tuple[ClientCredentials | None, RotatorError | None]:
    """The client credentials, or why there are none."""
    if version is None or isinstance(version, RotatorError):
        return None, version
    try:
        return parse_credentials(version, token_secret=token_secret), None
    except RotatorError as error:
        return None, error


def _holds_credentials(token_version: StoredSecret) -> bool:
    """Whether the version holds client credentials instead of a token."""
    with suppress(ValueError):
        fields = parse_fields(token_version)
        return not fields.get("access_token") and holds_client_credentials(fields)
    return False


def _explain_credentials(
    token_version: StoredSecret, status: TokenStatus, *, store: SecretsManagerStore
) -> RotatorError:
    """The error for client credentials that somebody has stored over the token.

    Raises TokenUnavailable, as a reader does, unless the version before has a token, and nothing
    but a token: then this may be the credentials secret.
    """
    if status.previous_version_id is not None:
        before = store.read_previous(token_version.secret_id)
        if before is None or not holds_client_credentials(parse_fields(before)):
            return credentials_in_token_secret(token_version)
    raise TokenUnavailable(
        f"secret {token_version.secret_id}: holds no token, but client credentials; name the token"
        " secret instead",
        retryable=False,
    )
