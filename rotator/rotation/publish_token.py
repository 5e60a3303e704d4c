"""The third step of a run: the minted token becomes the current version of the token secret."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from rotator.errors import CredentialsError
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.json_text import write_object
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

    `patience_s` is as in `compare_and_set`; with `always_yields`, any other new version is kept.
    Raises OutlivedTokenError if the token has meanwhile become useless; otherwise as
    `compare_and_set` does.
    """
    seen = assessment.token_version

    def yields_to(version: StoredSecret) -> bool:
        return always_yields or _is_fresh(run, assessment, version)

    if assessment.is_shared:
        # People edit this secret too, and a change since the read must not be overwritten.
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
    """Whether another run's token is not due, by newer credentials if it was minted with those.

    For a forced run, only a token minted since its start is fresh.
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
    if assessment.is_shared:  # if the credentials changed since both mints, ours is no better
        return token.credentials_fingerprint == assessment.credentials.fingerprint
    return read_newer_credentials(run, assessment.credentials_version, token) is not None


def _compose(version: StoredSecret, minted: AccessToken, *, is_shared: bool) -> Secret:
    fields = minted.to_fields()
    if not is_shared:
        return Secret(json.dumps(fields, indent=2))
    before = version.text.reveal() if version.text is not None else "{}"
    return Secret(write_object(_merge(version, minted, fields), like=before))


def _merge(
    version: StoredSecret, minted: AccessToken, fields: dict[str, object]
) -> dict[str, object]:
    """The shared secret's fields, with those of the new token and all others unchanged.

    There, `client_id`, `scope` and `token_url` are settings of the client: the granted scope would
    become the requested one, and a `token_url` would override the preset's. Raises CredentialsError
    (retryable) if the client id has changed meanwhile.
    """
    if parse_credentials(version).client_id != minted.client_id:
        raise CredentialsError(
            f"credentials secret {version.secret_id}: its client_id has changed during this run;"
            " the next run uses the new one",
            retryable=True,
        )
    token_only = TOKEN_FIELDS - ClientCredentials.FIELDS
    kept = {name: value for name, value in parse_fields(version).items() if name not in token_only}
    return kept | {name: value for name, value in fields.items() if name in token_only}
