"""How a stored token stands, for people and for monitors; a pure function, as the policy is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotator.model.access_token import AccessToken
    from rotator.model.policy import NoTokenReason, RenewalPolicy

__all__ = ["Health", "TokenStatus", "assess_token"]

Health = Literal["healthy", "overdue", "unusable"]
"""`overdue`: consumers have a valid token, but the job does not renew it; somebody should look.
`unusable`: there is no token to read."""


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The state of one token secret at one moment; nothing in it is secret.

    `reason` is the policy's word (`fresh`, `cadence_reached`, `expired`, ...). `remaining` is the
    time until expiry, negative after it. What is not known is None.
    """

    token_secret: str
    health: Health
    reason: str
    version_id: str | None = None
    client_id: str | None = None
    expires_at: datetime | None = None
    remaining: timedelta | None = None
    next_rotation_at: datetime | None = None


def assess_token(
    token_secret: str,
    stored: AccessToken | NoTokenReason,
    *,
    policy: RenewalPolicy,
    now: datetime,
    version_id: str | None = None,
    client_id: str | None = None,
    fingerprint: str | None = None,
) -> TokenStatus:
    """Assess what is stored at `now` (aware UTC).

    `client_id` and `fingerprint` are the credentials' own, None to believe the token's. Raises
    ConfigError as `RenewalPolicy.decide` does.
    """
    if isinstance(stored, str):
        return TokenStatus(token_secret, "unusable", stored, version_id)
    decision = policy.decide(
        stored, now=now, client_id=client_id or stored.client_id, fingerprint=fingerprint
    )
    next_rotation_at = policy.planned_rotation_at(stored)
    health: Health = "healthy"
    if now >= stored.expires_at:
        health = "unusable"
    elif decision.due and decision.reason != "cadence_reached":
        health = "overdue"
    elif decision.due and now - policy.next_rotation_at(stored) > policy.needed_margin:
        # An interval and a run after it fell due, a new token should have been there.
        health = "overdue"
    return TokenStatus(
        token_secret=token_secret,
        health=health,
        reason=decision.reason,
        version_id=version_id,
        client_id=stored.client_id,
        expires_at=stored.expires_at,
        remaining=stored.expires_at - now,
        next_rotation_at=next_rotation_at,
    )
