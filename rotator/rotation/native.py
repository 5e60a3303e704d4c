"""The four steps of Secrets Manager's native rotation: another trigger for the same job.

A rotation labels a version AWSPENDING before it has a value, and calls the steps one by one; it is
over when that label is on the current version or on none (API reference, RotateSecret). If a step
fails, the service repeats the whole rotation for the same version, whose value cannot be changed.
So if that value has become useless, a token is published as another version, and the label removed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.errors import ProbeError, SecretNotFound, StoreError, VersionConflict
from rotator.model.access_token import AccessToken
from rotator.model.commands import run_command
from rotator.model.instants import format_instant
from rotator.model.secret import Secret, StoredSecret
from rotator.model.stored import parse_token
from rotator.rotation.assess import assess
from rotator.rotation.publish import compare_and_set, repeat_reads
from rotator.rotation.result import RunWarning
from rotator.rotation.rotate import log_run, make_result, mint_and_publish, unchanged_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.policy import Reason
    from rotator.model.rotation_step import RotationStep
    from rotator.model.secret import SecretInfo
    from rotator.rotation.assess import Assessment
    from rotator.rotation.ports import RotationStore
    from rotator.rotation.result import RotationResult
    from rotator.rotation.run import Run

__all__ = ["take_step"]

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
CLAIM = "ROTATOR"
"""The label of a version that only claims the id (`successor_id`) under which every other run would
replace the same token: only an existing id can prevent a PutSecretValue."""


_PROBLEMS: dict[Reason, str] = {
    "token_missing": "it is empty",
    "token_malformed": "it is not a token document",
    "client_changed": "its token is of another client",
    "credentials_changed": "its token was minted with other settings",
    "expired": "its token has expired",
    "issued_in_future": "its token was issued by a clock that is ahead",
    "cadence_reached": "its token ends no later than the stored one",
}
"""Why a waiting token is unusable, by the reason for which it would be due."""


@dataclass(frozen=True, slots=True)
class _Rotation:
    """One step and its parameters; `allow` raises an exception to refuse an assessment."""

    run: Run
    store: RotationStore
    step: RotationStep
    allow: Callable[[Assessment], None]

    def assess(self) -> Assessment:
        """Assess as any run does; raises if no token should be published."""
        assessment = assess(self.run)
        self.allow(assessment)
        return assessment

    def is_current(self, assessment: Assessment) -> bool:
        """Whether the rotation's version has become the current one."""
        return assessment.token_version.version_id == self.step.version_id

    def is_pending(self) -> bool:
        """Whether the rotation's version is AWSPENDING."""
        stages = self.store.rotation_state(self.run.binding.token_secret).stages
        return PENDING in stages.get(self.step.version_id, ())

    def read_new_version(self) -> StoredSecret | None:
        """The rotation's version, None while it has no value."""
        return self.store.read_version(self.run.binding.token_secret, self.step.version_id)

    def drop_pending(self) -> None:
        """Take AWSPENDING off the rotation's version, if it is there.

        On a version that is not current, it would make the next RotateSecret fail; and any other
        run that rotates the token makes another version current.
        """
        self.drop(PENDING, self.step.version_id)

    def drop(self, stage: str, version_id: str | None) -> None:
        """Take a label off a version, if it is there."""
        with suppress(VersionConflict, SecretNotFound):
            self.store.move_stage(
                self.run.binding.token_secret, stage, move_to=None, remove_from=version_id
            )

    def put_pending(self, run: Run, assessment: Assessment, minted: AccessToken) -> RotationResult:
        """Store a new token in the rotation's version, unless that has a value already."""
        secret_id, version_id = run.binding.token_secret, self.step.version_id
        text = Secret(json.dumps(minted.to_fields(), indent=2))
        version: StoredSecret | None = assessment.token_version._replace(
            version_id=version_id, text=text, stages=(PENDING,)
        )
        try:
            self.store.put_labelled(secret_id, text, version_id=version_id, stage=PENDING)
        except VersionConflict:
            version = self.read_new_version()  # of a concurrent createSecret
        return make_result(run, "staged", assessment, version or assessment.token_version)

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        """As `Store.put`, but the version does not become current: it only claims the id."""
        self.store.put_labelled(secret.secret_id, text, version_id=version_id, stage=CLAIM)

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        """As in `Store`."""
        return self.store.read(*secret_ids)

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        """As in `Store`."""
        return self.store.read_version(secret_id, version_id)

    def describe(self, secret_id: str) -> SecretInfo:
        """As in `Store`."""
        return self.store.describe(secret_id)


