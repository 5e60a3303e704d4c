"""The one place where a client secret ends at the provider: what is kept must be another one.

A cache or a proxy can repeat the response to an earlier request, so that what looks new is the old
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.secret_rotation import digest_of

if TYPE_CHECKING:
    from rotator.model.secret_rotation import SecretRotation
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_listing import StoredSecret

__all__ = ["delete", "is_same_twice", "switch_off"]


def is_same_twice(rotation: SecretRotation) -> bool:
    """Whether the state names one client secret as both the old and the new one."""
    old, new = rotation.old, rotation.new
    has_one_value = rotation.new_digest is not None and rotation.new_digest == rotation.old_digest
    return has_one_value or (old is not None and new is not None and old.id == new.id)


def switch_off(
    admin: ClientAdmin, secret_id: str, *, kept: StoredSecret, digest: str | None = None
) -> None:
    """Switch this client secret off; raises ConfigError if it is the one that is kept.

    `digest` is of its value, None where nobody has that.
    """
    _refuse_kept(secret_id, digest, kept)
    admin.retire(secret_id)


def delete(
    admin: ClientAdmin, secret_id: str, *, kept: StoredSecret, digest: str | None = None
) -> None:
    """Delete this client secret; raises ConfigError if it is the one that is kept."""
    _refuse_kept(secret_id, digest, kept)
    admin.delete(secret_id)


def _refuse_kept(secret_id: str, digest: str | None, kept: StoredSecret) -> None:
    if secret_id == kept.listed.id or (digest is not None and digest == digest_of(kept.value)):
        raise ConfigError(
            f"client secret {secret_id}: is the one that is kept; nothing was deleted. Look in"
            " the provider's console which client secrets there are, then run this again"
        )
