"""The health of a stored token, for people and monitors: a pure function, like the policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from rotator.errors import ConfigError
from rotator.model.client_id import mask_client_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from rotator.errors import RotatorError
    from rotator.model.access_token import AccessToken
    from rotator.model.policy import Decision, NoTokenReason, Reason, RenewalPolicy
    from rotator.model.secret_rotation import SecretRotation

__all__ = [
    "ClientSecretStatus",
    "Health",
    "ServedToken",
    "TokenStatus",
    "assess_token",
    "client_secrets_of",
]

Health = Literal["healthy", "overdue", "unusable"]
"""`overdue`: consumers have a valid token, but the job has not replaced it in time, so somebody
should find out why. `unusable`: there is no valid token to read."""


@dataclass(frozen=True, slots=True)
class ClientSecretStatus:
    """The age and end of a client secret, and the step of a rotation that is under way.

    Only what a rotation has recorded in `credentials_secret` is known. `step` and `started_at` are
    None if no rotation is under way, `old_expires_at` is when the one that is being replaced ends.
    `has_both` is False if only one client secret is stored although both should be.
    """

    credentials_secret: str
    id: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    step: str | None = None
    started_at: datetime | None = None
    old_expires_at: datetime | None = None
    has_both: bool = True

    @classmethod
    def of(cls, credentials_secret: str, rotation: SecretRotation | None) -> Self | None:
        """The status of the newest stored client secret, None if no rotation has recorded it."""
        if rotation is None or (newest := rotation.stored) is None:
            return None
        is_under_way, old = rotation.is_under_way, rotation.old
        return cls(
            credentials_secret,
            id=newest.id,
            created_at=newest.created_at,
            expires_at=newest.expires_at,
            step=rotation.step if is_under_way else None,
            started_at=rotation.started_at if is_under_way else None,
            old_expires_at=old.expires_at if old and old is not newest else None,
        )


class ServedToken(NamedTuple):
    """The token that readers use: that of AWSCURRENT, or else of AWSPREVIOUS."""

    version_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The state of one token secret at one moment; nothing in it is secret.

    `reason` is the policy's decision (`fresh`, `cadence_reached`, `expired`, ...) on the current
    version, `version_id`. While that has no valid token, readers use AWSPREVIOUS, which is
    `previous_version_id`, otherwise None. `expires_at` is that of the version that readers use,
    `remaining` the time until then, negative after it. Unknown fields are None, such as
    `client_secret` if the credentials were not read; `credentials_error` says why reading them
    failed. `credentials_secret` is the one that the settings name, or, if the token is not healthy,
    its tag.
    """

    token_secret: str
    health: Health
    reason: Reason
    version_id: str | None = None
    client_id: str | None = None
    expires_at: datetime | None = None
    remaining: timedelta | None = None
    next_rotation_at: datetime | None = None
    client_secret: ClientSecretStatus | None = None
    previous_version_id: str | None = None
    credentials_error: RotatorError | None = None
    credentials_secret: str | None = None

    def replace_expiry(self, expires_at: datetime | None, *, now: datetime) -> Self:
        """The same with this expiry, and what remains until then."""
        remaining = None if expires_at is None else expires_at - now
        return replace(self, expires_at=expires_at, remaining=remaining)


def client_secrets_of(statuses: Iterable[TokenStatus]) -> list[ClientSecretStatus]:
    """The known status of the client secret in each credentials secret, without duplicates."""
    known = [status.client_secret for status in statuses if status.client_secret is not None]
    return list({each.credentials_secret: each for each in known}.values())


def assess_token(
    token_secret: str,
    stored: AccessToken | NoTokenReason,
    *,
    policy: RenewalPolicy,
    now: datetime,
    version_id: str | None = None,
    client_id: str | None = None,
    fingerprint: str | None = None,
    served: ServedToken | None = None,
) -> TokenStatus:
    """The status of the stored token, or of its absence, at `now` (aware UTC).

    `client_id` and `fingerprint` are those of the credentials; None is not compared. `served` is
    the token that readers use, None if they find none: they accept tokens that the job considers
    malformed, and fall back to the previous version. Raises ConfigError if the configured cadence
    does not fit the lifetime of a token that is otherwise in order.
    """
    valid = served if served is not None and now < served.expires_at else None
    is_previous = valid is not None and valid.version_id != version_id
    status = TokenStatus(
        token_secret=token_secret,
        health="overdue" if valid else "unusable",
        reason=stored if isinstance(stored, str) else "fresh",
        version_id=version_id,
        previous_version_id=valid.version_id if is_previous and valid else None,
    )
    if isinstance(stored, str):
        return status.replace_expiry(served.expires_at if served else None, now=now)
    decision = policy.decide(
        stored, now=now, client_id=client_id or stored.client_id, fingerprint=fingerprint
    )
    problem = policy.problem_with_cadence(stored.expires_at - stored.issued_at)
    if problem is not None and decision.reason in {"fresh", "cadence_reached"}:
        # The job falls back to the default cadence; its operator has to correct the setting.
        raise ConfigError(problem)
    next_rotation_at = policy.next_rotation_at(stored)
    has_ended = now >= stored.expires_at
    status = replace(
        status,
        health=status.health if has_ended else _health(stored, decision, policy, now=now),
        reason=decision.reason,
        client_id=mask_client_id(stored.client_id),
        # If it is due for another reason than its age, the next run replaces it.
        next_rotation_at=min(next_rotation_at, now) if decision.due else next_rotation_at,
    )
    return status.replace_expiry(
        valid.expires_at if valid and has_ended else stored.expires_at, now=now
    )


def _health(
    stored: AccessToken, decision: Decision, policy: RenewalPolicy, *, now: datetime
) -> Health:
    """The health of a token that has not expired."""
    if not decision.due:
        return "healthy"
    if decision.reason != "cadence_reached":
        return "overdue"
    # One interval and one run after it became due, it should have been replaced.
    is_late = now - policy.next_rotation_at(stored) > policy.needed_margin
    return "overdue" if is_late else "healthy"
