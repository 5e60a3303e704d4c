"""The state of the rotation of a client secret, which is kept in the credentials secret."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from rotator.model.client_credentials import ROTATION_FIELD
from rotator.model.fields import optional_text_field, text_field
from rotator.model.instants import format_instant, parse_instant
from rotator.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

__all__ = [
    "DEFAULT_OVERLAP",
    "NewSecret",
    "ProviderSecret",
    "SecretRotation",
    "SecretRotationSettings",
    "digest_of",
    "digest_of_all",
    "matches_unknown",
    "read_rotation",
]

Step = Literal["adding", "overlap", "retired", "done"]
"""`adding`: the provider is about to be asked for a new client secret. `overlap`: the new one is
stored, and the old one still works. `retired`: the old one is switched off, and can be switched on
again. `done`: no rotation is under way."""

STEPS = ("adding", "overlap", "retired", "done")

DEFAULT_OVERLAP = timedelta(hours=72)
"""How long both client secrets are kept, at least."""


class SecretRotationSettings(NamedTuple):
    """How long both client secrets are kept, and the age at which one is replaced.

    None stands for the default overlap, and for replacing one of any age.
    """

    overlap: timedelta | None = None
    max_age: timedelta | None = None


def matches_unknown(_: Secret) -> None:
    """The `matches` of a client secret about whose value the list says nothing."""


@dataclass(frozen=True, slots=True)
class ProviderSecret:
    """A client secret as its provider lists it, without its value.

    `label` is its name there, `updated_at` when it was last switched on or off. `matches` returns
    whether a value is its value, None if the list does not show that.
    """

    id: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    is_active: bool = True
    label: str | None = None
    updated_at: datetime | None = None
    matches: Callable[[Secret], bool | None] = field(
        default=matches_unknown, repr=False, compare=False
    )

    def to_fields(self) -> dict[str, str]:
        """The stored part of it: its id, and when it was created and expires."""
        instants = {"created_at": self.created_at, "expires_at": self.expires_at}
        known = {name: format_instant(at) for name, at in instants.items() if at is not None}
        return {"id": self.id, **known}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_fields` writes; raises ValueError."""
        if not isinstance(fields, dict):
            raise ValueError("must be an object")  # noqa: TRY004 - of a JSON object
        return cls(
            id=text_field(fields, "id"),
            created_at=_instant(fields, "created_at"),
            expires_at=_instant(fields, "expires_at"),
        )


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A client secret that the provider has just created, with the only copy of its value."""

    listed: ProviderSecret
    value: Secret


@dataclass(frozen=True, slots=True)
class SecretRotation:
    """The state of a rotation. All instants are aware UTC in whole seconds.

    `id` identifies this rotation, also in the label of a new client secret. `known_ids` are the
    client secrets that the provider had before, so that any other may be the one added by this
    rotation. `new` and `old` are both set from `overlap` on; `new_digest` identifies the stored
    value of the new one, `old_digest` the value that was verified to be that of the old one.
    `values_digest` identifies the client secrets that were stored before the provider was asked to
    add one: other values mean that somebody has edited them, until the new one is stored; from then
    on, the same values do.
    `minted_since` has, for each token secret, when the first token was issued of those that the new
    client secret has minted without interruption, and `old_tokens_end_at` is the latest end of
    those that were seen and that it has not minted. `old_tried_at` is when a run last began to try
    the old client secret before ending it, once all conditions were met.
    `replaced_version_id` is the version of the secret that the write of the state replaced.
    """

    id: str
    step: Step
    started_at: datetime
    known_ids: tuple[str, ...] = ()
    old: ProviderSecret | None = None
    new: ProviderSecret | None = None
    new_digest: str | None = None
    old_digest: str | None = None
    values_digest: str | None = None
    stored_at: datetime | None = None
    retired_at: datetime | None = None
    old_tokens_end_at: datetime | None = None
    old_tried_at: datetime | None = None
    minted_since: Mapping[str, datetime] = field(default_factory=dict)
    replaced_version_id: str | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether the rotation is not finished."""
        return self.step != "done"

    @property
    def stored(self) -> ProviderSecret | None:
        """The newest client secret that is stored and that the provider has."""
        return self.old if self.step == "adding" else self.new

    @property
    def stored_digest(self) -> str | None:
        """The digest of the value of `stored`, None if that was never verified."""
        return self.old_digest if self.step == "adding" else self.new_digest

    def to_fields(self) -> dict[str, object]:
        """The JSON object in the credentials secret."""
        instants = {
            "stored_at": self.stored_at,
            "retired_at": self.retired_at,
            "old_tokens_end_at": self.old_tokens_end_at,
            "old_tried_at": self.old_tried_at,
        }
        since = {name: format_instant(at) for name, at in sorted(self.minted_since.items())}
        optional: dict[str, object] = {
            "known_ids": list(self.known_ids),
            "old": self.old.to_fields() if self.old else None,
            "new": self.new.to_fields() if self.new else None,
            "new_digest": self.new_digest,
            "old_digest": self.old_digest,
            "values_digest": self.values_digest,
            "minted_since": since,
            "replaced_version_id": self.replaced_version_id,
            **{name: format_instant(at) for name, at in instants.items() if at is not None},
        }
        return {
            "id": self.id,
            "step": self.step,
            "started_at": format_instant(self.started_at),
            **{name: value for name, value in optional.items() if value},
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self | None:
        """The state in a credentials secret's fields, None if there is none; raises ValueError."""
        value = fields.get(ROTATION_FIELD)
        if value is None:
            return None
        if not isinstance(value, dict) or value.get("step") not in STEPS:
            raise ValueError(f"{ROTATION_FIELD} is not what rotator writes there; remove it")
        problem: object
        try:
            return cls._parse(value)
        except ValueError as error:
            problem = error
        raise ValueError(f"{ROTATION_FIELD}: {problem}")

    @classmethod
    def _parse(cls, value: dict[str, Any]) -> Self:
        started_at = _instant(value, "started_at")
        if started_at is None:
            raise ValueError("started_at is missing")
        listed = {
            name: ProviderSecret.from_fields(value[name]) if value.get(name) else None
            for name in ("old", "new")
        }
        known_ids, since = value.get("known_ids", []), value.get("minted_since", {})
        if not isinstance(known_ids, list) or not isinstance(since, dict):
            raise ValueError("known_ids or minted_since is malformed")  # noqa: TRY004 - JSON
        return cls(
            id=text_field(value, "id"),
            step=value["step"],
            started_at=started_at,
            known_ids=tuple(text_field({"known_ids": each}, "known_ids") for each in known_ids),
            new_digest=optional_text_field(value, "new_digest"),
            old_digest=optional_text_field(value, "old_digest"),
            values_digest=optional_text_field(value, "values_digest"),
            stored_at=_instant(value, "stored_at"),
            retired_at=_instant(value, "retired_at"),
            old_tokens_end_at=_instant(value, "old_tokens_end_at"),
            old_tried_at=_instant(value, "old_tried_at"),
            minted_since={name: parse_instant(str(at)) for name, at in since.items()},
            replaced_version_id=optional_text_field(value, "replaced_version_id"),
            **listed,
        )


def read_rotation(fields: Mapping[str, Any]) -> SecretRotation | None:
    """The state, None if there is none or it is malformed; for code that only shows it."""
    with suppress(ValueError):
        return SecretRotation.from_fields(fields)
    return None


def digest_of(value: Secret) -> str:
    """The digest that identifies a stored client secret: SHA-256, in hexadecimal."""
    return hashlib.sha256(value.reveal().encode(errors="surrogatepass")).hexdigest()


def digest_of_all(values: Iterable[Secret]) -> str:
    """The digest that identifies a list of client secrets."""
    return digest_of(Secret(" ".join(digest_of(value) for value in values)))


def _instant(fields: Mapping[str, Any], name: str) -> datetime | None:
    text = fields.get(name)
    return None if text is None else parse_instant(str(text))
