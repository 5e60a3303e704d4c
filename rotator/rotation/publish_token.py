"""The third step of a run: the minted token becomes the current version of the token secret."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from rotator.errors import CredentialsError
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret
from rotator.model.stored import parse_credentials, parse_fields, parse_token
from rotator.rotation.mint import refuse_if_outlived
from rotator.rotation.newer_credentials import OTHER_CREDENTIALS, read_newer_credentials
from rotator.rotation.publish import Published, compare_and_set

if TYPE_CHECKING:
    from rotator.model.secret import StoredSecret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.run import Run

__all__ = ["publish_token"]


def publish_token(
    run: Run,
    assessment: Assessment,
    minted: AccessToken,
    *,
    patience_s: float = 0.0,
    always_yields: bool = False,
) -> Published:
    """Make `minted` the current version, unless another run has published a fresh token.

    Raises OutlivedTokenError if it is no longer worth it: the probe may have taken its time, or
    the machine have slept.
    """
    seen = assessment.token_version

    def yields_to(version: StoredSecret) -> bool:
        return always_yields or _is_fresh(run, assessment, version)

    if assessment.is_shared:
        # The team edits this secret too. What it changed since must not be written over.
        [current] = run.store.read(seen.secret_id)
        if parse_token(current) != parse_token(seen) and yields_to(current):
            return Published(current, won=False)
        seen = current
    return compare_and_set(
        seen,
        lambda version: _compose(version, minted, is_shared=assessment.is_shared),
        store=run.store,
        yields_to=yields_to,
        clock=run.clock,
        patience_s=patience_s,
        before_put=lambda: refuse_if_outlived(run, assessment, minted),
    )


def _is_fresh(run: Run, assessment: Assessment, version: StoredSecret) -> bool:
    """Whether the version of another run is not due, for its own credentials if ours are older.

    A forced run may have read a version before that one. Then it was forced on a token that is
    older than itself, and that one has to go.
    """
    token, credentials = parse_token(version), assessment.credentials
    if isinstance(token, AccessToken) and run.is_forced_on(token):
        return False
    if assessment.is_shared:
        credentials = parse_credentials(version)
    decide = partial(assessment.policy.decide, token, now=run.clock.now())
    decision = decide(client_id=credentials.client_id, fingerprint=credentials.fingerprint)
    if isinstance(token, str) or decision.reason not in OTHER_CREDENTIALS:
        return not decision.due
    if decide(client_id=token.client_id).due:
        return False
    if assessment.is_shared:  # changed since both were minted: ours is no better
        return token.credentials_fingerprint == assessment.credentials.fingerprint
    return read_newer_credentials(run, assessment.credentials_version, token) is not None


def _compose(version: StoredSecret, minted: AccessToken, *, is_shared: bool) -> Secret:
    fields = minted.to_fields()
    return Secret(json.dumps(_merge(version, minted, fields) if is_shared else fields, indent=2))


def _merge(
    version: StoredSecret, minted: AccessToken, fields: dict[str, object]
) -> dict[str, object]:
    """The shared secret with the new token in it, and all that is not the token's as it was.

    `client_id`, `scope` and `token_url` belong to the credentials there: the granted scope would
    become the one asked for next, and a `token_url` hides the preset.
    """
    if parse_credentials(version).client_id != minted.client_id:
        raise CredentialsError(
            f"credentials secret {version.secret_id}: got another client_id during this run; the"
            " next run uses it",
            retryable=True,
        )
    token_only = TOKEN_FIELDS - ClientCredentials.FIELDS
    kept = {name: value for name, value in parse_fields(version).items() if name not in token_only}
    return kept | {name: value for name, value in fields.items() if name in token_only}
