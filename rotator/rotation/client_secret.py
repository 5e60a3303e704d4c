"""The use case of rotating the client secret of one credentials secret, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rotator.errors import ConfigError
from rotator.model.binding import is_name_of
from rotator.rotation.secret_one_slot import advance_one_slot
from rotator.rotation.secret_run import read_situation, settle_lost_edit
from rotator.rotation.secret_two_slots import advance_two_slots
from rotator.rotation.swapped_names import refuse_token_secret

if TYPE_CHECKING:
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["rotate_client_secret"]


def rotate_client_secret(run: SecretRun) -> SecretRotationResult:
    """Begin a rotation, or continue the one that is under way, as far as possible now.

    Call it repeatedly: hourly or daily, by hand or from a schedule. After each step, and after a
    crash at any point, the stored credentials mint tokens. A dry run requests the provider's list
    and changes nothing.

    Raises ConfigError, CredentialsError, ClientAdminError, MintError or StoreError; a later run can
    succeed after a retryable error. Logs one event for the outcome.
    """
    seen = read_situation(run)
    if seen.is_shared:  # or a client secret got into the token secret, which consumers read
        refuse_token_secret(seen.version, store=run.store)
    _refuse_as_token_secret(run, seen)
    advance = advance_one_slot if seen.settings.kind.chooses_value else advance_two_slots
    result = settle_lost_edit(run, seen) or advance(run, seen)
    log = structlog.get_logger().bind(credentials_secret=run.credentials_secret)
    log.info("rotator.client_secret_checked", **result.log_fields())
    return result


def _refuse_as_token_secret(run: SecretRun, seen: Situation) -> None:
    """Raise ConfigError if the credentials secret is named as a token secret and holds no token."""
    if seen.is_shared:
        return
    version = seen.version
    for name in run.token_secrets:
        if is_name_of(name, version.secret_id, version.arn):
            raise ConfigError(
                f"token secret {name}: is the credentials secret, which holds no token; name those"
                " that these credentials mint for"
            )
