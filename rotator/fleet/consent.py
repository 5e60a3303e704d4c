"""What was found through a tag needs the consent of the credentials that the tag names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.consent import has_consent, secret_name

if TYPE_CHECKING:
    from rotator.model.client_credentials import ClientCredentials

__all__ = ["require_consent"]


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
