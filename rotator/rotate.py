"""The one use case: rotate the token of one binding, if it is due.

Publishing is a compare-and-set without a lock. The id of the next version is derived from the
version that was seen, so all rotators that saw the same predecessor ask for the same id, and
Secrets Manager lets one of them have it.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import structlog

from rotator.credentials import ClientCredentials
from rotator.errors import (
    ConfigError,
    CredentialsError,
    MintError,
    RotatorError,
    SecretNotFound,
    VersionConflict,
)
from rotator.policy import format_duration
from rotator.tokens import TOKEN_FIELDS, AccessToken, Secret, format_instant, load_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from rotator.policy import Absent, Decision, RenewalPolicy
    from rotator.tokens import StoredSecret

__all__ = [
    "Binding",
    "Endpoint",
    "Outcome",
    "RotationResult",
    "Store",
    "credentials_in",
    "rotate_token",
    "successor_id",
    "token_in",
]

T = TypeVar("T")

Outcome = Literal["rotated", "not_due", "superseded", "would_rotate"]

_EVENTS: dict[Outcome, str] = {
    "rotated": "rotator.token_rotated",
    "not_due": "rotator.rotation_skipped",
    "superseded": "rotator.rotation_superseded",
    "would_rotate": "rotator.rotation_skipped",
}

NAMESPACE = uuid.UUID("7d1ed0a4-5a4f-5b0c-9b0e-6f6c0a3f2c11")
"""Of the version ids that rotator derives; every rotator in the world must use the same."""

MAX_ORDINALS = 8
"""How many derived ids may be taken by versions that somebody moved aside by hand."""

CONSISTENCY_WAITS_S = (0.1, 0.3, 0.6, 1.0, 2.0)
"""Pauses between re-reads after a conflict: Secrets Manager is eventually consistent."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which credentials keep which token fresh: two secrets by name or ARN, or one that is both."""

    credentials_secret: str
    token_secret: str


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


class Store(Protocol):
    """Where secrets live; see `rotator.store` for what each call promises."""

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        """The current version of each secret, in order."""

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        """One version by its id, None if there is none."""

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        """Publish under this id; raises VersionConflict if it holds other content."""


class Endpoint(Protocol):
    """Where tokens come from; see `rotator.oauth` for what each call promises."""

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """How long the provider documents its tokens to live, None if it does not say."""

    def mint(self, credentials: ClientCredentials) -> AccessToken:
        """Exchange the credentials for a token; raises MintError or CredentialsError."""


