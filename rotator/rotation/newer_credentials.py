"""Whether the credentials are newer than those that a run has read: reads lag, and people edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import RotatorError
from rotator.rotation.publish import CONSISTENCY_WAITS_S

if TYPE_CHECKING:
    from rotator.model.access_token import AccessToken
    from rotator.model.secret import StoredSecret
    from rotator.rotation.run import Run

__all__ = ["OTHER_CREDENTIALS", "read_newer_credentials"]

OTHER_CREDENTIALS = frozenset({"client_changed", "credentials_changed"})
"""The reasons for which a token is due that may be fresh, if our credentials are the old ones."""


def read_newer_credentials(run: Run, seen: StoredSecret, token: AccessToken) -> StoredSecret | None:
    """The current version of the credentials secret, None if that is the one that was `seen`.

    `token` says with which version it was minted. If the service knows that one as no longer
    current, ours is the newer one. If it does not know it yet, the read may lag: it is repeated
    for a bounded time.
    """
    named = token.credentials_version_id
    if named in {None, seen.version_id}:
        return None
    for wait_s in (0.0, *CONSISTENCY_WAITS_S):
        if wait_s:
            run.clock.sleep(wait_s)
        [current] = run.store.read(seen.secret_id)
        if current.version_id != seen.version_id:
            return current
        try:
            version = run.store.read_version(seen.secret_id, named)
        except RotatorError as error:
            if error.retryable:
                raise
            return None  # refused to this role, or no id at all: waiting tells no more
        if version is not None:
            return version if "AWSCURRENT" in version.stages else None
    return None
