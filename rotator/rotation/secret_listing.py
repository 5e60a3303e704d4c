"""Identifies the client secrets in a provider's list, which has no values.

A client secret that somebody else added is never deleted. If they can't be told apart, the rotation
stops and names all of them: it must not advise deleting the one in use.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import ClientAdminError, ConfigError
from rotator.model.commands import remove_command
from rotator.model.instants import format_instant
from rotator.model.secret_rotation import digest_of, digest_of_all

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rotator.errors import RotatorError
    from rotator.model.client_admin import AdminKind
    from rotator.model.secret import Secret
    from rotator.model.secret_rotation import ProviderSecret, SecretRotation
    from rotator.rotation.ports import ClientAdmin
    from rotator.rotation.secret_run import Situation

__all__ = [
    "NOT_ABOUT_ROOM",
    "StoredClientSecret",
    "describe",
    "explain_refused_add",
    "find_bound",
    "find_orphans",
    "identify",
    "refuse_if_ambiguous",
    "refuse_without_capacity",
]

ORPHAN_WINDOW = timedelta(minutes=2)
"""How long before or after its intent an interrupted run can have added a client secret, by the
provider's clock."""

NOT_ABOUT_ROOM = frozenset({401, 403, 404, 429})
"""Statuses of a refused add that have nothing to do with the number of client secrets."""


class StoredClientSecret(NamedTuple):
    """A client secret that the provider lists, with its stored value."""

    listed: ProviderSecret
    value: Secret


def find_bound(seen: Situation, listed: Sequence[ProviderSecret]) -> StoredClientSecret | None:
    """The listed client secret whose stored value is recorded in the state, None without one.

    The value of an id never changes, so the record stays valid whatever is edited.
    """
    rotation = seen.rotation
    if rotation is None or rotation.stored is None:
        return None
    for value in seen.credentials.client_secrets:
        for each in listed:
            if each.id == rotation.stored.id and digest_of(value) == rotation.stored_digest:
                return StoredClientSecret(each, value)
    return None


def identify(seen: Situation, listed: Sequence[ProviderSecret], value: Secret) -> ProviderSecret:
    """The listed client secret with this value, which the token endpoint accepts.

    It is the one that the state records, unless the list shows that it has another, else the one
    that the list shows to have it, else the only possible one. Raises ConfigError if that is
    unclear.
    """
    kind, bound = seen.settings.kind, find_bound(seen, listed)
    if not listed:
        raise ConfigError(
            f"{kind.name}: lists no client secret for this client; check client_admin"
        )
    if bound is not None and bound.value == value and bound.listed.matches(value) is not False:
        return bound.listed
    others = [other for other in seen.credentials.client_secrets if other != value]
    fitting = [
        each
        for each in listed
        if each.matches(value) and not any(each.matches(other) for other in others)  # by its hint
    ] or [each for each in listed if each.matches(value) is None]
    if len(fitting) == 1:
        return fitting[0]
    alike = [each for each in listed if each.matches(value)]
    if not fitting and alike:
        stored = seen.credentials.client_secrets
        number = max(n for n, each in enumerate(stored, start=1) if each != value)
        remove = remove_command(seen.version.secret_id, number)
        raise ConfigError(
            f"{kind.name}: lists {describe(alike)} with a hint that several of the stored client"
            " secrets begin with, so it can't be told which of these it is; nothing was changed."
            f" Take the others out with {remove}, if nothing needs"
            " them, then run this again"
        )
    if not fitting:
        raise ConfigError(
            f"{kind.name}: does not list the stored client secret, which is accepted, but"
            f" {describe(listed)}; nothing was changed. If it is only a few minutes old run this"
            " again, else correct client_admin"
        )
    raise ConfigError(
        f"{kind.name}: has several client secrets: {describe(listed)}; it is not known which of"
        f" them is the stored one; {_way_out(kind)}"
    )


def refuse_without_capacity(
    seen: Situation, listed: Sequence[ProviderSecret], old: ProviderSecret
) -> None:
    """Raise ConfigError if the provider has no room for another client secret."""
    kind = seen.settings.kind
    if kind.capacity is not None and len(listed) >= kind.capacity:
        raise _explain_lack_of_room(kind, listed, old)


def _explain_lack_of_room(
    kind: AdminKind, listed: Sequence[ProviderSecret], old: ProviderSecret
) -> ConfigError:
    return ConfigError(
        f"{kind.name}: has no room for a new client secret: there are {describe(listed)}, and the"
        f" stored one should be {old.id}; {_way_out(kind)}"
    )


