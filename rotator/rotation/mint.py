"""The second step of a run: mint a token that may be published."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from rotator.errors import MintError, ProbeError
from rotator.model.access_token import AccessToken
from rotator.model.commands import remove_command
from rotator.model.instants import format_duration
from rotator.model.policy import RUN_BUDGET
from rotator.rotation.assess import call_endpoint
from rotator.rotation.result import RunWarning

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.access_token import Minted
    from rotator.model.secret import Secret
    from rotator.rotation.assess import Assessment
    from rotator.rotation.run import Run
    from rotator.transport.redaction import Redactor

__all__ = [
    "OutlivedTokenError",
    "match_stored",
    "mint",
    "mint_another",
    "redact_error",
    "refuse_if_outlived",
    "shortens",
]

ROUNDING = timedelta(seconds=5)
"""How much the expiry of the same token may differ between two responses: `expires_in` is in whole
seconds, and counts from before each request was sent."""

AFTER_EXPIRY_S = 2.0
"""How long after a cached token's stored expiry a new one is requested.

The time of the request and the remaining life are both truncated to whole seconds, so the true
expiry is up to two seconds later."""

AGAIN_PAUSES_S = (1.0, 2.0, 4.0)
"""The pauses between mints while a provider still hands out a cached token that has expired."""


class OutlivedTokenError(MintError):
    """The token expired between its mint and its publication."""


def mint(run: Run, assessment: Assessment) -> AccessToken:
    """Mint, validate and probe a token.

    It may be the stored one, if the provider caches tokens. Raises MintError if it must not be
    published, ProbeError if the API rejects it.
    """
    try:
        return _mint_and_probe(run, assessment)
    except (MintError, ProbeError) as error:
        # The redactors of these requests do not know the stored token.
        if isinstance(assessment.stored, AccessToken):
            redact_error(error, assessment.stored.access_token)
        raise


def _mint_and_probe(run: Run, assessment: Assessment) -> AccessToken:
    granted = _mint_unexpired(run, assessment)
    refused = _problem_with_refused_secrets(granted, assessment)
    problems = [*granted.warnings, refused] if refused else granted.warnings
    run.warnings.extend(RunWarning("rotator.mint_questioned", each) for each in problems)
    _refuse_unless_usable(granted.token, now=run.clock.now())
    minted = _complete(granted, assessment)
    if match_stored(minted, assessment) is not None:
        return minted
    problem = _problem_with_margin(assessment, minted)
    if problem is not None:
        run.warnings.append(RunWarning("rotator.margin_short", problem))
    if _ends_too_early(run, assessment, minted):
        raise MintError(
            "token endpoint: the new token expires before the next run, and no later than the"
            " stored one; kept the stored one",
            retryable=True,
        )
    _probe(run, assessment, minted)
    return minted


def redact_error(error: MintError | ProbeError, secret: Secret) -> None:
    """Hide this secret in the texts of an error."""
    redact = _redactor_of(secret).redact
    error.args = tuple(redact(str(each)) for each in error.args)
    for name, text in vars(error).items():
        if isinstance(text, str):
            setattr(error, name, redact(text))


def _redactor_of(secret: Secret) -> Redactor:
    from rotator.transport.redaction import Redactor  # here: a run that is not due needs none

    return Redactor.of(secret)


def mint_another(run: Run, assessment: Assessment, *, expires_at: datetime) -> AccessToken:
    """Wait until `expires_at`, when the provider stops handing out the stored token, and mint.

    Raises MintError (retryable) if the run has no time to wait, or still gets the same token.
    """
    wait_s = (expires_at - run.clock.now()).total_seconds() + AFTER_EXPIRY_S
    is_near = -RUN_BUDGET.total_seconds() < wait_s
    for pause_s in (max(wait_s, 0.0), *AGAIN_PAUSES_S) if is_near else ():
        if pause_s > run.left_s():
            break
        run.clock.sleep(pause_s)
        minted = mint(run, assessment)
        if match_stored(minted, assessment) is None:
            return minted
    raise MintError(
        "token endpoint: the provider handed out the stored token again; kept it: a run after its"
        " expiry gets a new one",
        retryable=True,
    )


def match_stored(minted: AccessToken, assessment: Assessment) -> AccessToken | None:
    """The stored token, if the provider handed it out again."""
    stored = assessment.stored
    if isinstance(stored, str) or stored.client_id != minted.client_id:
        return None
    return stored if stored.access_token == minted.access_token else None


def shortens(minted: AccessToken, stored: AccessToken) -> bool:
    """Whether the provider now says that the stored token expires earlier."""
    return minted.expires_at < stored.expires_at - ROUNDING


def _complete(granted: Minted, assessment: Assessment) -> AccessToken:
    """The token with what only the run knows: when it is due, and what it was minted with."""
    return replace(
        granted.token,
        next_rotation_at=assessment.policy.next_rotation_at(granted.token),
        credentials_fingerprint=assessment.credentials.fingerprint,
        credentials_version_id=assessment.credentials_version.version_id,
        client_secret_position=granted.client_secret_position,
        rotated_for="rejected" if assessment.decision.reason == "rejected" else None,
    )


def _problem_with_refused_secrets(granted: Minted, assessment: Assessment) -> str | None:
    """Which client secrets the provider refused before it accepted one; None if it refused none."""
    position = granted.client_secret_position or 1
    if position == 1:
        return None
    version, count = assessment.credentials_version, len(assessment.credentials.client_secrets)
    times = f", {position - 1} times" if position > 2 else ""  # noqa: PLR2004 - each moves up
    return (
        f"client_secret: number {position} of {count} was accepted; those before it were refused."
        f" If that stays so, take these out with {remove_command(version.secret_id, 1)}{times}"
    )


def _mint_unexpired(run: Run, assessment: Assessment) -> Minted:
    """Mint; again if the provider returned a cached token that has just expired."""
    version = assessment.credentials_version
    call_mint = partial(call_endpoint, run.endpoint.mint, assessment.credentials, version)
    for pause_s in AGAIN_PAUSES_S:
        granted = call_mint()
        if granted.token.expires_at > run.clock.now() or pause_s > run.left_s():
            return granted
        run.clock.sleep(pause_s)
    return call_mint()


def _problem_with_margin(assessment: Assessment, minted: AccessToken) -> str | None:
    """Why tokens of this lifetime may expire before the next run replaces them, or None."""
    lifetime = minted.expires_at - minted.issued_at
    policy = assessment.policy
    problem = policy.problem_with_lifetime(lifetime)
    if problem is None and assessment.provider.hands_out_cached_tokens:
        problem = _problem_with_caching(policy.interval)
    return problem or policy.problem_with_failed_run(lifetime)


def _problem_with_caching(interval: timedelta) -> str | None:
    """Why no run may be in time when a cached token expires; None if the interval is short enough.

    A run can wait for the expiry as long as a run may take.
    """
    if interval <= RUN_BUDGET:
        return None
    longest = format_duration(RUN_BUDGET)
    return (
        f"interval {format_duration(interval)}: the provider hands out its cached token until that"
        f" expires, and the next run may be later; start the job every {longest}, and set"
        " --interval to that"
    )


def _refuse_unless_usable(minted: AccessToken, *, now: datetime) -> None:
    """Raise MintError for a token that the next run would consider malformed or expired."""
    problem: object = None
    try:
        AccessToken.from_fields(minted.to_fields())
    except ValueError as error:
        problem = error
    has_ended = minted.expires_at <= now
    if has_ended:
        problem = "it has already expired"
    if problem is not None:
        raise MintError(
            f"token endpoint: the new token cannot be published: {problem}", retryable=has_ended
        )


def refuse_if_outlived(run: Run, assessment: Assessment, minted: AccessToken) -> None:
    """Raise OutlivedTokenError if the token has become useless since it was minted."""
    is_same = match_stored(minted, assessment) is not None  # stored again with an earlier expiry
    if minted.expires_at <= run.clock.now() or (
        not is_same and _ends_too_early(run, assessment, minted)
    ):
        raise OutlivedTokenError(
            "token endpoint: the new token expired before it could be published (a slow probe, or a"
            " suspended machine); the next run mints another one",
            retryable=True,
        )


def _ends_too_early(run: Run, assessment: Assessment, minted: AccessToken) -> bool:
    """Whether the token neither lasts until the next run nor outlives the stored one.

    A provider that grants shorter lifetimes than before has not failed: a token that lasts until
    the next run may expire earlier than the stored one.
    """
    stored = assessment.stored
    if run.force or not isinstance(stored, AccessToken) or stored.client_id != minted.client_id:
        return False
    if assessment.decision.reason in {"issued_in_future", "rejected"}:
        return False  # the stored expiry is meaningless
    is_long = minted.expires_at - run.clock.now() >= assessment.policy.needed_margin
    return not is_long and minted.expires_at <= stored.expires_at


def _probe(run: Run, assessment: Assessment, minted: AccessToken) -> None:
    problem = run.probe(minted) if run.probe is not None else None
    if problem is None:
        return
    if isinstance(assessment.stored, AccessToken):
        problem = _redactor_of(assessment.stored.access_token).redact(problem)
    if assessment.decision.reason == "rejected":
        raise ProbeError(f"{problem}; kept the stored token", is_refusal=True)
    run.warnings.append(
        RunWarning(
            "rotator.token_unproved", f"{problem}; the new token is published without verification"
        )
    )
