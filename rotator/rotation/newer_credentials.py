"""Finds credentials newer than those that a run has read, because reads may lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import RotatorError
from rotator.model.binding import BINDING_TAG
from rotator.model.client_id import mask_client_id
from rotator.model.instants import format_instant
from rotator.rotation.publish import repeat_reads
from rotator.rotation.result import RunWarning

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
    `seen` is newer. If it isn't found, the read may lag, and is repeated for a bounded time; if it
    still isn't, another credentials secret has minted the token, which adds a warning to `run`.
    Raises RotatorError for a temporary failure.
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
    if run.clock.now() < token.expires_at:
        run.warnings.append(_handed_over(seen.secret_id, run.binding.token_secret, token))
    return None


def _handed_over(credentials_secret: str, token_secret: str, token: AccessToken) -> RunWarning:
    """The warning for a valid token that was minted with another credentials secret.

    A tag is enough to hand a token secret over to credentials that consent, and nobody is asked
    who used the former ones.
    """
    return RunWarning(
        "rotator.token_secret_handed_over",
        f"token secret {token_secret}: was kept fresh by another credentials secret until now, with"
        f" the client {mask_client_id(token.client_id)}; its token, which is valid until"
        f" {format_instant(token.expires_at)}, is replaced by one of {credentials_secret}. If"
        " this was not intended, correct the binding; if it was found by tag, correct the tag"
        f" {BINDING_TAG} (the event TagResource in CloudTrail shows who set it)",
    )
