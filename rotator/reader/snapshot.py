"""The content of the token secret, as readers get it."""

from __future__ import annotations

from rotator.errors import signal_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any, NoReturn, TypeGuard

__all__ = ["Snapshot", "decode_json", "fits_a_header", "instant_text", "parse"]

# The readers in other languages have the same pattern; `datetime.fromisoformat` accepts more, which
# differs between versions of Python.
_RFC_3339 = (
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
_JSON_SPACE = " \t\r\n"


class Snapshot:
    """The token secret's content at one read: immutable, and its `repr` shows no token.

    Instants are aware UTC. `client_id`, `issued_at` and `next_rotation_at` are None if the secret
    lacks them.
    """

    __slots__ = ("client_id", "expires_at", "issued_at", "next_rotation_at", "token", "version_id")

    token: str
    version_id: str
    expires_at: datetime
    client_id: str | None
    issued_at: datetime | None
    next_rotation_at: datetime | None

    def __init__(
        self,
        token: str,
        *,
        version_id: str,
        expires_at: datetime,
        client_id: str | None = None,
        issued_at: datetime | None = None,
        next_rotation_at: datetime | None = None,
    ) -> None:
        fields = (client_id, expires_at, issued_at, next_rotation_at, token, version_id)
        for name, value in zip(self.__slots__, fields, strict=True):
            object.__setattr__(self, name, value)

    def headers(self) -> dict[str, str]:
        """The request headers: `Authorization`, and `x-api-key` where the client id is known."""
        key = {} if self.client_id is None else {"x-api-key": self.client_id}
        # Not in a variable, which a traceback would show.
        return {"Authorization": f"Bearer {self.token}", **key}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Snapshot: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Snapshot: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.version_id, self.expires_at))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, tuple(getattr(self, name) for name in self.__slots__)

    def __repr__(self) -> str:
        expires = instant_text(self.expires_at)
        return f"<Snapshot {self.version_id}: token not shown, expires at {expires}>"


def _rebuild(*fields: Any) -> Snapshot:
    snapshot = Snapshot.__new__(Snapshot)
    for name, value in zip(Snapshot.__slots__, fields, strict=True):
        object.__setattr__(snapshot, name, value)
    return snapshot


def parse(response: Mapping[str, Any]) -> Snapshot:
    """Parse the token secret's value in a response to GetSecretValue.

    It must have `access_token`, and `expires_at_epoch` or `expires_at` (the earlier one counts); a
    `token_type`, if there is one, must be bearer. Null means absent. Unknown fields
    are ignored, so a newer `schema` can be read. Raises ValueError with a text that continues "its
    value ..." without quoting it.
    """
    if response.get("SecretString") is None and response.get("SecretBinary") is not None:
        raise ValueError("is binary (SecretBinary); store it as text (SecretString)")
    fields = _object(response.get("SecretString"))
    token = fields.get("access_token")
    if not isinstance(token, str) or not token:
        is_other = "client_secret" in fields or "private_key" in fields
        hint = ", but client credentials; name the token secret instead" if is_other else ""
        raise ValueError(f"has no access_token{hint}")
    if not fits_a_header(token) or " " in token:  # RFC 6749, appendix A.12
        raise ValueError("has an access_token with characters that no header can carry")
    if not _is_bearer(fields.get("token_type")):
        raise ValueError("has a token_type that is not bearer, so no request can present its token")
    client_id = fields.get("client_id")
    if client_id is not None and not (isinstance(client_id, str) and fits_a_header(client_id)):
        raise ValueError("has a client_id that no header can carry")
    version_id = response.get("VersionId")
    return Snapshot(
        token,
        version_id=version_id if isinstance(version_id, str) else "unknown",
        expires_at=_expiry(fields),
        client_id=client_id or None,
        issued_at=_instant(fields.get("issued_at")),
        next_rotation_at=_instant(fields.get("next_rotation_at")),
    )


def _is_bearer(token_type: object) -> bool:
    """Whether it is bearer, by the rule of docs/configuration.md, which the job keeps too."""
    return token_type is None or (isinstance(token_type, str) and token_type.lower() == "bearer")


def _object(text: object) -> dict[str, Any]:
    # Some editors start a file with a byte order mark, and `file://` keeps it.
    value = decode_json(text.removeprefix("\ufeff")) if isinstance(text, str) else None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - the contents are wrong
    return value


def decode_json(text: str | bytes) -> object:
    """The decoded value; None if it is not JSON (the decoder's error would contain the text)."""
    import json

    from rotator.wire.dates import parse_json_integer, refuse_json_constant

    try:
        return json.loads(text, parse_int=parse_json_integer, parse_constant=refuse_json_constant)
    except (ValueError, RecursionError) as error:
        own = signal_error(error)
    if own is not None:
        raise own
    return None


def fits_a_header(text: str) -> bool:
    """Whether `text` can be a header's value: printable ASCII without surrounding spaces."""
    return text.isascii() and text.isprintable() and text == text.strip()


def _expiry(fields: Mapping[str, Any]) -> datetime:
    stated = {name: fields.get(name) for name in ("expires_at", "expires_at_epoch")}
    instants = []
    for name, value in stated.items():
        instant = _epoch_instant(value) if name.endswith("epoch") else _instant(value)
        if instant is not None:
            instants.append(instant)
        elif value is not None:
            raise ValueError(f"has an {name} that is not a valid time")
    if not instants:
        raise ValueError("has neither expires_at nor expires_at_epoch")
    return min(instants)


def _epoch_instant(value: object) -> datetime | None:
    from datetime import UTC, datetime

    from rotator.wire.dates import parse_whole_number

    # The AWS console stores numbers that were edited there as strings.
    epoch = parse_whole_number(value.strip(_JSON_SPACE) if isinstance(value, str) else value)
    return datetime.fromtimestamp(epoch, UTC) if _is_plausible(epoch) else None


def _instant(value: object) -> datetime | None:
    """An RFC 3339 instant as aware UTC; None if it is not one."""
    import re
    from datetime import UTC, datetime

    if not isinstance(value, str) or not re.fullmatch(_RFC_3339, value, re.ASCII):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if _is_plausible(at.timestamp()) else None
    except (ValueError, OverflowError) as error:
        own = signal_error(error)
    if own is not None:
        raise own
    return None


def _is_plausible(epoch: float | None) -> TypeGuard[float]:
    """Whether it is a time after 1970 and before the year 10000."""
    from rotator.wire.dates import MAX_EPOCH_S

    return epoch is not None and 0 < epoch < MAX_EPOCH_S


def instant_text(at: datetime) -> str:
    """Write an aware UTC instant as RFC 3339: `2026-01-31T09:00:00Z`."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
