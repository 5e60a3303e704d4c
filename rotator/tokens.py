"""The values that rotator moves about, and how they are written down as JSON.

Codecs raise `ValueError` with a text that names the field and never its content; the caller knows
which secret it came from and says so.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_SECRET_BYTES",
    "SCHEMA",
    "TOKEN_FIELDS",
    "AccessToken",
    "Secret",
    "StoredSecret",
    "format_instant",
    "is_one_line",
    "load_object",
    "optional_text_field",
    "parse_instant",
    "text_field",
]

SCHEMA = 1
"""Version of the token secret's format; readers accept a higher one and ignore what is new."""

MAX_SECRET_BYTES = 65_536
"""Secrets Manager's limit for one value (PutSecretValue, API reference: SecretString)."""


class Secret:
    """A string that shows itself only when asked by name, with `reveal()`.

    It cannot be printed, formatted, logged, pickled or copied into a log by accident, and compares
    in constant time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # surrogatepass: an error of the encoder would hold the text.
        mine, theirs = (text.encode(errors="surrogatepass") for text in (self._text, other._text))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("Secret: cannot be pickled or copied")


class _AmbiguousJsonError(ValueError):
    """JSON that two parsers may read differently."""


def load_object(text: str) -> dict[str, Any]:
    """Parse a JSON object that every reader understands alike.

    Raises ValueError if `text` is anything else: a key twice (RFC 8259 section 4 leaves open which
    one counts) and numbers that Python would write back as `NaN` or `Infinity` are refused too. The
    error holds nothing of the text (which the decoder's own error does, in its `doc`).
    """
    value: object = None
    problem = "is JSON, but not an object"
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite
        )
    except _AmbiguousJsonError:
        problem = "is JSON with a key that occurs twice"
    except (ValueError, RecursionError):
        problem = "is not JSON"
    if isinstance(value, dict):
        return value
    raise ValueError(problem)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _AmbiguousJsonError
    return fields


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def format_instant(at: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC, whole seconds: `2026-01-31T09:00:00Z`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# One form only: `datetime.fromisoformat` also takes week dates, bare hours and more that readers in
# other languages would not.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def parse_instant(text: str) -> datetime:
    """Read what `format_instant` writes; raises ValueError for anything else."""
    if _INSTANT.fullmatch(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    raise ValueError("is not an RFC 3339 instant in UTC and whole seconds")


def text_field(fields: Mapping[str, Any], name: str) -> str:
    """A field that goes into headers, forms and URLs, where RFC 6749 (appendix A) has ASCII.

    Raises ValueError naming the field if it is missing or anything else.
    """
    value = fields.get(name)
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a non-empty string")
    if not (value.isascii() and is_one_line(value)):
        raise ValueError(f"{name} must be printable ASCII without white space around it")
    return value


# Control characters, and halves of surrogate pairs, which JSON can hold and UTF-8 cannot.
_CONTROL = re.compile(r"[\u0000-\u001f\u007f-\u009f\ud800-\udfff]")


def is_one_line(text: str) -> bool:
    """Whether the text has neither control characters nor white space around it."""
    return text == text.strip() and not _CONTROL.search(text)


def optional_text_field(fields: Mapping[str, Any], name: str) -> str | None:
    """The same, or None if there is no such field or it is null."""
    return None if fields.get(name) is None else text_field(fields, name)


def _instant_field(fields: dict[str, Any], name: str) -> datetime:
    text = text_field(fields, name)
    try:
        return parse_instant(text)
    except ValueError as error:
        problem = f"{name} {error}"
    raise ValueError(problem)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A minted token with its origin and its life; what the token secret holds.

    All instants are aware UTC in whole seconds. `issued_at` is when the request was sent, so the
    true expiry is never earlier than `expires_at`. `next_rotation_at` is None until the policy has
    set it. `token_url` is None only where one secret holds both and leaves it to the preset.
    """

    access_token: Secret
    token_type: str
    issued_at: datetime
    expires_at: datetime
    client_id: str
    token_url: str | None
    scope: str | None = None
    next_rotation_at: datetime | None = None

    def to_fields(self) -> dict[str, object]:
        """The JSON object of the token secret; the token in it is in the clear."""
        fields: dict[str, object] = {
            "schema": SCHEMA,
            "access_token": self.access_token.reveal(),
            "token_type": self.token_type,
            "issued_at": format_instant(self.issued_at),
            "expires_at": format_instant(self.expires_at),
            "expires_at_epoch": int(self.expires_at.timestamp()),
            "client_id": self.client_id,
        }
        if self.token_url is not None:
            fields["token_url"] = self.token_url
        if self.next_rotation_at is not None:
            fields["next_rotation_at"] = format_instant(self.next_rotation_at)
        if self.scope is not None:
            fields["scope"] = self.scope
        return fields

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Read the token secret's JSON object; raises ValueError naming the first wrong field.

        Fields that are not known are ignored: a newer schema may have added them.
        """
        schema = fields.get("schema")
        if type(schema) is not int or schema < SCHEMA:
            raise ValueError("schema is missing or not a version that this release knows")
        token = cls(
            access_token=Secret(text_field(fields, "access_token")),
            token_type=text_field(fields, "token_type"),
            issued_at=_instant_field(fields, "issued_at"),
            expires_at=_instant_field(fields, "expires_at"),
            client_id=text_field(fields, "client_id"),
            token_url=optional_text_field(fields, "token_url"),
            scope=optional_text_field(fields, "scope"),
            next_rotation_at=(
                _instant_field(fields, "next_rotation_at")
                if fields.get("next_rotation_at") is not None
                else None
            ),
        )
        if token.expires_at <= token.issued_at:
            raise ValueError("expires_at is not later than issued_at")
        epoch = fields.get("expires_at_epoch")
        # A float of the same value counts as a disagreement: small readers take integers only.
        if type(epoch) is not int or epoch != int(token.expires_at.timestamp()):
            raise ValueError("expires_at_epoch is missing or disagrees with expires_at")
        return token


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
    }
)
"""Every field of the token secret; where one secret holds both, all others are the team's own."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One version of a secret as Secrets Manager answered it.

    `secret_id` is the name or ARN that it was asked for by. `version_id` and `text` are None for a
    secret that has no value yet. `stages` are the version's staging labels.
    """

    secret_id: str
    arn: str
    version_id: str | None = None
    text: Secret | None = None
    stages: tuple[str, ...] = ()
