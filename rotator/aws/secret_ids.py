"""Names and ARNs of secrets, as users give them."""

from __future__ import annotations

import re

from rotator.errors import ConfigError
from rotator.model.client_id import is_adobe_secret
from rotator.model.commands import UNKNOWN

__all__ = ["arn_region", "check_secret_id", "is_secret_arn", "is_secret_id", "shared_region"]

# A name takes letters, digits and /_+=.@- (API reference, CreateSecret), those of other AWS
# services have a ! in them, and ARNs colons; at most 2048 characters (GetSecretValue: SecretId).
_SECRET_ARN = re.compile(r"arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:.")
SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@:!-]{1,2048}")


def check_secret_id(label: str, text: str) -> str:
    """`text`, if it can be a secret's name or ARN; else raises ConfigError, which names `label`."""
    if not text.strip():
        raise ConfigError(f"{label}: is empty; give a secret's name or ARN")
    if text == UNKNOWN:
        raise ConfigError(f"{label}: {UNKNOWN} stands for a secret's name; give that, or its ARN")
    if is_adobe_secret(text):
        raise ConfigError(
            f"{label}: looks like a client secret of Adobe's (p8e-...), and takes a secret's name;"
            " pass the client secret at the prompt or on standard input, and replace it at the"
            " provider if others can see the command line or the variable"
        )
    if not is_secret_id(text):
        raise ConfigError(f"{label}: is not a valid secret name or ARN")
    if text.startswith("arn:") and not is_secret_arn(text):
        raise ConfigError(f"{label}: is an ARN, but not that of a secret; give a secret's")
    return text


def is_secret_id(text: str) -> bool:
    """Whether `text` can be a secret's name or ARN; a client secret in its place can't."""
    return SECRET_ID.fullmatch(text) is not None and not is_adobe_secret(text)


def is_secret_arn(text: str) -> bool:
    """Whether `text` is the ARN of a secret, or a partial one."""
    return _SECRET_ARN.match(text) is not None


def arn_region(secret_id: str | None) -> str | None:
    """The region that an ARN names, None for a name."""
    # arn:partition:secretsmanager:region:account:secret:name
    parts = (secret_id or "").split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 3 else None  # noqa: PLR2004


def shared_region(token_secret: str, credentials_secret: str | None) -> str | None:
    """The region in the secrets' ARNs, None if both are names; raises ConfigError if two differ."""
    named = {region for id_ in (token_secret, credentials_secret) if (region := arn_region(id_))}
    if len(named) > 1:
        raise ConfigError("credentials secret and token secret: their ARNs name different regions")
    return named.pop() if named else None
