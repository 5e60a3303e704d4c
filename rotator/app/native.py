"""Builds one step of native rotation, and finds its binding."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from rotator.app import PUBLISH_S, new_token_probe, stored_token_probe
from rotator.aws.rotation_store import RotationStore
from rotator.aws.secret_ids import arn_region, check_secret_id
from rotator.aws.store import connect
from rotator.clock import SYSTEM_CLOCK
from rotator.config import environment_names_arn, load_secret_id, load_settings, region_of
from rotator.errors import ConfigError, aws_command
from rotator.fleet.consent import check_assessment
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.commands import init_command
from rotator.model.policy import RUN_BUDGET
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.native import take_step
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config import Settings
    from rotator.model.rotation_step import RotationStep
    from rotator.rotation.result import RotationResult

__all__ = ["open_rotation_store", "prepare_step"]


class PreparedStep:
    """A step with its binding; `settings` are those of the binding."""

    def __init__(
        self, step: RotationStep, store: RotationStore, settings: Settings, *, is_tagged: bool
    ) -> None:
        self.settings = settings
        self._step = step
        self._store = store
        self._is_tagged = is_tagged

    def take(self, *, remaining_s: Callable[[], float]) -> RotationResult:
        """Take the step; raises as `rotator.rotation.native.take_step`."""
        job = self.settings.job
        budget_s = min(RUN_BUDGET.total_seconds(), remaining_s())
        run = Run(
            binding=self.settings.binding(),
            store=self._store,
            endpoint=TokenEndpoint(remaining_s=remaining_s),
            policy=job.policy(),
            clock=SYSTEM_CLOCK,
            is_tagged=self._is_tagged,
            ends_at_s=SYSTEM_CLOCK.monotonic() + budget_s,
            probe=new_token_probe(job),
            stored_probe=stored_token_probe(job),
        )
        # Whoever may create a secret, and have this function rotate it, must not get a token.
        allow = partial(check_assessment, is_tagged=self._is_tagged)
        return take_step(run, self._step, store=self._store, allow=allow)


def prepare_step(step: RotationStep, *, remaining_s: Callable[[], float]) -> PreparedStep:
    """Find the binding of the secret to rotate; no call takes longer than `remaining_s`.

    Raises ConfigError if nothing names its credentials or it is a replica, SecretNotFound or
    StoreError.
    """
    opened = open_rotation_store(region_of(step.secret_id))
    store = opened.with_token(step.rotation_token).limit_time(lambda: remaining_s() + PUBLISH_S)
    state = store.rotation_state(step.secret_id)
    primary = state.primary_region
    if primary is not None and primary != arn_region(state.arn):
        raise ConfigError(
            f"token secret {step.secret_id}: is a replica, which cannot be rotated; turn rotation"
            f" on for the primary secret, in {primary}"
        )
    if environment_names_arn(state.arn):
        return PreparedStep(step, store, load_settings({}), is_tagged=False)
    subject, tag = f"token secret {step.secret_id}", state.tags.get(BINDING_TAG)
    if tag is None:
        _refuse_credentials_secret(step, state.arn)
        raise ConfigError(
            f"{subject}: nothing names its credentials; let ROTATOR_TOKEN_SECRET of this function"
            f" name it, or bind it with {init_command(None, step.secret_id, '--bind-only')}"
            f" (tag {BINDING_TAG})"
        )
    check_secret_id(f"{subject}: its tag {BINDING_TAG}", tag)
    settings = load_settings({"token_secret": state.arn, "credentials_secret": tag})
    return PreparedStep(step, store, settings, is_tagged=True)


def _refuse_credentials_secret(step: RotationStep, arn: str) -> None:
    """Raise ConfigError if the environment names this secret as the credentials secret."""
    named = ""
    with suppress(ConfigError):
        named = load_secret_id("credentials_secret", {})
    if is_name_of(named, step.secret_id, arn):
        cancel = aws_command("cancel-rotate-secret", step.secret_id, region=arn_region(arn))
        raise ConfigError(
            f"secret {step.secret_id}: is the credentials secret, and Secrets Manager's rotation"
            f" is for token secrets; nothing was changed. Turn it off there with `{cancel}`;"
            " `rotator rotate-client-secret` replaces the client secret"
        )


@lru_cache(maxsize=8)
def open_rotation_store(region: str | None) -> RotationStore:
    """A store that is kept between invocations, as are its AWS client's connections."""
    return RotationStore(connect(region))
