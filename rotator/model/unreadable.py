"""Errors for values of a credentials secret that cannot be parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rotator.errors import CredentialsError, aws_command
from rotator.model.client_credentials import (
    PROVIDER_FIELDS,
    ClientCredentials,
    canonical_name,
)
from rotator.model.commands import set_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.model.secret import StoredSecret

__all__ = [
    "find_lost_fields",
    "refuse_lost_provider",
    "seems_to_hold_more",
    "unreadable_credentials",
]

_KEYS = (
    r'"((?:[^"\\]|\\.)*)"\s*:',
    r"'([^'\n]*)'\s*:",  # Python's repr, YAML
    r"[\u201c-\u201f]([^\u201c-\u201f\n]*)[\u201c-\u201f]\s*:",  # a word processor's quotes
    r"[{,]\s*([A-Za-z_]\w*)\s*:",  # PowerShell takes the quotes away
    r"\n[ \t]*([A-Za-z_]\w*):\s",  # YAML
)
_NAMES_PROVIDER = r"(?i:token[ _-]?(?:ur[il]|endpoint)|issuer|provider)"
_QUOTE = r"[\\\"'`\u2018-\u201f]"  # of any kind, and what escapes it


def seems_to_hold_more(version: StoredSecret) -> bool:
    """Whether the value's text has a key, at any depth, that is not one of client credentials."""
    text = _plain_text(version)
    if re.match(r"[\"']?\s*\{\s*\\", text.lstrip()):  # a shell has escaped the quotes
        text = text.replace('\\"', '"')
    keys = {key for pattern in _KEYS for key in re.findall(pattern, text)}
    return not keys <= ClientCredentials.KEYS


def find_lost_fields(version: StoredSecret, kept: Mapping[str, object]) -> list[str]:
    """The fields that this value's text names, and that `kept` does not have.

    What names the provider is found in any spelling: it decides who gets the client secret. It is
    not lost where `kept` names one, in whichever way.
    """
    others = "|".join(sorted(ClientCredentials.KEYS.difference(PROVIDER_FIELDS)))
    named = {canonical_name(name) for name in _find_keys(version, rf"\b(?:{others})\b")}
    present = {canonical_name(name) for name, value in kept.items() if value}
    if present.isdisjoint(PROVIDER_FIELDS):
        named |= _find_provider_names(version)
    return sorted(named - present)


def refuse_lost_provider(version: StoredSecret, replacement: Mapping[str, object]) -> None:
    """Raise CredentialsError if the value names a provider, and what replaces it doesn't."""
    names = _find_provider_names(version)
    if not names or any(replacement.get(name) for name in PROVIDER_FIELDS):
        return
    raise CredentialsError(
        f"credentials secret {version.secret_id}: cannot be read, and would lose"
        f" {', '.join(find_lost_fields(version, replacement))}; without {', '.join(sorted(names))}"
        " the client secret would go to Adobe; name the provider in the same JSON, with token_url,"
        " issuer or provider (adobe-ims for Adobe)"
    )


def _find_provider_names(version: StoredSecret) -> set[str]:
    return {name.lower() for name in _find_keys(version, _NAMES_PROVIDER)}


def _find_keys(version: StoredSecret, names: str) -> set[str]:
    """What of `names`, a pattern, stands where a key may stand, in a format or a mangled one.

    Not what is joined to other words in a value: a scope `identity-provider:read`, a host
    `login.provider.example`. In doubt it is a key.
    """
    before, after = r"\w{0,40}", r"[\w-]{0,40}"  # bounded, or a long word takes long
    positions = (
        rf"({names}){after}(?:{_QUOTE}*\s*[=>]|{_QUOTE}+\s*:|\s*:(?=\s|{_QUOTE}|[\[{{]|$))",
        rf"(?<![\w./:-]){before}({names}){after}\s*:",  # no white space after it, and no quotes
        rf"(?m:^|--)[ \t]*({names}){after}[ \t]",  # a table, or a command line
        rf"(?<![:=])(?<![:=]\s)(?<!{_QUOTE}){_QUOTE}+{before}({names}){after}{_QUOTE}",  # a list
    )
    text = _plain_text(version)
    return {name for position in positions for name in re.findall(position, text)}


def _plain_text(version: StoredSecret) -> str:
    text = version.text.reveal() if version.text is not None else ""
    return text.replace("\0", "")  # UTF-16


def unreadable_credentials(version: StoredSecret, problem: object) -> CredentialsError:
    """The error for such a value; its advice never loses what the value holds in addition."""
    secret_id = version.secret_id
    put = aws_command(
        "put-secret-value",
        secret_id,
        "--secret-string file://value.json",
        region=version.region,
    )
    by_hand = f"correct the value by hand, in the console or with `{put}`"
    subject = f"credentials secret {secret_id}: {problem}"
    if seems_to_hold_more(version):
        return CredentialsError(
            f"{subject}, and seems to hold more than client credentials; {by_hand}"
        )
    replacement = set_command(secret_id, "< credentials.json")
    names = ", ".join(sorted(_find_provider_names(version)))
    with_provider = f", which name the provider as this does ({names})" if names else ""
    return CredentialsError(
        f"{subject}; {by_hand}, or replace it with complete client credentials as"
        f" JSON{with_provider}: {replacement}"
    )