def rotate_token(
    binding: Binding,
    *,
    store: Store,
    endpoint: Endpoint,
    policy: RenewalPolicy,
    force: bool = False,
    dry_run: bool = False,
    probe: Callable[[AccessToken], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RotationResult:
    """Mint and publish a new token for `binding` if the stored one is due.

    `force` makes it due, `dry_run` decides and changes nothing. `probe` is called with the new
    token before it is published and stops that by raising. `now` gives aware UTC.

    Raises CredentialsError, ConfigError, MintError or StoreError, with what was found until then in
    `details`; the stored token is then as it was. Logs one event for the outcome, and none for what
    it raises.
    """
    started_s = monotonic()
    log = structlog.get_logger().bind(binding=binding.token_secret)
    facts: dict[str, object] = {}
    outcome: Outcome
    token: AccessToken | Absent
    try:
        seen = _look(binding, store=store, endpoint=endpoint, policy=policy, now=now, force=force)
        facts |= seen.facts()
        if not seen.decision.due:
            outcome, token, version_id = "not_due", seen.stored, seen.target.version_id
        elif dry_run:
            outcome, token, version_id = "would_rotate", seen.stored, seen.target.version_id
        else:
            minted = _mint(seen, endpoint=endpoint, policy=policy, now=now)
            lifetime = minted.expires_at - minted.issued_at
            if not policy.keeps_valid(lifetime):
                log.warning(
                    "rotator.margin_short",
                    problem=f"tokens live {format_duration(lifetime)} and the job runs every"
                    f" {format_duration(policy.tick)}: a token can end before the next run;"
                    " run the job more often and say so with --tick",
                )
            if probe is not None:
                probe(minted)
            publication = _Publication.of(
                seen, minted, store=store, policy=policy, now=now, sleep=sleep
            )
            outcome, token, version_id = publication.publish()
    except RotatorError as error:
        error.details |= facts | {"duration_s": round(monotonic() - started_s, 3)}
        raise
    result = RotationResult(
        binding=binding,
        outcome=outcome,
        reason=seen.decision.reason,
        version_id=version_id,
        duration_s=round(monotonic() - started_s, 3),
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

    def facts(self) -> dict[str, object]:
        """What a failure's event tells of the token that stays."""
        return {
            "reason": self.decision.reason,
            "version_id": self.target.version_id,
            "expires_at": (
                format_instant(self.stored.expires_at)
                if isinstance(self.stored, AccessToken)
                else None
            ),
        }


def _look(
    binding: Binding,
    *,
    store: Store,
    endpoint: Endpoint,
    policy: RenewalPolicy,
    now: Callable[[], datetime],
    force: bool,
) -> _Seen:
    held, target = store.read(binding.credentials_secret, binding.token_secret)
    credentials = credentials_in(held)
    _refuse_to_overwrite_credentials(held, target)
    lifetime = _asked(endpoint.expected_lifetime, credentials, held)
    if lifetime is not None:
        policy.cadence_for(lifetime)  # refuses a cadence that cannot work before it is needed
    stored = token_in(target)
    decision = policy.decide(stored, now=now(), client_id=credentials.client_id, force=force)
    return _Seen(held, target, credentials, stored, decision)


def _asked(
    ask: Callable[[ClientCredentials], T], credentials: ClientCredentials, held: StoredSecret
) -> T:
    """What the endpoint answers; if it cannot use the credentials, the error names their secret."""
    problem: object
    try:
        return ask(credentials)
    except CredentialsError as error:
        problem = error
    raise CredentialsError(f"credentials secret {held.secret_id}: {problem}")


def _mint(
    seen: _Seen, *, endpoint: Endpoint, policy: RenewalPolicy, now: Callable[[], datetime]
) -> AccessToken:
    minted = _asked(endpoint.mint, seen.credentials, seen.held)
    _refuse_unless_usable(minted, now=now())
    if seen.decision.reason != "issued_in_future":  # else the stored expiry means nothing either
        _refuse_unless_later(minted, seen.stored)
    return replace(minted, next_rotation_at=policy.next_rotation_at(minted))


def successor_id(secret: StoredSecret, ordinal: int = 0) -> str:
    """The id under which every rotator that saw this version of the secret publishes the next.

    A UUID of 36 characters, as ClientRequestToken asks (32 to 64; API reference, PutSecretValue).
    `ordinal` counts the ids of this kind that are taken by versions moved aside by hand.
    """
    return str(uuid.uuid5(NAMESPACE, f"{secret.arn}:{secret.version_id or 'empty'}:{ordinal}"))


@dataclass(slots=True)
class _Publication:
    """One attempt to make `minted` the token secret's current version."""

    store: Store
    target: StoredSecret
    minted: AccessToken
    shared: bool
    is_fresh: Callable[[AccessToken | Absent], bool]
    sleep: Callable[[float], None]
    version_id: str = ""

    @classmethod
    def of(
        cls,
        seen: _Seen,
        minted: AccessToken,
        *,
        store: Store,
        policy: RenewalPolicy,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> _Publication:
        client_id = seen.credentials.client_id
        return cls(
            store=store,
            target=seen.target,
            minted=minted,
            shared=seen.held.arn == seen.target.arn,
            is_fresh=lambda token: not policy.decide(token, now=now(), client_id=client_id).due,
            sleep=sleep,
        )

    def publish(self) -> tuple[Outcome, AccessToken | Absent, str | None]:
        """Publish `minted`, or find the version of another rotator that makes it needless.

        Answers with what is current then. Raises VersionConflict if neither can be brought about,
        CredentialsError if a shared secret lost its credentials meanwhile, StoreError as the store
        does.
        """
        if self.shared:
            # The team edits this secret too. What it changed since must not be written over.
            seen, self.target = token_in(self.target), self._reread()
            theirs = token_in(self.target)
            if theirs != seen and self.is_fresh(theirs):
                return "superseded", theirs, self.target.version_id
        ordinal = 0
        for _ in range(MAX_ORDINALS):
            self.version_id = successor_id(self.target, ordinal)
            try:
                self.store.put(self.target, self._text(), version_id=self.version_id)
            except VersionConflict:
                ordinal += 1
            else:
                return "rotated", self.minted, self.version_id
            current = self._after_conflict()
            if current is None:
                continue
            theirs = token_in(current)
            if self.is_fresh(theirs):
                return "superseded", theirs, current.version_id
            self.target, ordinal = current, 0
        raise VersionConflict(
            f"secret {self.target.secret_id}: its versions keep changing under this run",
            operation="PutSecretValue",
            secret_id=self.target.secret_id,
            retryable=True,
        )

    def _after_conflict(self) -> StoredSecret | None:
        """The version that has become current in place of the one we saw.

        None if ours is still current although its successor's id is taken: somebody moved the
        labels by hand. That is believed only after re-reading for a while, since a read may lag
        behind the write that we lost to; the version that holds our id tells sooner.
        """
        for wait_s in (0.0, *CONSISTENCY_WAITS_S):
            if wait_s:
                self.sleep(wait_s)
            holder = self.store.read_version(self.target.secret_id, self.version_id)
            if holder is not None and "AWSCURRENT" in holder.stages:
                return holder
            current = self._reread()
            if current.version_id != self.target.version_id:
                return current
        return None

    def _reread(self) -> StoredSecret:
        [current] = self.store.read(self.target.secret_id)
        return current

    def _text(self) -> Secret:
        minted = self.minted.to_fields()
        return Secret(json.dumps(self._merged(minted) if self.shared else minted, indent=2))

    def _merged(self, minted: dict[str, object]) -> dict[str, object]:
        """The shared secret with the new token in it, and all that is not the token's as it was.

        `client_id`, `scope` and `token_url` belong to the credentials there: the granted scope
        would become the one asked for next, and a `token_url` hides the preset.
        """
        if credentials_in(self.target).client_id != self.minted.client_id:
            raise CredentialsError(
                f"credentials secret {self.target.secret_id}: got another client_id during this"
                " run; the next run uses it",
                retryable=True,
            )
        token_only = TOKEN_FIELDS - ClientCredentials.FIELDS
        theirs = {k: v for k, v in _fields(self.target).items() if k not in token_only}
        return theirs | {k: v for k, v in minted.items() if k in token_only}


def _fields(secret: StoredSecret) -> dict[str, Any]:
    return load_object(secret.text.reveal() if secret.text is not None else "{}")


def credentials_in(held: StoredSecret) -> ClientCredentials:
    """The client credentials that a secret holds.

    Raises SecretNotFound if it has no value, CredentialsError if that cannot be used.
    """
    subject = f"credentials secret {held.secret_id}"
    if held.text is None:
        raise SecretNotFound(
            f"{subject}: has no value yet; store the client credentials with `rotator init`",
            operation="GetSecretValue",
            secret_id=held.secret_id,
        )
    problem: object
    try:
        return ClientCredentials.from_fields(_fields(held))
    except ValueError as error:
        problem = error
    raise CredentialsError(f"{subject}: {problem}")


def token_in(target: StoredSecret) -> AccessToken | Absent:
    """The token that a secret holds, or the reason that it holds none that could be used."""
    try:
        fields = _fields(target)
        return AccessToken.from_fields(fields) if "access_token" in fields else "token_missing"
    except ValueError:
        return "token_malformed"


def _refuse_to_overwrite_credentials(held: StoredSecret, target: StoredSecret) -> None:
    """One name taken for another must not cost anybody a client secret, due or not."""
    if held.arn == target.arn:
        return
    fields: dict[str, Any] = {}
    with suppress(ValueError):
        fields = _fields(target)
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
    of the same token can move by one, and two tokens of the same second have the same.
    """
    if not isinstance(stored, AccessToken) or stored.client_id != minted.client_id:
        return
    if minted.access_token == stored.access_token or minted.expires_at < stored.expires_at:
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
