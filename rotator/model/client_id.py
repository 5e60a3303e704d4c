"""Recognizes what is no client id, or no secret's name, but a client secret or holds one.

Client ids are shown, logged and read by consumers, and names are sent to AWS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["find_client_secret", "holds_any", "is_adobe_secret", "mask_client_id"]

_P8E = r"p8e-[\w-]{6,}"  # what Adobe's client secrets look like
_MIN_CHARS = 8
"""A shorter client secret may occur in another text by chance."""


def is_adobe_secret(name: str) -> bool:
    """Whether this is a client secret of Adobe's, in place of a secret's name."""
    return re.match(_P8E, name) is not None


def find_client_secret(client_id: str, client_secrets: Iterable[object] = ()) -> str | None:
    """Why this client id must not be shown; None if it may be.

    `client_secrets` are those that belong to it. JSON in its place may hold one too.
    """
    if holds_any(client_id, client_secrets):
        return "holds the client secret"
    if re.search(_P8E, client_id):
        return "holds a client secret of Adobe's (p8e-...)"
    if client_id.startswith(("{", "[")):
        return "is JSON, which may hold a client secret"
    return None


def holds_any(text: str, client_secrets: Iterable[object]) -> bool:
    """Whether the text, a client id or a setting, is or holds one of these client secrets."""
    return any(
        each == text or (len(each) >= _MIN_CHARS and each in text)
        for each in client_secrets
        if isinstance(each, str)
    )


def mask_client_id(client_id: str, client_secrets: Iterable[object] = ()) -> str:
    """The client id as it may be shown."""
    return "***" if find_client_secret(client_id, client_secrets) else client_id
