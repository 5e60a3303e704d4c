"""The event with which Secrets Manager invokes a rotation function, four times per rotation."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

from rotator.errors import ConfigError
from rotator.model.secret import Secret

__all__ = ["RotationStep", "parse_step"]

StepName = Literal["createSecret", "setSecret", "testSecret", "finishSecret"]
"""User guide, "Lambda rotation functions"."""

# "Rotation by Lambda function" of the same guide writes the same names with underscores.
_NAMES: dict[str, StepName] = {
    spelling: name
    for name in get_args(StepName)
    for spelling in (name, name.replace("Secret", "_secret"))
}
MIN_TOKEN_CHARS, MAX_TOKEN_CHARS = 32, 64
"""API reference, RotateSecret: ClientRequestToken."""

ROTATION_TOKEN = re.compile(r"[a-zA-Z0-9-]{36,256}")
"""API reference, PutSecretValue: RotationToken. Another one would fail after a mint, which can have
ended the stored token."""


class RotationStep(NamedTuple):
    """One step of one rotation.

    `version_id` (ClientRequestToken) is the version that the rotation fills. `rotation_token` names
    the source of the request where the function assumes a role or belongs to another account (API
    reference, PutSecretValue: RotationToken).
    """

    name: StepName
    secret_id: str
    version_id: str
    rotation_token: Secret | None = None


def parse_step(event: object) -> RotationStep | None:
    """The step that the event names, None for an event of another kind.

    Unknown fields are ignored: the service has added one before. Raises ConfigError for an unknown
    step, or a field that is missing or of the wrong type.
    """
    if not isinstance(event, dict) or not {"Step", "SecretId"} <= event.keys():
        return None
    name = _NAMES.get(_text(event, "Step"))
    if name is None:
        raise ConfigError(f"event: Step must be one of {', '.join(get_args(StepName))}")
    version_id = _text(event, "ClientRequestToken")
    if not MIN_TOKEN_CHARS <= len(version_id) <= MAX_TOKEN_CHARS:
        raise ConfigError(
            f"event: ClientRequestToken must have {MIN_TOKEN_CHARS} to {MAX_TOKEN_CHARS} characters"
        )
    given = event.get("RotationToken") is not None
    token = Secret(_text(event, "RotationToken")) if given else None
    if token is not None and not ROTATION_TOKEN.fullmatch(token.reveal()):
        raise ConfigError(
            "event: RotationToken must have 36 to 256 letters, digits and hyphens; leave it out to"
            " test without one"
        )
    return RotationStep(name, _text(event, "SecretId"), version_id, token)


def _text(event: dict[object, object], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"event: {name} must be a non-empty string")
    return value
