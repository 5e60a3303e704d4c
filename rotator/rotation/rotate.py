"""The one use case: rotate the token of one binding, if it is due."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import structlog

from rotator.errors import ConfigError, CredentialsError, MintError, RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.instants import format_duration, format_instant
from rotator.model.stored import credentials_in, fields_in, token_in
from rotator.rotation.publish import Publication

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.binding import Binding
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.policy import Absent, Decision, RenewalPolicy
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import Endpoint, Store

__all__ = [
    "Outcome",
    "RotationResult",
    "RunWarning",
    "rotate_token",
]

T = TypeVar("T")

Outcome = Literal["rotated", "not_due", "superseded", "would_rotate"]

_EVENTS: dict[Outcome, str] = {
    "rotated": "rotator.token_rotated",
    "not_due": "rotator.rotation_skipped",
    "superseded": "rotator.rotation_superseded",
    "would_rotate": "rotator.rotation_skipped",
}


class RunWarning(NamedTuple):
    """Something odd that did not stop a run: the log event for it, and a sentence."""

    event: str
    problem: str


@dataclass(frozen=True, slots=True)
class RotationResult:
    """What a run did. Nothing in it is secret.

    `version_id` and the instants are those of the token that is now stored, None where there is
    none (`would_rotate` on an empty secret).
    """

    binding: Binding
    outcome: Outcome
    reason: str
    version_id: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    next_rotation_at: datetime | None = None
    duration_s: float = 0.0
    warnings: tuple[RunWarning, ...] = ()


def rotate_token(
    binding: Binding,
    *,
    store: Store,
    endpoint: Endpoint,
    policy: RenewalPolicy,
    force: bool = False,
    dry_run: bool = False,
    probe: Callable[[AccessToken], str | None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RotationResult:
    """Mint and publish a new token for `binding` if the stored one is due.

    `force` makes it due, `dry_run` decides and changes nothing. `probe` is called with the new
    token before it is published; it stops that by raising, and returns what to warn of. `now` gives
    aware UTC.

    Raises CredentialsError, ConfigError, MintError or StoreError, with what was found until then in
    `details`; the stored token is then as it was. Logs the warnings and one event for the outcome,
    and no other for what it raises.
    """
    started_s = monotonic()
    log = structlog.get_logger().bind(binding=binding.token_secret)
    facts: dict[str, object] = {}
    warnings: list[RunWarning] = []
    outcome: Outcome
    token: AccessToken | Absent
    try:
        held, target = store.read(binding.credentials_secret, binding.token_secret)
        facts |= _facts(target)
        seen = _judge(held, target, endpoint=endpoint, policy=policy, now=now, force=force)
        facts["reason"] = seen.decision.reason
        if not seen.decision.due:
            outcome, token, version_id = "not_due", seen.stored, seen.target.version_id
        elif dry_run:
            outcome, token, version_id = "would_rotate", seen.stored, seen.target.version_id
        else:
            granted = _call_endpoint(endpoint.mint, seen.credentials, seen.held)
            warnings += [RunWarning("rotator.mint_questioned", each) for each in granted.warnings]
            minted = _validate(granted.token, seen, policy=policy, now=now)
            warnings += _margin_warnings(minted, policy)
            problem = probe(minted) if probe is not None else None
            if problem is not None:
                warnings.append(RunWarning("rotator.token_unproved", problem))
            client_id = seen.credentials.client_id
            outcome, token, version_id = Publication(
                store=store,
                target=seen.target,
                minted=minted,
                shared=seen.held.arn == seen.target.arn,
                is_fresh=lambda token: not policy.decide(token, now=now(), client_id=client_id).due,
                sleep=sleep,
            ).publish()
    except RotatorError as error:
        error.details |= facts | {"duration_s": round(monotonic() - started_s, 3)}
        raise
    finally:
        for event, sentence in warnings:
            log.warning(event, problem=sentence)
    result = RotationResult(
        binding=binding,
        outcome=outcome,
        reason=seen.decision.reason,
        version_id=version_id,
        duration_s=round(monotonic() - started_s, 3),
        warnings=tuple(warnings),
    )
    if isinstance(token, AccessToken):
        result = replace(
            result,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
            next_rotation_at=token.next_rotation_at,
        )
    log.info(_EVENTS[outcome], **_log_fields(result))
    return result


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a run found, and what the policy made of it."""

    held: StoredSecret
    target: StoredSecret
    credentials: ClientCredentials
    stored: AccessToken | Absent
    decision: Decision