def take_step(
    run: Run,
    step: RotationStep,
    *,
    store: RotationStore,
    allow: Callable[[Assessment], None] = lambda _: None,
) -> RotationResult:
    """Take one step of a rotation of the run's token secret.

    `allow` is called with the assessment, and raises an exception to refuse the binding. Raises as
    `rotate_token` does; the stored token is then unchanged, and the service may repeat the step.
    """
    rotation = _Rotation(run, store, step, allow)
    steps: dict[str, Callable[[_Rotation], RotationResult]] = {
        "createSecret": _create,
        "setSecret": _test_credentials,
        "testSecret": _test,
        "finishSecret": _finish,
    }
    return log_run(run, lambda: steps[step.name](rotation))


def _create(rotation: _Rotation) -> RotationResult:
    """Mint a token into the rotation's version, if the stored one is due.

    AWSPENDING is always kept: the user guide leaves its removal to the last step.
    """
    run, assessment = rotation.run, rotation.assess()
    if not assessment.decision.due:
        return unchanged_result(run, assessment)
    if not _can_wait(rotation, assessment):
        return mint_and_publish(run, assessment)
    version = rotation.read_new_version()
    if version is None:
        return mint_and_publish(run, assessment, rotation.put_pending)
    if _is_worth_keeping(rotation, assessment, version):
        return make_result(run, "staged", assessment, version)
    return mint_and_publish(run, assessment)


def _can_wait(rotation: _Rotation, assessment: Assessment) -> bool:
    """Whether a new token may wait as AWSPENDING until the last step.

    Not if minting ends the stored token, if the secret also has credentials, which people may edit
    meanwhile, or if the rotation was cancelled.
    """
    if assessment.provider.single_active or assessment.is_shared:
        return False
    if assessment.token_version.version_id is None:
        return False  # a secret's first value always becomes current
    return not rotation.is_current(assessment) and rotation.is_pending()


def _is_worth_keeping(rotation: _Rotation, assessment: Assessment, version: StoredSecret) -> bool:
    """Whether the token of an earlier attempt is fresh, and the API does not reject it."""
    token = parse_token(version)
    if not isinstance(token, AccessToken) or _reason_if_due(rotation, assessment, token):
        return False
    try:
        if rotation.run.probe is not None:
            rotation.run.probe(token)
    except ProbeError:
        return False
    return True


def _test_credentials(rotation: _Rotation) -> RotationResult:
    """Check the credentials; nothing has to be set, as the provider has issued the token."""
    assessment = rotation.assess()
    return make_result(rotation.run, "tested", assessment, assessment.token_version)


def _test(rotation: _Rotation) -> RotationResult:
    """Probe the waiting token.

    Without a value this is a test of the configuration (API reference, RotateSecret:
    RotateImmediately), which passes if the credentials are usable.
    """
    run, assessment = rotation.run, rotation.assess()
    version = rotation.read_new_version() if assessment.decision.due else None
    if version is None or rotation.is_current(assessment):
        return make_result(run, "tested", assessment, assessment.token_version)
    token = _usable_token(rotation, assessment, version)
    if isinstance(token, str):
        raise _make_failure(rotation, assessment, token)
    problem = run.probe(token) if run.probe is not None else None
    if problem is not None:
        run.warnings.append(RunWarning("rotator.token_unproved", problem))
    return make_result(run, "tested", assessment, version)


