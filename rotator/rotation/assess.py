"""The first step of a run: find out whether the stored token is due and may be replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rotator.errors import CredentialsError, ProbeError, StoreError, replace_error
from rotator.model.access_token import AccessToken
from rotator.model.instants import format_instant
from rotator.model.policy import Decision
from rotator.model.providers import resolve
from rotator.model.stored import parse_credentials, parse_token, unusable_credentials
from rotator.rotation.both_secrets import read_both
from rotator.rotation.newer_credentials import OTHER_CREDENTIALS, read_newer_credentials
from rotator.rotation.overwrite import (
    refuse_foreign_content,
    refuse_other_binding,
    refuse_unwanted_token,
)
from rotator.rotation.result import RunWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.policy import NoTokenReason, RenewalPolicy
    from rotator.model.providers import Provider
    from rotator.model.secret import StoredSecret
    from rotator.rotation.run import Run

__all__ = [
    "Assessment",
    "assess",
    "assess_again",
    "assess_unprobed",
    "call_endpoint",
    "confirm_credentials",
    "probe_stored",
]


T = TypeVar("T")

_REJECTED_AGAIN = timedelta(hours=1)
"""How long a token that replaced a rejected one is kept even if the API rejects it too."""


class Assessment(NamedTuple):
    """Both secrets as they were read, and the policy's decision."""

    credentials_version: StoredSecret
    token_version: StoredSecret
    credentials: ClientCredentials
    provider: Provider
    stored: AccessToken | NoTokenReason
    policy: RenewalPolicy
    decision: Decision

    @property
    def is_shared(self) -> bool:
        """Whether one secret holds both credentials and token."""
        return self.credentials_version.arn == self.token_version.arn


def assess(run: Run) -> Assessment:
    """Read both secrets and decide; sets the fields of a failure's event in `run.details`.

    Raises CredentialsError, ConfigError or StoreError if no token could or should be published,
    even if the stored one is not due.
    """
    return probe_stored(run, confirm_credentials(run, assess_unprobed(run)))


def assess_unprobed(run: Run) -> Assessment:
    """As `assess`, but without calling an API."""
    credentials_version, token_version = read_both(run.binding, run.store)
    if isinstance(credentials_version, StoreError):
        _note_stored(run, token_version)
        raise credentials_version
    return _assess_versions(run, credentials_version, token_version)


def assess_again(run: Run, found: Assessment) -> Assessment:
    """`found`, or a new assessment if other versions have become current."""
    seen = found.credentials_version, found.token_version
    credentials_version, token_version = run.store.read(*(each.secret_id for each in seen))
    versions = credentials_version.version_id, token_version.version_id
    if versions == tuple(each.version_id for each in seen):
        return found
    return _assess_versions(run, credentials_version, token_version)


def confirm_credentials(run: Run, found: Assessment) -> Assessment:
    """`found`, or a new assessment if the token is due because of changed credentials.

    The read of the credentials may lag behind those with which the stored token was minted.
    """
    stored = found.stored
    if isinstance(stored, str) or found.is_shared or found.decision.reason not in OTHER_CREDENTIALS:
        return found
    newer = read_newer_credentials(run, found.credentials_version, stored)
    return found if newer is None else _assess_versions(run, newer, found.token_version)


def _assess_versions(
    run: Run, credentials_version: StoredSecret, token_version: StoredSecret
) -> Assessment:
    stored = _note_stored(run, token_version)
    credentials = parse_credentials(credentials_version, token_secret=run.binding.token_secret)
    refuse_foreign_content(
        credentials_version,
        token_version,
        stored=stored,
        store=run.store,
        is_tagged=run.is_tagged,
    )
    if not run.is_tagged:  # whose consent is stricter, and checked with the assessment
        refuse_unwanted_token(credentials, credentials_version, token_version, stored=stored)
    policy = run.policy.for_secret(token_version.arn)
    lifetime = call_endpoint(run.endpoint.expected_lifetime, credentials, credentials_version)
    if lifetime is not None:
        policy.validate_lifetime(lifetime)
    provider = call_endpoint(resolve, credentials, credentials_version)
    decision = policy.decide(
        stored,
        now=run.clock.now(),
        client_id=credentials.client_id,
        fingerprint=credentials.fingerprint,
        force=run.force,
    )
    found = Assessment(
        credentials_version, token_version, credentials, provider, stored, policy, decision
    )
    if decision.reason in OTHER_CREDENTIALS and not found.is_shared:
        refuse_other_binding(credentials_version, token_version, store=run.store)
    run.details["reason"] = decision.reason
    return found


def _note_stored(run: Run, token_version: StoredSecret) -> AccessToken | NoTokenReason:
    """Parse the stored token, and note it for a failure's event: it is kept then."""
    stored = parse_token(token_version)
    expires_at = format_instant(stored.expires_at) if isinstance(stored, AccessToken) else None
    run.details.update(version_id=token_version.version_id, expires_at=expires_at)
    return stored


def probe_stored(run: Run, assessment: Assessment) -> Assessment:
    """The assessment, changed to due if the API rejects the stored token.

    Unchanged without a probe, or if the token is due anyway. A failed probe adds a warning to `run`
    and changes nothing.
    """
    stored, decision = assessment.stored, assessment.decision
    if isinstance(stored, str) or decision.due:
        return assessment
    decision = _decide_by_probe(run, stored, decision)
    run.details["reason"] = decision.reason
    return assessment._replace(decision=decision)


def call_endpoint(
    call: Callable[[ClientCredentials], T], credentials: ClientCredentials, version: StoredSecret
) -> T:
    """The result of `call(credentials)`; if they cannot be used, the error names their secret."""
    return replace_error(
        lambda: call(credentials),
        CredentialsError,
        lambda error: unusable_credentials(version.secret_id, error),
    )


def _decide_by_probe(run: Run, stored: AccessToken, decision: Decision) -> Decision:
    """Call the API with the stored token; a rejection makes it due, at most once per hour."""
    if run.stored_probe is None:
        return decision
    try:
        if not run.stored_probe(stored):
            return decision
    except ProbeError as error:
        run.warnings.append(RunWarning("rotator.stored_token_unverified", str(error)))
        return decision
    if stored.rotated_for == "rejected" and run.clock.now() - stored.issued_at < _REJECTED_AGAIN:
        run.warnings.append(
            RunWarning(
                "rotator.stored_token_unverified",
                "API: rejects the stored token, which replaced a rejected one less than an hour"
                " ago; kept it; check the API, and what the credentials may access",
            )
        )
        return decision
    return Decision(due=True, reason="rejected")