def _facts(target: StoredSecret) -> dict[str, object]:
    """What a failure's event tells of the token that stays."""
    stored = token_in(target)
    expires_at = format_instant(stored.expires_at) if isinstance(stored, AccessToken) else None
    return {"version_id": target.version_id, "expires_at": expires_at}


def _judge(
    held: StoredSecret,
    target: StoredSecret,
    *,
    endpoint: Endpoint,
    policy: RenewalPolicy,
    now: Callable[[], datetime],
    force: bool,
) -> _Seen:
    credentials = credentials_in(held)
    _refuse_to_overwrite_credentials(held, target)
    lifetime = _call_endpoint(endpoint.expected_lifetime, credentials, held)
    if lifetime is not None:
        policy.refuse_unless_possible(lifetime)
    stored = token_in(target)
    decision = policy.decide(stored, now=now(), client_id=credentials.client_id, force=force)
    return _Seen(held, target, credentials, stored, decision)


def _call_endpoint(
    ask: Callable[[ClientCredentials], T], credentials: ClientCredentials, held: StoredSecret
) -> T:
    """What the endpoint answers; if it cannot use the credentials, the error names their secret."""
    problem: object
    try:
        return ask(credentials)
    except CredentialsError as error:
        problem = error
    raise CredentialsError(f"credentials secret {held.secret_id}: {problem}")


def _validate(
    minted: AccessToken, seen: _Seen, *, policy: RenewalPolicy, now: Callable[[], datetime]
) -> AccessToken:
    _refuse_unless_usable(minted, now=now())
    if seen.decision.reason != "issued_in_future":  # else the stored expiry means nothing either
        _refuse_unless_later(minted, seen.stored)
    return replace(minted, next_rotation_at=policy.next_rotation_at(minted))


def _margin_warnings(minted: AccessToken, policy: RenewalPolicy) -> list[RunWarning]:
    lifetime = minted.expires_at - minted.issued_at
    if policy.keeps_valid(lifetime):
        return []
    problem = (
        f"tokens live {format_duration(lifetime)} and the job runs every"
        f" {format_duration(policy.tick)}: a token can end before the next run; run the job more"
        " often and say so with --tick"
    )
    return [RunWarning("rotator.margin_short", problem)]


def _refuse_to_overwrite_credentials(held: StoredSecret, target: StoredSecret) -> None:
    """One name taken for another must not cost anybody a client secret, due or not."""
    if held.arn == target.arn:
        return
    fields: dict[str, Any] = {}
    with suppress(ValueError):
        fields = fields_in(target)
    if not fields.keys().isdisjoint({"client_secret", "private_key"}):
        raise ConfigError(
            f"token secret {target.secret_id}: holds client credentials, which a token would"
            " overwrite; name another one, or this one as the credentials secret too"
        )


def _refuse_unless_usable(minted: AccessToken, *, now: datetime) -> None:
    """What the next run would call malformed or expired is not published in the first place."""
    problem: object = None
    try:
        AccessToken.from_fields(minted.to_fields())
    except ValueError as error:
        problem = error
    if minted.expires_at <= now:
        problem = "it has expired already"
    if problem is not None:
        raise MintError(f"token endpoint: the new token cannot be published: {problem}")


def _refuse_unless_later(minted: AccessToken, stored: AccessToken | Absent) -> None:
    """A provider that hands out its cached token again has not rotated anything.

    The expiry alone does not tell: what is left of the life is announced in whole seconds, so that
    of the same token can move by one, and two tokens that were asked for within a second end in the
    same one.
    """
    if not isinstance(stored, AccessToken) or stored.client_id != minted.client_id:
        return
    ends_later = minted.expires_at > stored.expires_at
    of_one_second = (minted.expires_at, minted.issued_at) == (stored.expires_at, stored.issued_at)
    if minted.access_token == stored.access_token or not (ends_later or of_one_second):
        raise MintError(
            "token endpoint: the new token does not expire later than the stored one; kept the"
            " stored one",
            retryable=True,
        )


def _log_fields(result: RotationResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "version_id": result.version_id,
        "expires_at": format_instant(result.expires_at) if result.expires_at else None,
        "duration_s": result.duration_s,
    }
