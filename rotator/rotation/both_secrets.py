"""Reads both secrets of a binding, the token secret even if the credentials cannot be read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rotator.errors import RotatorError, StoreError

if TYPE_CHECKING:
    from rotator.model.binding import Binding
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import Store

__all__ = ["read_both"]


def read_both(binding: Binding, store: Store) -> tuple[StoredSecret | StoreError, StoredSecret]:
    """The current versions of the credentials secret, or why it has none, and of the token secret.

    The expiry of the stored token can be reported without the credentials. Raises as the store does
    if the token secret cannot be read, or Secrets Manager cannot be reached.
    """
    try:
        credentials_version, token_version = store.read(
            binding.credentials_secret, binding.token_secret
        )
    except StoreError as error:
        is_of_credentials = error.secret_id == binding.credentials_secret != binding.token_secret
        if not is_of_credentials or (error.retryable and not error.is_answered):
            raise
        problem = error
    else:
        return credentials_version, token_version
    with suppress(RotatorError):
        [token_version] = store.read(binding.token_secret)
        return problem, token_version
    raise problem