def explain_refused_add(
    seen: Situation,
    admin: ClientAdmin,
    refused: ClientAdminError,
    old: ProviderSecret,
    lost: SecretRotation | None,
) -> RotatorError:
    """The refusal, with what is known about room for a new client secret.

    `lost` is the intent of an interrupted run whose client secret the provider may list late.
    """
    kind = seen.settings.kind
    if kind.capacity is None or refused.status in NOT_ABOUT_ROOM:
        return refused
    if lost is not None:
        text = (
            f"{refused}; what a run that began at {format_instant(lost.started_at)} may have added"
            " can take the room before it is listed: the next run looks again"
        )
        return ClientAdminError(
            text, status=refused.status, debug_id=refused.debug_id, retryable=True
        )
    try:
        listed = admin.list()
    except ClientAdminError:
        return refused
    if len(listed) >= kind.capacity:
        return _explain_lack_of_room(kind, listed, old)
    return ClientAdminError(
        f"{refused}; it lists {describe(listed)} and takes {kind.capacity}: if you see another one"
        f" ({kind.where_to_delete}), delete there what nobody uses, then run this again",
        status=refused.status,
        debug_id=refused.debug_id,
    )


def find_orphans(
    seen: Situation, intent: SecretRotation, listed: Sequence[ProviderSecret], *, label: str
) -> list[ProviderSecret]:
    """The client secret that an interrupted run has added, whose value nobody has: none or one.

    Recognized by its name, `label`; without names, by when it was created, if it was never used and
    nobody has edited the stored client secrets since. Raises ConfigError if it may be somebody
    else's. If only one is listed, it may be the stored one and is not returned.
    """
    # The value of `old` is of that one, whatever others have in common with it, such as a hint.
    values = [
        each for each in seen.credentials.client_secrets if digest_of(each) != intent.old_digest
    ]
    unknown = [each for each in listed if each.id not in intent.known_ids]
    stored = [each for each in unknown if any(each.matches(value) for value in values)]
    if len(listed) == 1:
        return []
    if seen.settings.kind.keeps_labels:
        orphans = [each for each in unknown if each.label == label]
        is_clear = len(orphans) <= 1 and not any(each in stored for each in orphans)
    else:
        unknown = [each for each in unknown if each not in stored]
        orphans = [each for each in unknown if _fits(seen, intent, each)]
        is_clear = len(orphans) <= 1 and len(orphans) == len(unknown)
    if not is_clear:
        raise ConfigError(
            f"{seen.settings.kind.name}: a run was lost while it added a client secret, and there"
            f" are {describe(listed)} now, of which {_ids(unknown)} came since and may be"
            f" somebody else's; {_way_out(seen.settings.kind)}"
        )
    return orphans


def _fits(seen: Situation, intent: SecretRotation, found: ProviderSecret) -> bool:
    if digest_of_all(seen.credentials.client_secrets) != intent.values_digest:
        return False
    if found.created_at is None or found.last_used_at is not None:
        return False
    return abs(found.created_at - intent.started_at) <= ORPHAN_WINDOW


def refuse_if_ambiguous(
    seen: Situation,
    rotation: SecretRotation,
    listed: Collection[ProviderSecret],
    old_values: Collection[Secret],
) -> None:
    """Raise ConfigError if another one than the recorded old one may have its stored value.

    The list from which that was recorded may have left out the stored one, and shown somebody
    else's. Only those that were made before the new one can be it.
    """
    old, new = rotation.old, rotation.new
    made_at = new.created_at if new else None
    matches = {
        each.id: {each.matches(value) for value in old_values}
        for each in listed
        if (new is None or each.id != new.id)
        and (made_at is None or each.created_at is None or each.created_at < made_at)
    }
    fitting = {key for key, each in matches.items() if True in each} or {
        key for key, each in matches.items() if None in each
    }
    if old is None or fitting <= {old.id}:
        return
    kind = seen.settings.kind
    named = [each for each in listed if each.id in fitting | {old.id}]
    raise ConfigError(
        f"{kind.name}: lists {describe(named)}, and it can't be told which of them is the old one"
        f" that is stored; {_way_out(kind, 'nothing was deleted')}"
    )


def _way_out(kind: AdminKind, so_far: str = "nothing was changed") -> str:
    how = f" ({kind.how_to_tell})" if kind.how_to_tell else ""
    return (
        f"{so_far}. Find out which of them the credentials hold{how}, delete at the"
        f" provider those that nobody uses ({kind.where_to_delete}), then run this again"
    )


def describe(listed: Sequence[ProviderSecret]) -> str:
    """Each by its id, with what helps people to recognize it."""
    tells_use = any(each.last_used_at is not None for each in listed)

    def describe_one(each: ProviderSecret) -> str:
        known = (
            ("made", each.created_at),
            ("ends", each.expires_at),
            ("last used", each.last_used_at),
        )
        details = [f"{what} {format_instant(at)}" for what, at in known if at is not None]
        if tells_use and each.last_used_at is None:
            details.append("no use seen")
        if not each.is_active:
            details.append("switched off")
        return f"{each.id} ({', '.join(details)})" if details else each.id

    return ", ".join(describe_one(each) for each in listed)


def _ids(listed: Sequence[ProviderSecret]) -> str:
    return ", ".join(each.id for each in listed)
