"""The main use case: rotate the token of one binding, if it is due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ProbeError, RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.instants import format_instant
from rotator.model.policy import RUN_BUDGET
from rotator.model.stored import parse_token
from rotator.rotation.assess import assess, assess_again, confirm_credentials
from rotator.rotation.mint import (
    OutlivedTokenError,
    match_stored,
    mint,
    mint_another,
    shortens,
)
from rotator.rotation.one_active_token import mint_active, publish_last
from rotator.rotation.publish_token import publish_token
from rotator.rotation.result import Outcome, RotationResult, RunWarning
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.clock import Clock
    from rotator.model.binding import Binding
    from rotator.model.policy import NoTokenReason, RenewalPolicy
    from rotator.model.secret import StoredSecret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.ports import Endpoint, Store

__all__ = [
    "Outcome",
    "RotationResult",
    "RunWarning",
    "log_run",
    "log_warnings",
    "make_result",
    "mint_and_publish",
    "rotate_assessed",
    "rotate_token",
    "unchanged_result",
]

_EVENTS: dict[Outcome, str] = {
    "rotated": "rotator.token_rotated",
    "not_due": "rotator.rotation_skipped",
    "superseded": "rotator.rotation_superseded",
    "would_rotate": "rotator.rotation_skipped",
    "staged": "rotator.token_staged",
    "tested": "rotator.token_tested",
}

MAX_READ_AGE_S = 30.0
"""How old a read may be when the token is replaced: later edits would be overwritten."""


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

    `force` makes it due; `dry_run` decides and changes nothing. `probe` is called with the new
    token before it is published: it raises an exception to prevent that, and returns why the token
    could not be verified, or None. `stored_probe` returns whether the API rejects the stored token,
    which makes it due, and raises ProbeError if the API can't be called. `remaining_s` returns how
    many seconds the run may wait.

    Raises CredentialsError, ConfigError, MintError, ProbeError or StoreError, with the fields known
    by then in `details`; the stored token is then unchanged. Logs the warnings, and one event for
    the outcome unless it raises.
    """
    budget_s = RUN_BUDGET.total_seconds()
    run = Run(
        binding=binding,
        store=store,
        endpoint=endpoint,
        policy=policy,
        clock=clock,
        ends_at_s=clock.monotonic() + (min(budget_s, remaining_s()) if remaining_s else budget_s),
        forced_at=clock.now() if force else None,
        probe=probe,
        stored_probe=stored_probe,
    )

    def assess_and_rotate() -> RotationResult:
        assessment = assess(run)
        if dry_run or not assessment.decision.due:
            return unchanged_result(run, assessment)
        return mint_and_publish(run, assessment)

    return log_run(run, assess_and_rotate)


def rotate_assessed(
    run: Run, assessment: Assessment, *, read_at_s: float, allow: Callable[[Assessment], None]
) -> RotationResult:
    """As `rotate_token`, for secrets that were read and assessed as due at `read_at_s`.

    They are read again if that was long ago. If they have changed, `allow` is called with the new
    assessment, and raises an exception to refuse the binding.
    """

    def confirm_and_rotate() -> RotationResult:
        found = assessment
        if run.clock.monotonic() - read_at_s > MAX_READ_AGE_S:
            found = assess_again(run, found)
        found = confirm_credentials(run, found)
        if found is not assessment:
            allow(found)
        return mint_and_publish(run, found) if found.decision.due else unchanged_result(run, found)

    return log_run(run, confirm_and_rotate)


def unchanged_result(run: Run, assessment: Assessment) -> RotationResult:
    """The result if nothing is changed: the token is not due, or this is a dry run."""
    outcome: Outcome = "would_rotate" if assessment.decision.due else "not_due"
    version = assessment.token_version
    return make_result(run, outcome, assessment, version, token=assessment.stored)


def log_run(run: Run, steps: Callable[[], RotationResult]) -> RotationResult:
    """Call `steps`; log the warnings and the outcome, or add `run.details` to the error."""
    started_s = run.clock.monotonic()
    try:
        result = steps()
    except RotatorError as error:
        error.details |= run.details | {"duration_s": round(run.clock.monotonic() - started_s, 3)}
        # Without the frames below, whose local variables a crash reporter could show.
        raise error.with_traceback(None) from None
    finally:
        warnings = log_warnings(run)
    duration_s = round(run.clock.monotonic() - started_s, 3)
    result = replace(result, duration_s=duration_s, warnings=warnings)
    _logger(run).info(_EVENTS[result.outcome], **result.log_fields())
    return result


