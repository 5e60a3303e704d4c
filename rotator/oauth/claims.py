"""Checks the claims of a token that is a JSON Web Token (RFC 7519).

No signature is verified, since the token comes from the trusted token endpoint. The claims only
cross-check its response.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from rotator.model.fields import load_object
from rotator.wire.dates import MAX_EPOCH_S, parse_number

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["ROUNDING_S", "JustEndedError", "lifetime_by_claims"]

CLOCK_SKEW_S = 300
"""How much the provider's clock may differ from ours."""

CLIENT_CLAIMS = ("client_id", "azp")
"""The client that a token was issued to: RFC 9068 section 2.2 (in Adobe's tokens too), and OpenID
Connect Core section 2, whose claim Keycloak, Auth0 and Entra ID put into access tokens."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

ROUNDING_S = 60
"""Providers round `expires_in`; only a greater difference is worth a warning."""


class JustEndedError(ValueError):
    """A cached token has just expired; the next mint is expected to return a new one."""


class _Life(NamedTuple):
    """Seconds since 1970; `issued_s` is None if the token has no such claim."""

    issued_s: float | None
    expires_s: float


def lifetime_by_claims(
    token: str, *, client_id: str, asked_at: datetime, announced_s: int, ahead_s: float = 0
) -> int:
    """The lifetime of `token` from `asked_at` (aware UTC): `announced_s`, or less by its claims.

    All in seconds; `asked_at` is truncated, as claims are. `ahead_s` is how far the provider's
    clock is ahead of ours, or behind if negative; more than `CLOCK_SKEW_S` is ignored. Raises
    ValueError for a token that contradicts itself, is of another client than `client_id`, is not
    valid yet, or has already expired.
    """
    claims = _claims(token)
    if claims is None:
        return announced_s
    asked_s = int(asked_at.timestamp())
    life = _life(claims)
    for name in _client_claims(claims):
        if claims.get(name) is not None:
            _refuse_other_client(client_id, name, claims[name])
    # RFC 7519 section 4.1.5: not accepted before, apart from a small leeway.
    if claims.get("nbf") is not None and _number(claims, "nbf") > asked_s + CLOCK_SKEW_S:
        raise ValueError("the token is not valid yet, by its claim nbf and this host's clock")
    if life is None:
        return announced_s
    skew_s = ahead_s if abs(ahead_s) <= CLOCK_SKEW_S else 0.0
    return min(announced_s, _seconds_left(life, asked_s=asked_s + skew_s))


def _refuse_other_client(client_id: str, claim: str, value: object) -> None:
    """Raise ValueError if the claim's value does not name this client."""
    values = value if isinstance(value, list) else [value]
    # Some servers number their clients. To Python, `True` is a number too.
    names = [str(each) for each in values if isinstance(each, str) or type(each) is int]
    if not names:
        raise ValueError(f"the token's claim {claim} does not name a client")
    if not any(_is_same_client(client_id, each) for each in names):
        raise ValueError(f"the token was issued to another client, by its claim {claim}")


def _is_same_client(ours: str, other: str) -> bool:
    """Whether two client ids are equal; case counts, except in GUIDs, such as Entra ID's."""
    if _GUID.fullmatch(ours) and _GUID.fullmatch(other):
        return ours.lower() == other.lower()
    return ours == other


def _client_claims(claims: dict[str, Any]) -> tuple[str, ...]:
    """The claims that name the client.

    Two unregistered claims count only in tokens of the vendors that document them, as elsewhere
    they name companies and products. `appid`, where `ver` is the string 1.0: Microsoft's access
    token claims reference ("the application ID of the client using the token", v1.0 tokens), and AD
    FS. `cid`, where `ver` is the number 1 and `jti` begins with AT.: Okta's OpenID Connect and
    OAuth 2.0 reference ("client ID of the client that requested the access token").
    """
    version, token_id = claims.get("ver"), claims.get("jti")
    if version == "1.0":
        return (*CLIENT_CLAIMS, "appid")
    if version == 1 and isinstance(token_id, str) and token_id.startswith("AT."):
        return (*CLIENT_CLAIMS, "cid")
    return CLIENT_CLAIMS


def _claims(token: str) -> dict[str, Any] | None:
    """The payload of a signed JSON Web Token (RFC 7519 section 3), None for any other token.

    Of a claim that occurs twice the last one counts (section 4). What is not JSON, such as `NaN`,
    is no claims set (section 7.2).
    """
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), b"-_", validate=True)
        return load_object(payload, last_counts=True)
    except (ValueError, binascii.Error):
        return None


def _life(claims: dict[str, Any]) -> _Life | None:
    """The times in the token's claims, None without any; raises ValueError for one that isn't."""
    if "created_at" in claims and "expires_in" in claims:
        # Adobe: milliseconds in strings; `expires_in` counts from `created_at`.
        created_s = _number(claims, "created_at") / 1000
        return _Life(created_s, created_s + _number(claims, "expires_in") / 1000)
    if "exp" not in claims:
        return None
    issued_s = _number(claims, "iat") if "iat" in claims else None
    return _Life(issued_s, _number(claims, "exp"))


def _number(claims: dict[str, Any], name: str) -> float:
    number = parse_number(claims[name])
    if number is None or number < 0:
        raise ValueError(f"the token holds a claim {name} that is not a time")
    return number


def _seconds_left(life: _Life, *, asked_s: float) -> int:
    if life.expires_s >= MAX_EPOCH_S:
        raise ValueError("the token's times are in another unit than the standard's")
    if life.issued_s is not None and life.expires_s <= life.issued_s:
        raise ValueError("the token ends before it begins, according to its claims")
    # If the provider's clock is ahead of ours, a new token lives no longer than its whole lifetime.
    begin_s = asked_s if life.issued_s is None else max(asked_s, life.issued_s)
    left_s = int(life.expires_s - begin_s)
    if left_s <= 0:
        kind = JustEndedError if left_s > -CLOCK_SKEW_S else ValueError
        raise kind("the token has already expired, according to its claims and this host's clock")
    return left_s
