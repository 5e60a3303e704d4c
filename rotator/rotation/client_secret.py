"""The use case: rotate the client secret of one credentials secret, one step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rotator.rotation.secret_one_slot import advance_one_slot
from rotator.rotation.secret_run import read_situation, settle_lost_edit
from rotator.rotation.secret_two_slots import advance_two_slots
from rotator.rotation.swapped_names import refuse_token_secret

if TYPE_CHECKING:
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import SecretRun

__all__ = ["rotate_client_secret"]


def rotate_client_secret(run: SecretRun) -> SecretRotationResult:
    """Begin a rotation, or continue the one that is under way, as far as it can go now.

    Call it again and again: hourly or daily, by hand or from a schedule. After each step, and after
    a crash at any point, the stored credentials mint tokens. A dry run asks the provider for its
    list and changes nothing.

    Raises ConfigError, CredentialsError, ClientAdminError, MintError or StoreError; what is
    retryable settles in a later run. Logs one event for the outcome.
    """
    seen = read_situation(run)
    if seen.is_shared:  # or a client secret got into the token secret, which consumers read
        refuse_token_secret(seen.version, store=run.store)
    advance = advance_one_slot if seen.settings.kind.chooses_value else advance_two_slots
    result = settle_lost_edit(run, seen) or advance(run, seen)
    log = structlog.get_logger().bind(credentials_secret=run.credentials_secret)
    log.info("rotator.client_secret_checked", **result.log_fields())
    return result
