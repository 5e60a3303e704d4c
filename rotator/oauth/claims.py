"""What a token says about itself, if it is a JSON Web Token with times in it.

Nothing is verified: whoever answers at the token endpoint is trusted with the token anyway. It is
a second statement to hold against the first.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotator.dates import MAX_EPOCH_S, parse_number
from rotator.oauth.strict_json import load_object

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["problem_with_claims"]

CLOCK_SKEW_S = 300
"""How far the provider's clock may be from ours."""

ROUNDING_S = 60
"""How much longer a token may be announced than it says it lives: providers round."""


@dataclass(frozen=True, slots=True)
class _Life:
    """Seconds since 1970; `issued_s` is None if the token does not say."""

    issued_s: float | None
    expires_s: float


def problem_with_claims(
    token: str, *, client_id: str, asked_at: datetime, lifetime_s: int
) -> str | None:
    """Why `token` contradicts its announcement, None if it does not or says nothing.

    It was announced to live `lifetime_s` seconds from `asked_at` (aware UTC) for `client_id`. That
    it says it lives longer is no contradiction: we go by the earlier end.
    """
    claims = _claims(token)
    if claims is None:
        return None
    problem, life = None, None
    try:
        life = _life(claims)
    except ValueError as error:
        problem = str(error)
    # RFC 9068 section 2.2; Adobe's tokens have it too.
    named = claims.get("client_id")
    if isinstance(named, str) and named != client_id:
        problem = "is of another client"
    if problem is None and life is not None:
        problem = _problem_with_life(life, asked_s=asked_at.timestamp(), lifetime_s=lifetime_s)
    return problem


def _claims(token: str) -> dict[str, Any] | None:
    """The payload of a signed JSON Web Token (RFC 7519 section 3), None for any other token."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), b"-_", validate=True)
        return load_object(payload)
    except (ValueError, binascii.Error):
        return None


def _life(claims: dict[str, Any]) -> _Life | None:
    """The token's own times, None if it has none; ValueError if they are none that make sense."""
    if "created_at" in claims and "expires_in" in claims:
        # Adobe: strings of milliseconds, the second counted from the first.
        created_s = _number(claims, "created_at") / 1000
        return _Life(created_s, created_s + _number(claims, "expires_in") / 1000)
    if "exp" not in claims:
        return None
    issued_s = _number(claims, "iat") if "iat" in claims else None
    return _Life(issued_s, _number(claims, "exp"))


def _number(claims: dict[str, Any], name: str) -> float:
    number = parse_number(claims[name])
    if number is None or number < 0:
        raise ValueError(f"holds a claim {name} that is no time")
    return number


def _problem_with_life(life: _Life, *, asked_s: float, lifetime_s: int) -> str | None:
    if life.expires_s >= MAX_EPOCH_S:
        return "holds times in another unit than the standard's"
    if life.issued_s is not None and life.expires_s <= life.issued_s:
        return "ends before it begins, by its own times"
    if life.issued_s is not None and life.issued_s > asked_s - CLOCK_SKEW_S:
        # New: the two lengths are compared, whatever the provider's clock says.
        left_s, tolerance_s = life.expires_s - life.issued_s, ROUNDING_S
    else:
        left_s, tolerance_s = life.expires_s - asked_s, CLOCK_SKEW_S
    if lifetime_s > left_s + tolerance_s:
        return "ends earlier than announced, by its own times"
    return None