def _finish(rotation: _Rotation) -> RotationResult:
    """Make the waiting token the current one, and take AWSPENDING off.

    If another run has published a fresh token, or createSecret had nothing to store, only the label
    is removed. Reads may lag, and AWSCURRENT moves only from the version that was read, so both are
    retried. An unusable token is an error, and the next createSecret replaces it.
    """
    run, problem = rotation.run, ""
    for _ in repeat_reads(run.clock):
        assessment = rotation.assess()
        if rotation.is_current(assessment) or not assessment.decision.due:
            break
        version, problem = rotation.read_new_version(), ""
        if version is None or not rotation.is_pending():
            continue
        token = _usable_token(rotation, assessment, version)
        if isinstance(token, str):
            problem = token
        elif _makes_current(rotation, assessment, version):
            rotation.drop_pending()
            return make_result(run, "rotated", assessment, version)
        else:
            problem = "cannot become current: another version became current first"
    else:
        if problem:
            raise _make_failure(rotation, assessment, problem)
    rotation.drop_pending()
    return make_result(run, "not_due", assessment, assessment.token_version)


def _makes_current(rotation: _Rotation, assessment: Assessment, version: StoredSecret) -> bool:
    """Move AWSCURRENT to the waiting version; False if another version has become current.

    First it claims the id under which every other run would replace the same token. A later run
    that has read that token then finds the id taken, as if another run had been faster.
    """
    seen, text = assessment.token_version, version.text or Secret("")
    claimed = compare_and_set(
        seen,
        lambda _: text,
        store=rotation,
        yields_to=lambda _: True,
        clock=rotation.run.clock,
    )
    if not claimed.won:
        return False
    try:
        rotation.store.move_stage(
            seen.secret_id,
            CURRENT,
            move_to=rotation.step.version_id,
            remove_from=seen.version_id,
        )
    except VersionConflict:
        return False
    rotation.drop(CLAIM, claimed.current.version_id)
    return True


def _usable_token(
    rotation: _Rotation, assessment: Assessment, version: StoredSecret
) -> AccessToken | str:
    """The waiting token, if it is better than the stored one, which is due; else the problem."""
    token, stored = parse_token(version), assessment.stored
    if isinstance(token, str):
        return f"holds no usable token ({_PROBLEMS[token]})"
    reason = _reason_if_due(rotation, assessment, token)
    ends_later = not isinstance(stored, AccessToken) or token.expires_at > stored.expires_at
    if reason is None or (reason == "cadence_reached" and ends_later):
        return token
    return f"holds no usable token ({_PROBLEMS[reason]})"


def _reason_if_due(
    rotation: _Rotation, assessment: Assessment, token: AccessToken
) -> Reason | None:
    decision = assessment.policy.decide(
        token,
        now=rotation.run.clock.now(),
        client_id=assessment.credentials.client_id,
        fingerprint=assessment.credentials.fingerprint,
    )
    return decision.reason if decision.due else None


def _make_failure(rotation: _Rotation, assessment: Assessment, problem: str) -> StoreError:
    binding, stored = rotation.run.binding, assessment.stored
    secret_id, version_id = binding.token_secret, rotation.step.version_id
    kept = "there is no stored token"
    if isinstance(stored, AccessToken):
        is_over = stored.expires_at <= rotation.run.clock.now()
        verb = "expired at" if is_over else "stays, until"
        kept = f"the stored token {verb} {format_instant(stored.expires_at)}"
    force = run_command(binding.credentials_secret, secret_id, "--force")
    return StoreError(
        f"token secret {secret_id}: version {version_id} {problem}; {kept}. Secrets Manager repeats"
        f" the rotation, and createSecret then publishes another token; {force} does so now",
        operation="UpdateSecretVersionStage",
        secret_id=secret_id,
        retryable=True,
    )
