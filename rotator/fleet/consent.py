"""A binding that was found by a tag needs the consent of the credentials that the tag names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.consent import has_consent, is_consent_entry, secret_name
from rotator.model.secret import StoredSecret
from rotator.model.stored import parse_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.errors import RotatorError
    from rotator.fleet.settings import FleetBinding
    from rotator.model.client_credentials import ClientCredentials

__all__ = ["is_confirmed", "require_consent"]


def is_confirmed(
    fleet_binding: FleetBinding, versions: Mapping[str, StoredSecret | RotatorError]
) -> bool:
    """Whether more than a tag says that there is this binding.

    The value of its credentials secret does, whatever else is wrong with it: whoever may only tag
    secrets cannot write there. Of one that cannot be read nobody knows.
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
    named = [text for text in texts if isinstance(text, str) and is_consent_entry(text)]
    return has_consent(named, token_version.arn)


def require_consent(
    credentials: ClientCredentials, *, credentials_secret: str, token_secret_arn: str
) -> None:
    """Raise ConfigError unless the credentials name the token secret themselves."""
    if not has_consent(credentials.token_secrets, token_secret_arn):
        name = secret_name(token_secret_arn)
        raise ConfigError(
            f"token secret {name}: its credentials secret {credentials_secret} does not name"
            f" it in token_secrets; if it should: rotator init --bind-only --credentials-secret"
            f" {credentials_secret} --token-secret {name}"
        )
