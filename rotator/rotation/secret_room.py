"""Checks that the credentials secret has room for a second client secret.

A provider shows a new value once. If it could not be stored, each run would add another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import CredentialsError
from rotator.model.client_credentials import ROTATION_FIELD
from rotator.model.json_text import write_object
from rotator.model.secret import MAX_SECRET_BYTES
from rotator.model.secret_rotation import ProviderSecret, SecretRotation
from rotator.model.stored import parse_fields
from rotator.rotation.credentials import replace_client_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.rotation.secret_run import SecretRun, Situation

__all__ = ["refuse_without_room"]

VALUE_CHARS = 512
"""More than the length of any client secret of the supported providers: Okta's have at most 100."""

ID_CHARS = 128
DIGEST = "0" * 64


def refuse_without_room(run: SecretRun, seen: Situation, known_ids: Sequence[str] = ()) -> None:
    """Raise CredentialsError unless everything that a rotation adds fits into the secret.

    That is a new value, and the state with all fields that any step writes.
    """
    now, text = run.now(), "x" * VALUE_CHARS
    listed = ProviderSecret("x" * ID_CHARS, created_at=now, expires_at=now)
    names = (*seen.credentials.token_secrets, *run.token_secrets, run.credentials_secret)
    state = SecretRotation(
        id=run.new_id(),
        step="retired",
        started_at=now,
        known_ids=tuple(known_ids),
        old=listed,
        new=listed,
        new_digest=DIGEST,
        old_digest=DIGEST,
        values_digest=DIGEST,
        stored_at=now,
        retired_at=now,
        old_tokens_end_at=now,
        old_tried_at=now,
        minted_since=dict.fromkeys(names, now),
        replaced_version_id="x" * ID_CHARS,
    )
    fields = parse_fields(seen.version) | {ROTATION_FIELD: state.to_fields()}
    values = [text, *(each.reveal() for each in seen.credentials.client_secrets)]
    before = seen.version.text.reveal() if seen.version.text is not None else "{}"
    size_bytes = len(write_object(replace_client_secrets(fields, values), like=before).encode())
    del fields, values, before  # a crash reporter would show them
    if size_bytes > MAX_SECRET_BYTES:
        raise CredentialsError(
            f"credentials secret {run.credentials_secret}: has no room for a second client secret:"
            f" with it and the state of the rotation it could have {size_bytes} bytes, and Secrets"
            f" Manager accepts {MAX_SECRET_BYTES}; nothing was changed. Remove from it what rotator"
            " doesn't need, then run this again"
        )