def log_warnings(run: Run) -> tuple[RunWarning, ...]:
    """Log the warnings of `run`, each once, and return them."""
    warnings, log = tuple(dict.fromkeys(run.warnings)), _logger(run)
    for warning in warnings:
        log.warning(warning.event, problem=warning.problem)
    return warnings


def _logger(run: Run) -> Any:  # noqa: ANN401 - structlog makes its methods at run time
    return structlog.get_logger().bind(binding=run.binding.token_secret)


def mint_and_publish(
    run: Run,
    assessment: Assessment,
    publish: Callable[[Run, Assessment, AccessToken], RotationResult] | None = None,
) -> RotationResult:
    """Mint a token and make it the current version, or pass it to `publish`.

    If the provider hands out the stored token again and that lasts until the next run, nothing is
    published. If the token expires before it is published, another is minted once, if there is
    time.
    """
    try:
        return _mint_and_publish(run, assessment, publish)
    except OutlivedTokenError:
        if run.left_s() <= 0:
            raise
    return _mint_and_publish(run, assessment, publish)


def _mint_and_publish(
    run: Run,
    assessment: Assessment,
    publish: Callable[[Run, Assessment, AccessToken], RotationResult] | None,
) -> RotationResult:
    if assessment.provider.single_active and publish is None:
        assessment, active = mint_active(run, assessment)
        if active is None:
            return make_result(run, "superseded", assessment, assessment.token_version)
        minted = active
    else:
        minted = mint(run, assessment)
    stored = match_stored(minted, assessment)
    if stored is not None:
        if shortens(minted, stored):
            # An earlier expiry is stored, a later one is not.
            stored = _shorten(stored, minted.expires_at, assessment)
            assessment = _correct_stored(run, assessment, stored)
        if _may_stay(run, assessment, stored):
            decision = assessment.decision._replace(reason="provider_cached")
            cached = assessment._replace(decision=decision)
            return make_result(run, "not_due", cached, assessment.token_version)
        minted = mint_another(run, assessment, expires_at=stored.expires_at)
    if publish is not None:
        return publish(run, assessment, minted)
    publish_minted = publish_last if assessment.provider.single_active else publish_token
    published = publish_minted(run, assessment, minted)
    outcome: Outcome = "rotated" if published.won else "superseded"
    return make_result(run, outcome, assessment, published.current)


def make_result(
    run: Run,
    outcome: Outcome,
    assessment: Assessment,
    version: StoredSecret,
    *,
    token: AccessToken | NoTokenReason | None = None,
) -> RotationResult:
    """The result with the token in `version`, which is `token` if it was parsed already."""
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
        # By this run's policy; that of the run that published it may differ.
        next_rotation_at=assessment.policy.next_rotation_at(token),
    )


def _may_stay(run: Run, assessment: Assessment, stored: AccessToken) -> bool:
    """Whether a token that is handed out again lasts until the next run; raises ProbeError."""
    if assessment.decision.reason == "rejected":
        raise ProbeError(
            "API: rejects the stored token, and the provider hands it out again; kept it",
            is_refusal=True,
        )
    if run.force:
        return False
    return stored.expires_at - run.clock.now() > assessment.policy.interval


def _shorten(stored: AccessToken, expires_at: datetime, assessment: Assessment) -> AccessToken:
    """The stored token with an earlier expiry; a new `issued_at` would make it fresh again."""
    shortened = replace(stored, expires_at=expires_at)
    planned_at = assessment.policy.next_rotation_at(shortened)
    return replace(shortened, next_rotation_at=min(planned_at, expires_at))


def _correct_stored(run: Run, assessment: Assessment, stored: AccessToken) -> Assessment:
    version = publish_token(run, assessment, stored).current
    run.details.update(version_id=version.version_id, expires_at=format_instant(stored.expires_at))
    return assessment._replace(token_version=version, stored=parse_token(version))
