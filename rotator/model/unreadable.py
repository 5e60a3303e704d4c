"""Errors for values of a credentials secret that cannot be parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rotator.errors import CredentialsError
from rotator.model.client_credentials import ClientCredentials
from rotator.model.commands import set_command

if TYPE_CHECKING:
    from rotator.model.secret import StoredSecret

__all__ = ["seems_to_hold_more", "unreadable_credentials"]

_QUOTED_KEY = r'"((?:[^"\\]|\\.)*)"\s*:'
_BARE_KEY = r"[{,]\s*([A-Za-z_]\w*)\s*:"  # PowerShell takes the quotes away


def seems_to_hold_more(version: StoredSecret) -> bool:
    """Whether the value's text has a key, at any depth, that is not one of client credentials."""
    text = version.text.reveal() if version.text is not None else ""
    if re.match(r"[\"']?\s*\{\s*\\", text.lstrip()):  # a shell has escaped the quotes
        text = text.replace('\\"', '"')
    text = text.replace("\0", "")  # UTF-16
    keys = {*re.findall(_QUOTED_KEY, text), *re.findall(_BARE_KEY, text)}
    return not keys <= ClientCredentials.KEYS


def unreadable_credentials(version: StoredSecret, problem: object) -> CredentialsError:
    """The error for such a value; its advice never loses what the value holds in addition."""
    secret_id = version.secret_id
    by_hand = (
        "correct the value by hand, in the console or with `aws secretsmanager put-secret-value"
        f" --secret-id {secret_id} --secret-string file://value.json`"
    )
    subject = f"credentials secret {secret_id}: {problem}"
    if seems_to_hold_more(version):
        return CredentialsError(
            f"{subject}, and seems to hold more than client credentials; {by_hand}"
        )
    replacement = set_command(secret_id, "< credentials.json")
    return CredentialsError(
        f"{subject}; {by_hand}, or replace it with complete client credentials as JSON:"
        f" {replacement}"
    )
