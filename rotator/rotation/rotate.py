"""The one use case: rotate the token of one binding, if it is due."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from rotator.errors import CredentialsError, ProbeError, RotatorError, VersionConflict
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.clock import SYSTEM_CLOCK
from rotator.model.instants import format_instant
from rotator.model.policy import RETRY_BUDGET
from rotator.model.secret import Secret
from rotator.model.stored import parse_credentials, parse_fields, parse_token
from rotator.rotation.assess import assess
from rotator.rotation.mint import mint, mint_another, same_stored, shortens
from rotator.rotation.publish import Published, compare_and_set
from rotator.rotation.result import Outcome, RotationResult, RunWarning
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.model.binding import Binding
    from rotator.model.clock import Clock
    from rotator.model.policy import NoTokenReason, RenewalPolicy
    from rotator.model.secret import StoredSecret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.ports import Endpoint, Store

__all__ = [
    "Outcome",
    "RotationResult",
    "RunWarning",
    "log_run",
    "mint_and_publish",
    "result_of",
    "rotate_assessed",
    "rotate_token",
    "untouched",
]

_EVENTS: dict[Outcome, str] = {
    "rotated": "rotator.token_rotated",
    "not_due": "rotator.rotation_skipped",
    "superseded": "rotator.rotation_superseded",
    "would_rotate": "rotator.rotation_skipped",
    "staged": "rotator.token_staged",
    "tested": "rotator.token_tested",
}

MAX_REMINTS = 8
"""How often a run mints again because others publish; each time one of them is done."""

MAX_ENDED = 4
"""How often a run mints again because the API no longer takes what it has just minted."""

REMINT_PAUSE_S = (1.0, 4.0)
"""Between which two the pause before it is drawn, so that rivals do not mint at once again."""


def rotate_token(
    binding: Binding,
    *,
    store: Store,
    endpoint: Endpoint,
    policy: RenewalPolicy,
    force: bool = False,
    dry_run: bool = False,
    probe: Callable[[AccessToken], str | None] | None = None,
    stored_probe: Callable[[AccessToken], bool] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    remaining_s: Callable[[], float] | None = None,
) -> RotationResult:
    """Mint and publish a new token for `binding` if the stored one is due.

    `force` makes it due, `dry_run` decides and changes nothing. `probe` is called with the new
    token before it is published; it stops that by raising, and returns why the token could not be
    verified, None if it was. `stored_probe` tells whether the API rejects the stored token, which
    makes it due, and raises ProbeError if it cannot be asked. `remaining_s` tells how many seconds
    the caller has left for waiting.

    Raises CredentialsError, ConfigError, MintError, ProbeError or StoreError, with what was found
    until then in `details`; the stored token is then as it was. Logs the warnings and one event for
    the outcome, and no other for what it raises.
    """
    budget_s = RETRY_BUDGET.total_seconds()
    run = Run(
        binding=binding,
        store=store,
        endpoint=endpoint,
        policy=policy,
        clock=clock,
        ends_at_s=clock.monotonic() + (min(budget_s, remaining_s()) if remaining_s else budget_s),
        force=force,
        probe=probe,
        stored_probe=stored_probe,
    )

    def assess_and_rotate() -> RotationResult:
        assessment = assess(run)
        if dry_run or not assessment.decision.due:
            return untouched(run, assessment)
        return mint_and_publish(run, assessment)

    return log_run(run, assess_and_rotate)


def rotate_assessed(run: Run, assessment: Assessment) -> RotationResult:
    """As `rotate_token`, where both secrets were read already and the token is due."""
    return log_run(run, lambda: mint_and_publish(run, assessment))


def untouched(run: Run, assessment: Assessment) -> RotationResult:
    """The result where nothing is changed: the token is not due, or this is a dry run."""
    outcome: Outcome = "would_rotate" if assessment.decision.due else "not_due"
    version = assessment.token_version
    return result_of(run, outcome, assessment, version, token=assessment.stored)


def log_run(run: Run, steps: Callable[[], RotationResult]) -> RotationResult:
    """Do what `steps` does; log the warnings and the outcome, and tell an error what was found."""
    started_s = run.clock.monotonic()
    log = structlog.get_logger().bind(binding=run.binding.token_secret)
    try:
        result = steps()
    except RotatorError as error:
        error.details |= run.details | {"duration_s": round(run.clock.monotonic() - started_s, 3)}
        raise
    finally:
        for warning in run.warnings:
            log.warning(warning.event, problem=warning.problem)
    duration_s = round(run.clock.monotonic() - started_s, 3)
    result = replace(result, duration_s=duration_s, warnings=tuple(run.warnings))
    log.info(_EVENTS[result.outcome], **result.log_fields())
    return result


def mint_and_publish(
    run: Run,
    assessment: Assessment,
    publish: Callable[[Run, Assessment, AccessToken], RotationResult] | None = None,
) -> RotationResult:
    """Mint a token and make it the current version, or hand it to `publish`.

    A token that the provider hands out again, and that can serve on, is neither.
    """
    if assessment.provider.single_active and publish is None:
        assessment, active = _mint_active(run, assessment)
        if active is None:
            return result_of(run, "superseded", assessment, assessment.token_version)
        minted = active
    else:
        minted = mint(run, assessment)
    stored = same_stored(minted, assessment)
    if stored is not None:
        if shortens(minted, stored):
            # An earlier end is believed, a later one never.
            stored = _shorten(stored, minted.expires_at, assessment)
            assessment = _correct_stored(run, assessment, stored)
        if _may_stay(run, assessment, stored):
            decision = assessment.decision._replace(reason="provider_cached")
            cached = assessment._replace(decision=decision)
            return result_of(run, "not_due", cached, assessment.token_version)
        minted = mint_another(run, assessment, expires_at=stored.expires_at)
    if publish is not None:
        return publish(run, assessment, minted)
    if assessment.provider.single_active:
        return _publish_last(run, assessment, minted)
    published = _publish(run, assessment, minted)
    outcome: Outcome = "rotated" if published.won else "superseded"
    return result_of(run, outcome, assessment, published.current)


def result_of(
    run: Run,
    outcome: Outcome,
    assessment: Assessment,
    version: StoredSecret,
    *,
    token: AccessToken | NoTokenReason | None = None,
) -> RotationResult:
    """The result that tells of the token in `version`, `token` where it was read already."""
    result = RotationResult(
        binding=run.binding,
        outcome=outcome,
        reason=assessment.decision.reason,
        version_id=version.version_id,
    )
    token = parse_token(version) if token is None else token
    if not isinstance(token, AccessToken):
        return result
    return replace(
        result,
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        # The policy of this run, which may be another than that of the run that published it.
        next_rotation_at=assessment.policy.next_rotation_at(token),
    )


def _may_stay(run: Run, assessment: Assessment, stored: AccessToken) -> bool:
    """Whether a token that the provider hands out again can serve until the next run."""
    if assessment.decision.reason == "rejected":
        raise ProbeError(
            "API: rejects the stored token, and the provider hands it out again; kept it",
            is_refusal=True,
        )
    if run.force:
        return False
    return stored.expires_at - run.clock.now() > assessment.policy.interval


def _shorten(stored: AccessToken, expires_at: datetime, assessment: Assessment) -> AccessToken:
    """The stored token with an earlier end. Its age stays: else it would be fresh once more."""
    shortened = replace(stored, expires_at=expires_at)
    planned_at = assessment.policy.next_rotation_at(shortened)
    return replace(shortened, next_rotation_at=min(planned_at, expires_at))


def _correct_stored(run: Run, assessment: Assessment, stored: AccessToken) -> Assessment:
    version = _publish(run, assessment, stored).current
    run.details.update(version_id=version.version_id, expires_at=format_instant(stored.expires_at))
    return assessment._replace(token_version=version, stored=parse_token(version))


def _publish(
    run: Run,
    assessment: Assessment,
    minted: AccessToken,
    *,
    patience_s: float = 0.0,
    always_yields: bool = False,
) -> Published:
    """Make `minted` the current version, unless another run has published a fresh token."""
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
    )


def _is_fresh(run: Run, assessment: Assessment, version: StoredSecret) -> bool:
    decision = assessment.policy.decide(
        parse_token(version),
        now=run.clock.now(),
        client_id=assessment.credentials.client_id,
        fingerprint=assessment.credentials.fingerprint,
    )
    return not decision.due


def _mint_active(run: Run, assessment: Assessment) -> tuple[Assessment, AccessToken | None]:
    """Mint where each mint ends the token before it, so that a rival's ends ours before its probe.

    The token is None once a rival has published one that the API takes: it was minted later. The
    assessment holds the version that was current before the mint.
    """
    for is_last in (*(False,) * MAX_ENDED, True):
        try:
            return assessment, mint(run, assessment)
        except ProbeError as error:
            if is_last or error.status != 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2
                raise
        run.clock.sleep(run.clock.uniform(*REMINT_PAUSE_S))
        [version] = run.store.read(run.binding.token_secret)
        was_replaced = version.version_id != assessment.token_version.version_id
        assessment = assessment._replace(token_version=version)
        if was_replaced and _is_accepted(run, version):
            break
    return assessment, None


def _is_accepted(run: Run, version: StoredSecret) -> bool:
    """Whether the API is known to take the token of this version."""
    token = parse_token(version)
    if run.stored_probe is None or not isinstance(token, AccessToken):
        return False
    try:
        return not run.stored_probe(token)
    except ProbeError:
        return False


def _publish_last(run: Run, assessment: Assessment, minted: AccessToken) -> RotationResult:
    """Publish where each mint ends the token before it.

    Who loses the race cannot know whose mint came last, so it mints once more and publishes over
    the winner: what is stored in the end was minted last. The version to publish over is read
    before the mint; a rival that publishes in between makes the put fail.
    """
    if run.stored_probe is None:
        problem = "the provider keeps one token active: only --probe-stored sees that it was ended"
        run.warnings.append(RunWarning("rotator.probe_omitted", problem))
    try:
        for _ in range(MAX_REMINTS):
            published = _publish(
                run, assessment, minted, patience_s=run.left_s(), always_yields=True
            )
            if published.won:
                return result_of(run, "rotated", assessment, published.current)
            run.clock.sleep(run.clock.uniform(*REMINT_PAUSE_S))
            [version] = run.store.read(run.binding.token_secret)
            assessment = assessment._replace(token_version=version)
            assessment, active = _mint_active(run, assessment)
            current = parse_token(assessment.token_version)
            if active is None or _is_same(current, active):
                return result_of(run, "superseded", assessment, assessment.token_version)
            minted = active
        raise VersionConflict(
            f"secret {run.binding.token_secret}: its versions keep changing during this run",
            operation="PutSecretValue",
            secret_id=run.binding.token_secret,
            retryable=True,
        )
    except RotatorError as error:
        error.args = (f"{error}; the provider has ended the stored token by minting a new one",)
        raise


def _is_same(stored: AccessToken | NoTokenReason, minted: AccessToken) -> bool:
    return isinstance(stored, AccessToken) and stored.access_token == minted.access_token


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
