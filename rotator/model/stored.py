"""What the two secrets hold, read from their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.errors import CredentialsError, SecretNotFound
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.fields import load_object

if TYPE_CHECKING:
    from rotator.model.policy import NoTokenReason
    from rotator.model.secret import StoredSecret

__all__ = ["parse_credentials", "parse_fields", "parse_token", "unusable_credentials"]


def parse_fields(secret: StoredSecret) -> dict[str, Any]:
    """The JSON object in it, empty if it has no value; raises ValueError for anything else."""
    if secret.is_binary:
        raise ValueError("is binary (SecretBinary); store it as text (SecretString)")
    return load_object(secret.text.reveal() if secret.text is not None else "{}")


def parse_credentials(version: StoredSecret) -> ClientCredentials:
    """The client credentials that a secret holds.

    Raises SecretNotFound if it has no value, CredentialsError if that cannot be used.
    """
    subject = f"credentials secret {version.secret_id}"
    if version.text is None:
        raise SecretNotFound(
            f"{subject}: has no value yet; store the client credentials with `rotator init`",
            operation="GetSecretValue",
            secret_id=version.secret_id,
        )
    problem: object
    try:
        return ClientCredentials.from_fields(parse_fields(version))
    except ValueError as error:
        problem = error
    raise unusable_credentials(version.secret_id, problem)


def unusable_credentials(secret_id: str, problem: object) -> CredentialsError:
    """The error for what a credentials secret says, with the command that corrects it."""
    return CredentialsError(
        f"credentials secret {secret_id}: {problem}; correct it with `rotator credentials set`"
    )


def parse_token(version: StoredSecret) -> AccessToken | NoTokenReason:
    """The token that a secret holds, or the reason that it holds none that could be used."""
    try:
        fields = parse_fields(version)
        return AccessToken.from_fields(fields) if "access_token" in fields else "token_missing"
    except ValueError:
        return "token_malformed"
