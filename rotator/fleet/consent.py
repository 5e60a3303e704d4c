"""Consent: credentials that a tag names have to name the token secret in `token_secrets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.binding import BINDING_TAG
from rotator.model.commands import init_command
from rotator.model.consent import has_consent, is_named, secret_name
from rotator.model.secret import StoredSecret
from rotator.model.stored import parse_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.errors import RotatorError
    from rotator.fleet.settings import FleetBinding
    from rotator.rotation.assess import Assessment

__all__ = ["check_assessment", "is_confirmed"]


def is_confirmed(
    fleet_binding: FleetBinding, versions: Mapping[str, StoredSecret | RotatorError]
) -> bool:
    """Whether anything but a tag declares this binding.

    A credentials secret does if its value has the exact name of the token secret, whatever else is
    wrong with it: whoever may only tag secrets can't write that value, but can tag any secret that
    a pattern covers. False if either secret could not be read.
    """
    if not fleet_binding.needs_consent:
        return True
    binding = fleet_binding.binding
    credentials = versions.get(binding.credentials_secret)
    token_version = versions.get(binding.token_secret)
    if not isinstance(credentials, StoredSecret) or not isinstance(token_version, StoredSecret):
        return False
    try:
        entries = parse_fields(credentials).get("token_secrets")
    except ValueError:
        return False
    texts = entries if isinstance(entries, list) else [entries]
    named = [text for text in texts if isinstance(text, str)]
    return is_named(named, token_version.arn)


def check_assessment(assessment: Assessment, *, is_tagged: bool) -> None:
    """Raise ConfigError if the credentials of a tagged binding do not name its token secret.

    A pattern never covers the secret that contains it: else a tag could have a token written there.
    Nor does it cover an empty value such as `{}`, which may be a placeholder for anything, client
    credentials included.
    """
    if not is_tagged:
        return
    credentials, token_version = assessment.credentials, assessment.token_version
    credentials_version = assessment.credentials_version
    is_shared = credentials_version.arn == token_version.arn
    is_placeholder = _is_placeholder(token_version)
    agrees = is_named if is_shared or is_placeholder else has_consent
    if agrees(credentials.token_secrets, token_version.arn):
        return
    name, ours = secret_name(token_version.arn), credentials_version.secret_id
    command = init_command(ours, name, "--bind-only")
    if is_shared:
        raise ConfigError(
            f"token secret {name}: is its own credentials secret, which token_secrets has to name"
            f" exactly, not by a pattern; remove its tag {BINDING_TAG}, or, if it should hold both:"
            f" {command}"
        )
    if is_placeholder and has_consent(credentials.token_secrets, token_version.arn):
        raise ConfigError(
            f"token secret {name}: has an empty value, and token_secrets of its credentials secret"
            f" {ours} covers it by a pattern only, which does not count for empty values; if it"
            f" should hold a token: {command}"
        )
    raise ConfigError(
        f"token secret {name}: its credentials secret {ours} does not name it in token_secrets; if"
        f" it should: {command}"
    )


def _is_placeholder(version: StoredSecret) -> bool:
    """Whether the secret has a value with nothing in it: blank, or `{}`."""
    if version.text is None:
        return False
    try:
        return not version.text.reveal().strip() or not parse_fields(version)
    except ValueError:
        return False
