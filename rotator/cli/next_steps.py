"""What to do about a failed run, with commands to paste."""

from __future__ import annotations

import re
from typing import Any

from rotator.model.commands import create_command, set_command

__all__ = ["next_step", "with_commands"]

_CHECK_CLIENT = "check the client at the provider, then store its secret with {set_command}"
# By error code of AWS or of the provider (RFC 6749 section 5.2), beside CLIENT_REFUSALS.
_NEXT_STEPS = {
    "ResourceNotFoundException": "if name and region are right, create it with {init_command}",
    "invalid_scope": "correct the scope with {set_scope}",
}

_UNKNOWN_CLIENT = re.compile(
    r"\bclient_id\b|application with identifier|unknown client|client (was )?not found",
    re.IGNORECASE,
)
_OTHER_CLIENT = (
    'compare the client id with the provider\'s; to change it, pass {{"client_id": "..."}} on'
    " standard input to {set_command}"
)


def next_step(failure: dict[str, Any]) -> str | None:
    """The step for the fields of a failure, for `with_commands`; None if its error says it."""
    from rotator.model.providers import CLIENT_REFUSALS

    code = failure.get("oauth_error") or failure.get("aws_code") or ""
    if code not in CLIENT_REFUSALS:
        return _NEXT_STEPS.get(code)
    return _OTHER_CLIENT if _UNKNOWN_CLIENT.search(failure["error"]) else _CHECK_CLIENT


def with_commands(
    step: str,
    credentials_secret: str | None,
    token_secret: str | None,
    *,
    secret_id: str | None,
    keeps_ids: bool = False,
) -> str:
    """The step with its commands; None for a secret leaves a placeholder in them.

    `secret_id` is the secret that Secrets Manager refused, if it was one. With `keeps_ids` the
    commands have these ids, for a caller that replaces them; otherwise a missing ARN's name.
    """
    # Credentials that exist are read first, and init does not overwrite them.
    is_bound_alone = secret_id is not None and secret_id == token_secret != credentials_secret
    options = "--bind-only" if is_bound_alone else ""
    return step.format(
        set_command=set_command(credentials_secret),
        set_scope=set_command(credentials_secret, "--scope SCOPE"),
        init_command=create_command(
            credentials_secret,
            token_secret,
            options,
            missing="" if keeps_ids else secret_id or "",
        ),
    )
