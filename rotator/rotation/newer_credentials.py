"""Finds credentials newer than those that a run has read, because reads may lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import RotatorError
from rotator.rotation.publish import repeat_reads

if TYPE_CHECKING:
    from rotator.model.access_token import AccessToken
    from rotator.model.policy import Reason
    from rotator.model.secret import StoredSecret
    from rotator.rotation.run import Run

__all__ = ["OTHER_CREDENTIALS", "read_newer_credentials"]

OTHER_CREDENTIALS: frozenset[Reason] = frozenset({"client_changed", "credentials_changed"})
"""Reasons to be due that may be wrong if the credentials that were read are outdated."""


def read_newer_credentials(run: Run, seen: StoredSecret, token: AccessToken) -> StoredSecret | None:
    """The current version of the credentials secret, None if it is `seen`.

    `token` names the version with which it was minted. If that exists and is no longer current,
    `seen` is newer. If it isn't found, the read may lag, and is repeated for a bounded time. Raises
    RotatorError for a temporary failure.
    """
    named = token.credentials_version_id
    if named in {None, seen.version_id}:
        return None
    for _ in repeat_reads(run.clock):
        [current] = run.store.read(seen.secret_id)
        if current.version_id != seen.version_id:
            return current
        try:
            version = run.store.read_version(seen.secret_id, named)
        except RotatorError as error:
            if error.retryable:
                raise
            return None  # access denied, or not a version id: waiting would not help
        if version is not None:
            return version if "AWSCURRENT" in version.stages else None
    return None
