"""Mints and publishes for providers with one active token, where each mint ends the last one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from rotator.errors import ProbeError, RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.stored import parse_credentials, parse_token
from rotator.rotation.mint import mint
from rotator.rotation.newer_credentials import read_newer_credentials
from rotator.rotation.publish import Published, make_conflict
from rotator.rotation.publish_token import publish_token
from rotator.rotation.result import RunWarning

if TYPE_CHECKING:
    from rotator.model.policy import NoTokenReason
    from rotator.model.secret import StoredSecret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.run import Run

__all__ = ["mint_active", "publish_last"]

MAX_REMINTS = 8
"""How often a run mints again because another one has published, which is then finished."""

MAX_ENDED = 4
"""How often a run mints again because the API rejects what it has just minted."""

REMINT_PAUSE_S = (1.0, 4.0)
"""The range of the random pause before it, so that two runs do not mint at the same time again."""


def mint_active(run: Run, assessment: Assessment) -> tuple[Assessment, AccessToken | None]:
    """Mint; again if the API rejects the token, because another run's mint may have ended it.

    The token is None if another run has published one that the API accepts: it was minted later.
    The assessment has the version that was current before the mint.
    """
    for is_last in (*(False,) * MAX_ENDED, True):
        try:
            return assessment, mint(run, assessment)
        except ProbeError as error:
            if is_last or error.status != HTTPStatus.UNAUTHORIZED:
                raise
        run.clock.sleep(run.clock.uniform(*REMINT_PAUSE_S))
        seen, assessment = assessment, _read_again(run, assessment)
        version = assessment.token_version
        was_replaced = version.version_id != seen.token_version.version_id
        if was_replaced and _is_accepted(run, version):
            break
    return assessment, None


def _read_again(run: Run, assessment: Assessment) -> Assessment:
    """The assessment with the current token version, and the credentials that minted it."""
    [version] = run.store.read(run.binding.token_secret)
    token, newer = parse_token(version), version if assessment.is_shared else None
    assessment = assessment._replace(token_version=version)
    if newer is None and isinstance(token, AccessToken):
        newer = read_newer_credentials(run, assessment.credentials_version, token)
    if newer is None:
        return assessment
    credentials = parse_credentials(newer)
    return assessment._replace(credentials_version=newer, credentials=credentials)


def _is_accepted(run: Run, version: StoredSecret) -> bool:
    """Whether a probe shows that the API accepts the token of this version."""
    token = parse_token(version)
    if run.stored_probe is None or not isinstance(token, AccessToken):
        return False
    try:
        return not run.stored_probe(token)
    except ProbeError:
        return False


def publish_last(run: Run, assessment: Assessment, minted: AccessToken) -> Published:
    """Publish the token that was minted last.

    A run that loses the race cannot know whose mint came last, so it mints once more and replaces
    the winner's token. The version to replace is read before the mint, so that the put fails if
    another run publishes in between. Raises as `publish_token` and `mint_active` do.
    """
    if run.stored_probe is None:
        problem = "the provider keeps one token active: only --probe-stored detects that another"
        problem += " mint has ended it"
        run.warnings.append(RunWarning("rotator.probe_omitted", problem))
    try:
        for _ in range(MAX_REMINTS):
            published = publish_token(
                run, assessment, minted, patience_s=run.left_s(), always_yields=True
            )
            if published.won:
                return published
            run.clock.sleep(run.clock.uniform(*REMINT_PAUSE_S))
            assessment = _read_again(run, assessment)
            assessment, active = mint_active(run, assessment)
            current = parse_token(assessment.token_version)
            if active is None or _is_same(current, active):
                return Published(assessment.token_version, won=False)
            minted = active
        raise make_conflict(run.binding.token_secret)
    except RotatorError as error:
        error.args = (f"{error}; the provider has ended the stored token by minting a new one",)
        raise


def _is_same(stored: AccessToken | NoTokenReason, minted: AccessToken) -> bool:
    return isinstance(stored, AccessToken) and stored.access_token == minted.access_token
