"""The first step of a run: what is stored, whether it is due, and whether it may be replaced."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rotator.errors import ConfigError, CredentialsError, ProbeError, StoreError, replace_error
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.commands import init_command
from rotator.model.instants import format_instant
from rotator.model.policy import Decision
from rotator.model.providers import resolve
from rotator.model.stored import (
    OWN_KEYS,
    holds_client_credentials,
    parse_credentials,
    parse_token,
    refuse_other_tag,
    unusable_credentials,
)
from rotator.rotation.both_secrets import read_both
from rotator.rotation.newer_credentials import OTHER_CREDENTIALS, read_newer_credentials
from rotator.rotation.result import RunWarning
from rotator.rotation.swapped_names import read_tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.policy import NoTokenReason, RenewalPolicy
    from rotator.model.providers import Provider
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import Store
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

_FOREIGN_NAMES = re.compile("client_?secret|private_?key|refresh_?token", re.IGNORECASE)

_REJECTED_AGAIN = timedelta(hours=1)
"""For how long a token that replaced a rejected one isn't replaced for being rejected itself."""


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
    """Read both secrets and decide; `run.details` gets what a failure's event should have.

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
    """`found`, or a new assessment if other versions are current by now."""
    seen = found.credentials_version, found.token_version
    credentials_version, token_version = run.store.read(*(each.secret_id for each in seen))
    versions = credentials_version.version_id, token_version.version_id
    if versions == tuple(each.version_id for each in seen):
        return found
    return _assess_versions(run, credentials_version, token_version)


def confirm_credentials(run: Run, found: Assessment) -> Assessment:
    """`found`, or a new assessment by newer credentials, if the token is due for changed ones only.

    The read of the credentials may have lagged, and the stored token be minted with newer ones.
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
    credentials = parse_credentials(credentials_version)
    if credentials_version.arn != token_version.arn:
        _refuse_foreign_content(run, credentials_version, token_version, stored)
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
        _refuse_binding_of_others(credentials_version, token_version, store=run.store)
    run.details["reason"] = decision.reason
    return found


def _note_stored(run: Run, token_version: StoredSecret) -> AccessToken | NoTokenReason:
    """What is stored, noted for the event of a failure: it is what stays."""
    stored = parse_token(token_version)
    expires_at = format_instant(stored.expires_at) if isinstance(stored, AccessToken) else None
    run.details.update(version_id=token_version.version_id, expires_at=expires_at)
    return stored


def probe_stored(run: Run, assessment: Assessment) -> Assessment:
    """The assessment, due if the API rejects a stored token that is not; unchanged without a probe.

    A failed probe adds a warning to `run` and changes nothing.
    """
    stored, decision = assessment.stored, assessment.decision
    if isinstance(stored, str) or decision.due:
        return assessment
    decision = _probe_stored(run, stored, decision)
    run.details["reason"] = decision.reason
    return assessment._replace(decision=decision)


def call_endpoint(
    call: Callable[[ClientCredentials], T], credentials: ClientCredentials, version: StoredSecret
) -> T:
    """Call `call`; if it cannot use the credentials, the error names their secret."""
    return replace_error(
        lambda: call(credentials),
        CredentialsError,
        lambda error: unusable_credentials(version.secret_id, error),
    )


def _refuse_foreign_content(
    run: Run,
    credentials_version: StoredSecret,
    token_version: StoredSecret,
    stored: AccessToken | NoTokenReason,
) -> None:
    """Raise ConfigError if the token would overwrite something that isn't a token of this binding.

    Names of secrets are easily mistaken for each other.
    """
    keys = _keys_or_none(token_version)
    if keys is not None and holds_client_credentials(keys):
        tags = read_tags(credentials_version, store=run.store)
        refuse_other_tag(credentials_version.secret_id, credentials_version.arn, tags)
        raise ConfigError(
            f"token secret {token_version.secret_id}: holds client credentials, which a token would"
            " overwrite; name another one, or this one as the credentials secret too; if they got"
            " into the token secret by mistake, consumers can read them: replace the client secret"
            " at the provider, store {} here with put-secret-value, and run again"
        )
    if isinstance(stored, AccessToken):
        return
    # A malformed token document is ours too, if it has no key that such documents never have.
    if keys is not None and keys <= TOKEN_FIELDS and (not keys or keys & OWN_KEYS):
        if not run.is_tagged:
            _refuse_binding_of_others(credentials_version, token_version, store=run.store)
        return
    if run.is_tagged and not _resembles_token(token_version, keys):
        raise ConfigError(
            f"token secret {token_version.secret_id}: holds a value that is not a token document,"
            f" which a token would overwrite; take the tag {BINDING_TAG} off it, or store {{}} in"
            " it with put-secret-value"
        )
    tag = run.store.describe(token_version.secret_id).tags.get(BINDING_TAG)
    _refuse_other_tag(tag, credentials_version, token_version)
    if tag is None:
        ours = credentials_version.secret_id
        raise ConfigError(
            f"token secret {token_version.secret_id}: holds a value that is not a token document,"
            " which a token would overwrite; name another one, or bind this one with"
            f" {init_command(ours, token_version.secret_id, '--bind-only')}"
        )


def _resembles_token(version: StoredSecret, keys: frozenset[str] | None) -> bool:
    """Whether text that is no JSON any more was a token document, whose loss costs nobody anything.

    Whoever may only tag a secret could have any other value overwritten.
    """
    text = version.text.reveal() if version.text is not None else ""
    return keys is None and '"access_token"' in text and not _FOREIGN_NAMES.search(text)


def _keys_or_none(version: StoredSecret) -> frozenset[str] | None:
    """The keys of a version's JSON object, empty without a value; None if it is no JSON object.

    Parsed leniently: a document with a repeated key is malformed, but its keys still tell what it
    is.
    """
    if version.is_binary:
        return None
    text = version.text.reveal() if version.text is not None else ""
    try:
        value = json.loads(text.removeprefix("\ufeff")) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return frozenset(value) if isinstance(value, dict) else None


def _refuse_binding_of_others(
    credentials_version: StoredSecret, token_version: StoredSecret, *, store: Store
) -> None:
    """Raise ConfigError if the tag names other credentials, which would replace our token again."""
    tags = read_tags(token_version, store=store)
    _refuse_other_tag(tags.get(BINDING_TAG), credentials_version, token_version)


def _refuse_other_tag(
    tag: str | None, credentials_version: StoredSecret, token_version: StoredSecret
) -> None:
    ours = credentials_version
    if tag is not None and not is_name_of(tag, ours.secret_id, ours.arn):
        raise ConfigError(
            f"token secret {token_version.secret_id}: its tag {BINDING_TAG} names the credentials"
            f" secret {tag}, not {ours.secret_id}; name another token secret, or change the tag"
        )


def _probe_stored(run: Run, stored: AccessToken, decision: Decision) -> Decision:
    """Call the API with the stored token; a rejection makes it due, but once an hour at most."""
    if run.stored_probe is None:
        return decision
    problem = None
    try:
        if not run.stored_probe(stored):
            return decision
    except ProbeError as error:
        problem = str(error)
    if problem is not None:
        run.warnings.append(RunWarning("rotator.stored_token_unverified", problem))
        return decision
    if stored.rotated_for == "rejected" and run.clock.now() - stored.issued_at < _REJECTED_AGAIN:
        run.warnings.append(
            RunWarning(
                "rotator.stored_token_unverified",
                "API: rejects the stored token, which has replaced a rejected one within the hour;"
                " kept it: check the API, and what the credentials may access",
            )
        )
        return decision
    return Decision(due=True, reason="rejected")
