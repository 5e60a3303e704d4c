"""Publishing a token: a compare-and-set without a lock.

The id of the next version is derived from the version that was seen, so all rotators that saw the
same predecessor ask for the same id, and Secrets Manager lets one of them have it.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rotator.errors import CredentialsError, VersionConflict
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret
from rotator.model.stored import credentials_in, fields_in, token_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.policy import Absent
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import Store

__all__ = ["Publication", "successor_id"]

NAMESPACE = uuid.UUID("7d1ed0a4-5a4f-5b0c-9b0e-6f6c0a3f2c11")
"""Of the version ids that rotator derives; every rotator in the world must use the same."""

MAX_ORDINALS = 8
"""How many derived ids may be taken by versions that somebody moved aside by hand."""

CONSISTENCY_WAITS_S = (0.1, 0.3, 0.6, 1.0, 2.0)
"""Pauses between re-reads after a conflict: Secrets Manager is eventually consistent."""


def successor_id(secret: StoredSecret, ordinal: int = 0) -> str:
    """The id under which every rotator that saw this version of the secret publishes the next.

    A UUID of 36 characters, as ClientRequestToken asks (32 to 64; API reference, PutSecretValue).
    `ordinal` counts the ids of this kind that are taken by versions moved aside by hand.
    """
    return str(uuid.uuid5(NAMESPACE, f"{secret.arn}:{secret.version_id or 'empty'}:{ordinal}"))


@dataclass(slots=True)
class Publication:
    """One attempt to make `minted` the token secret's current version."""

    store: Store
    target: StoredSecret
    minted: AccessToken
    shared: bool
    is_fresh: Callable[[AccessToken | Absent], bool]
    sleep: Callable[[float], None]
    version_id: str = ""

    def publish(self) -> tuple[Literal["rotated", "superseded"], AccessToken | Absent, str | None]:
        """Publish `minted`, or find the version of another rotator that makes it needless.

        Answers with what is current then. Raises VersionConflict if neither can be brought about,
        CredentialsError if a shared secret lost its credentials meanwhile, StoreError as the store
        does.
        """
        if self.shared:
            # The team edits this secret too. What it changed since must not be written over.
            seen, self.target = token_in(self.target), self._reread()
            theirs = token_in(self.target)
            if theirs != seen and self.is_fresh(theirs):
                return "superseded", theirs, self.target.version_id
        ordinal = 0
        for _ in range(MAX_ORDINALS):
            self.version_id = successor_id(self.target, ordinal)
            try:
                self.store.put(self.target, self._text(), version_id=self.version_id)
            except VersionConflict:
                ordinal += 1
            else:
                return "rotated", self.minted, self.version_id
            current = self._after_conflict()
            if current is None:
                continue
            theirs = token_in(current)
            if self.is_fresh(theirs):
                return "superseded", theirs, current.version_id
            self.target, ordinal = current, 0
        raise VersionConflict(
            f"secret {self.target.secret_id}: its versions keep changing under this run",
            operation="PutSecretValue",
            secret_id=self.target.secret_id,
            retryable=True,
        )

    def _after_conflict(self) -> StoredSecret | None:
        """The version that has become current in place of the one we saw.

        None if ours is still current although its successor's id is taken: somebody moved the
        labels by hand. That is believed only after re-reading for a while, since a read may lag
        behind the write that we lost to; the version that holds our id tells sooner.
        """
        for wait_s in (0.0, *CONSISTENCY_WAITS_S):
            if wait_s:
                self.sleep(wait_s)
            holder = self.store.read_version(self.target.secret_id, self.version_id)
            if holder is not None and "AWSCURRENT" in holder.stages:
                return holder
            current = self._reread()
            if current.version_id != self.target.version_id:
                return current
        return None

    def _reread(self) -> StoredSecret:
        [current] = self.store.read(self.target.secret_id)
        return current

    def _text(self) -> Secret:
        minted = self.minted.to_fields()
        return Secret(json.dumps(self._merged(minted) if self.shared else minted, indent=2))

    def _merged(self, minted: dict[str, object]) -> dict[str, object]:
        """The shared secret with the new token in it, and all that is not the token's as it was.

        `client_id`, `scope` and `token_url` belong to the credentials there: the granted scope
        would become the one asked for next, and a `token_url` hides the preset.
        """
        if credentials_in(self.target).client_id != self.minted.client_id:
            raise CredentialsError(
                f"credentials secret {self.target.secret_id}: got another client_id during this"
                " run; the next run uses it",
                retryable=True,
            )
        token_only = TOKEN_FIELDS - ClientCredentials.FIELDS
        theirs = {k: v for k, v in fields_in(self.target).items() if k not in token_only}
        return theirs | {k: v for k, v in minted.items() if k in token_only}
