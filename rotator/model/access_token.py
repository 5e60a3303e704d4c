"""The token that consumers read, and its JSON form in the token secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rotator.errors import replace_error
from rotator.model.fields import optional_text_field, text_field
from rotator.model.instants import format_instant, parse_instant
from rotator.model.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["SCHEMA", "TOKEN_FIELDS", "AccessToken", "Minted"]

SCHEMA = 1
"""Version of the token secret's format; readers accept a higher one and ignore its new fields."""


def _instant_field(fields: dict[str, Any], name: str) -> datetime:
    text = text_field(fields, name)
    return replace_error(
        lambda: parse_instant(text), ValueError, lambda error: ValueError(f"{name} {error}")
    )


_ORIGIN: dict[str, type] = {
    "credentials_fingerprint": str,
    "credentials_version_id": str,
    "client_secret_position": int,
    "rotated_for": str,
}


def _token_field(fields: dict[str, Any]) -> Secret:
    """The token; one with white space cannot be sent in a header (RFC 6750 section 2.1)."""
    text = text_field(fields, "access_token")
    if " " in text:
        raise ValueError("access_token contains white space")
    return Secret(text)


def _token_type_field(fields: dict[str, Any]) -> str:
    """By the rule of docs/configuration.md, which each reader keeps too."""
    token_type = fields.get("token_type")
    if token_type is None:
        return "bearer"
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise ValueError("token_type is not bearer, the one kind that consumers can present")
    return token_type


def _origin_field(fields: dict[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401 - of that kind
    """A field that only the job reads; with a wrong type it counts as absent."""
    value = fields.get(name)
    return value if type(value) is kind else None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A minted token, its lifetime and its origin: the content of the token secret.

    All instants are aware UTC in whole seconds. `issued_at` is when the request was sent, so the
    true expiry is never earlier than `expires_at`. `next_rotation_at` is None until the policy has
    set it. `token_url` is None only where one secret holds both credentials and token, and leaves
    the URL to the preset.

    The origin: fingerprint and version of the credentials, and which of their client secrets was
    accepted (`client_secret_position`, from 1). `rotated_for` is the reason for the rotation, where
    a later run needs it. All four are None in a document of an older release.
    """

    access_token: Secret
    token_type: str
    issued_at: datetime
    expires_at: datetime
    client_id: str
    token_url: str | None
    scope: str | None = None
    next_rotation_at: datetime | None = None
    credentials_fingerprint: str | None = None
    credentials_version_id: str | None = None
    client_secret_position: int | None = None
    rotated_for: str | None = None

    def to_fields(self) -> dict[str, object]:
        """The JSON object of the token secret, with the token in clear text."""
        fields: dict[str, object] = {
            "schema": SCHEMA,
            "access_token": self.access_token.reveal(),
            "token_type": self.token_type,
            "issued_at": format_instant(self.issued_at),
            "expires_at": format_instant(self.expires_at),
            "expires_at_epoch": int(self.expires_at.timestamp()),
            "client_id": self.client_id,
        }
        if self.next_rotation_at is not None:
            fields["next_rotation_at"] = format_instant(self.next_rotation_at)
        optional = {name: getattr(self, name) for name in ("token_url", "scope", *_ORIGIN)}
        return fields | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Parse the token secret's JSON object; raises ValueError naming the first wrong field.

        Unknown fields are ignored: a newer schema may have added them.
        """
        schema = fields.get("schema")
        if type(schema) is not int or schema < SCHEMA:
            raise ValueError("schema is missing or not a version that this release knows")
        is_planned = fields.get("next_rotation_at") is not None
        token = cls(
            access_token=_token_field(fields),
            token_type=_token_type_field(fields),
            issued_at=_instant_field(fields, "issued_at"),
            expires_at=_instant_field(fields, "expires_at"),
            client_id=text_field(fields, "client_id"),
            token_url=optional_text_field(fields, "token_url"),
            scope=optional_text_field(fields, "scope"),
            next_rotation_at=_instant_field(fields, "next_rotation_at") if is_planned else None,
            **{name: _origin_field(fields, name, kind) for name, kind in _ORIGIN.items()},
        )
        if token.expires_at <= token.issued_at:
            raise ValueError("expires_at is not later than issued_at")
        epoch = fields.get("expires_at_epoch")
        # A float of the same value counts as a disagreement: small readers take integers only.
        if type(epoch) is not int or epoch != int(token.expires_at.timestamp()):
            raise ValueError("expires_at_epoch is missing or disagrees with expires_at")
        return token


class Minted(NamedTuple):
    """A token as the endpoint granted it.

    `warnings` are sentences, without secrets, about anomalies that are no reason to refuse the
    token. `client_secret_position` (from 1) is the client secret that the provider accepted, None
    for a client that authenticates with a key or a certificate.
    """

    token: AccessToken
    warnings: tuple[str, ...] = ()
    client_secret_position: int | None = None


TOKEN_FIELDS = frozenset(
    {
        "schema",
        "access_token",
        "token_type",
        "issued_at",
        "expires_at",
        "expires_at_epoch",
        "next_rotation_at",
        "client_id",
        "scope",
        "token_url",
        *_ORIGIN,
    }
)
"""Every field of the token secret. Where one secret holds both, all others are kept unchanged."""
