"""Protects values that are not tokens of this binding from being overwritten by one.

Names of secrets are easily confused, and whoever may tag a secret could have it overwritten.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.commands import empty_command, init_command
from rotator.model.consent import is_named
from rotator.model.stored import (
    OWN_KEYS,
    holds_client_credentials,
    parse_token,
    refuse_other_tag,
)
from rotator.rotation.swapped_names import read_tags

if TYPE_CHECKING:
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.policy import NoTokenReason
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import Descriptions

__all__ = [
    "credentials_in_token_secret",
    "describe_replacement",
    "has_content",
    "refuse_foreign_content",
    "refuse_other_binding",
    "refuse_unwanted_token",
]

_EVERY_DOCUMENT = frozenset({"schema", "issued_at", "expires_at"})
"""Keys that every release writes into every token document, apart from the token."""

_NAMES = re.compile(r'"([^"\\]*)"\s*:')
_FOREIGN_NAMES = re.compile("client_?secret|private_?key|refresh_?token", re.IGNORECASE)


def refuse_foreign_content(
    credentials_version: StoredSecret,
    token_version: StoredSecret,
    *,
    stored: AccessToken | NoTokenReason,
    store: Descriptions,
    is_tagged: bool,
) -> None:
    """Raise ConfigError if the token would overwrite a value that is not a token of this binding.

    `stored` is what `parse_token` returns for `token_version`. With `is_tagged`, the binding was
    found by the tag of its token secret.
    """
    if credentials_version.arn == token_version.arn:  # one secret holds both
        return
    keys = _keys_or_none(token_version)
    if keys is not None and holds_client_credentials(keys):
        raise _holds_credentials(credentials_version, token_version, store=store)
    if isinstance(stored, AccessToken):
        return
    if is_tagged:
        if not _was_token_document(token_version, keys):
            raise ConfigError(
                f"token secret {token_version.secret_id}: holds a value that is not a token"
                f" document, which a token would overwrite; take the tag {BINDING_TAG} off it, or"
                f" store {{}} in it with {empty_command(token_version)}"
            )
        return
    # A malformed token document may be replaced too, if it has no other keys.
    if keys is not None and keys <= TOKEN_FIELDS and (not keys or keys & OWN_KEYS):
        refuse_other_binding(credentials_version, token_version, store=store)
        return
    tag = store.describe(token_version.secret_id).tags.get(BINDING_TAG)
    _refuse_other_tag(tag, credentials_version, token_version)
    if tag is None:
        ours = credentials_version.secret_id
        raise ConfigError(
            f"token secret {token_version.secret_id}: holds a value that is not a token document,"
            " which a token would overwrite; name another one, or bind this one with"
            f" {init_command(ours, token_version.secret_id, '--bind-only')}"
        )


def refuse_unwanted_token(
    credentials: ClientCredentials,
    credentials_version: StoredSecret,
    token_version: StoredSecret,
    *,
    stored: AccessToken | str,
) -> None:
    """Raise ConfigError for a first token in credentials that are meant for other token secrets.

    Once it is there, whoever reads it reads the client secret too, so a mistaken name must not put
    it there. `stored` is the token, or why there is none.
    """
    if credentials_version.arn != token_version.arn or stored != "token_missing":
        return
    entries, own = credentials.token_secrets, token_version.secret_id
    if not entries or is_named(entries, token_version.arn):
        return
    consent = init_command(own, own, "--bind-only")
    raise ConfigError(
        f"secret {own}: is named as credentials secret and as token secret, but holds no token, and"
        f" its field token_secrets names {', '.join(entries)}; name one of these as the token"
        f" secret, or, if this one is to hold both, run {consent} first"
    )


def _holds_credentials(
    credentials_version: StoredSecret, token_version: StoredSecret, *, store: Descriptions
) -> ConfigError:
    """The error for client credentials in the token secret; raises that for swapped names.

    The names are swapped only if the credentials secret has a token: its tag may be anybody's.
    """
    if not OWN_KEYS.isdisjoint(_keys_or_none(credentials_version) or ()):
        tags = read_tags(credentials_version, store=store)
        refuse_other_tag(credentials_version.secret_id, credentials_version.arn, tags)
    return credentials_in_token_secret(token_version)


def credentials_in_token_secret(token_version: StoredSecret) -> ConfigError:
    """The error for client credentials in a token secret, where consumers can read them."""
    return ConfigError(
        f"token secret {token_version.secret_id}: holds client credentials, which a token would"
        " overwrite; name another one, or this one as the credentials secret too; if they got"
        " into the token secret by mistake, consumers can read them: replace the client secret"
        f" at the provider, store {{}} here with {empty_command(token_version)}, and run again"
    )


def has_content(version: StoredSecret) -> bool:
    """Whether the version holds anything: `{}` is a common placeholder."""
    return _keys_or_none(version) != frozenset()


def describe_replacement(version: StoredSecret) -> str | None:
    """What runs do with a value that is no token, once the secret is bound; None for a token."""
    keys = _keys_or_none(version)
    subject = f"token secret {version.secret_id}: holds"
    if keys is not None and holds_client_credentials(keys):
        return f"{subject} client credentials, which no run overwrites; name another token secret"
    if isinstance(parse_token(version), AccessToken) or _was_token_document(version, keys):
        return None
    return (
        f"{subject} a value that is not a token document: the next `rotator run` that names both"
        " secrets replaces it; a run that finds the binding by its tag refuses it"
    )


def _was_token_document(version: StoredSecret, keys: frozenset[str] | None) -> bool:
    """Whether the version has no value, or one that rotator wrote, perhaps edited since.

    An `access_token` alone proves nothing: other programs store one in a secret too. A document
    that was edited by hand still has the other keys, even if it is no longer JSON.
    """
    text = version.text.reveal() if version.text is not None else ""
    if keys is None and text.lstrip("\ufeff \t\r\n").startswith("{"):
        keys = frozenset() if _FOREIGN_NAMES.search(text) else frozenset(_NAMES.findall(text))
        return _EVERY_DOCUMENT <= keys <= TOKEN_FIELDS
    return keys is not None and (not keys or _EVERY_DOCUMENT <= keys <= TOKEN_FIELDS)


def _keys_or_none(version: StoredSecret) -> frozenset[str] | None:
    """The keys of a version's JSON object, none without a value; None if it is no JSON object.

    Parsed leniently: a document with a repeated key is malformed, but its keys still show its kind.
    """
    if version.is_binary:
        return None
    text = version.text.reveal() if version.text is not None else ""
    try:
        value = json.loads(text.removeprefix("\ufeff")) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return frozenset(value) if isinstance(value, dict) else None


def refuse_other_binding(
    credentials_version: StoredSecret, token_version: StoredSecret, *, store: Descriptions
) -> None:
    """Raise ConfigError if the token secret's tag names other credentials.

    The job of those would replace the token again.
    """
    tags = read_tags(token_version, store=store)
    _refuse_other_tag(tags.get(BINDING_TAG), credentials_version, token_version)


def _refuse_other_tag(
    tag: str | None, credentials_version: StoredSecret, token_version: StoredSecret
) -> None:
    ours = credentials_version
    if tag is not None and not is_name_of(tag, ours.secret_id, ours.arn):
        raise ConfigError(
            f"token secret {token_version.secret_id}: its tag {BINDING_TAG} names the credentials"
            f" secret {tag}, not {ours.secret_id}; name another token secret, or change the tag"
        )
