"""Which secrets may use a credentials secret: its consent, against confused deputies.

Whoever may tag a secret could name somebody else's credentials in the tag and receive a token (the
confused deputy problem, IAM user guide). So a binding that was found by a tag counts only if the
credentials secret names the token secret in `token_secrets`. In the same way, whoever may write one
credentials secret could name another in its `client_admin`, and have a token of that one sent to
any URL; so the other has to name it in `admin_of`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["has_consent", "is_consent_entry", "is_named", "only_name", "secret_name"]

# A name or an ARN (API reference, CreateSecret: letters, digits and /_+=.@-), or a prefix and "/*".
_ENTRY = r"[A-Za-z0-9/_+=.@:!-]{1,2048}|[A-Za-z0-9/_+=.@!-]{1,510}/\*"


def is_consent_entry(text: str) -> bool:
    """Whether `text` is allowed in `token_secrets` and `admin_of`; a bare `*` is not."""
    return re.fullmatch(_ENTRY, text) is not None


def has_consent(entries: Collection[str], arn: str) -> bool:
    """Whether one of `entries` names the secret with this ARN; case counts.

    An entry is the secret's exact name, its ARN, or a name that ends in `/*` for all below it.
    """
    name = secret_name(arn)
    return is_named(entries, arn) or any(
        entry.endswith("/*") and name.startswith(entry[:-1]) and len(name) >= len(entry)
        for entry in entries
    )


def is_named(entries: Collection[str], arn: str) -> bool:
    """Whether one of `entries` is the exact name or ARN of the secret with this ARN."""
    return not {secret_name(arn), arn}.isdisjoint(entries)


def only_name(entries: Collection[str]) -> str | None:
    """The one secret that `entries` name, None if it is not exactly one."""
    names = tuple(entries)
    return names[0] if len(names) == 1 and not names[0].endswith("*") else None


def secret_name(arn: str) -> str:
    """The name in a secret's full ARN, without the six characters that the service appends."""
    # arn:partition:secretsmanager:region:account:secret:name-AbCdEf
    return re.sub(r"-[A-Za-z0-9]{6}$", "", arn.split(":", 6)[-1])
