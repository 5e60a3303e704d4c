"""Reads a client's settings and secrets from flags, the terminal and standard input."""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any

from rotator.errors import ConfigError

if TYPE_CHECKING:
    import argparse

__all__ = [
    "ADOBE_SCOPES",
    "add_client_settings",
    "ask_changes",
    "ask_client_secret",
    "ask_credentials",
    "combine",
    "expand_adobe_scope",
    "expand_scope",
    "given_settings",
    "has_unread_input",
]

ADOBE_SCOPES = {
    "basic": "openid,AdobeID,read_organizations",
    "firefly": "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis",
    "photoshop": "openid,AdobeID,firefly_api,ff_apis",
}
"""The scopes in Adobe's documentation: Server-to-Server authentication, Firefly Services, and the
authentication page of the Photoshop API."""

_NAMES = ("provider", "token_url", "issuer", "scope", "audience")
_MAX_CHARACTERS = 1_000_000
_NAMES_OF_VALUES = ("clientid", "clientsecret", "clientsecrets", "privatekey")
_JSON_LITERALS = ("null", "true", "false")  # RFC 8259 section 3


def add_client_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options for a client's settings, none of which is a secret."""
    parser.add_argument(
        "--provider", metavar="NAME", help="adobe-ims, auth0, entra-id, okta, ..., generic"
    )
    parser.add_argument("--token-url", metavar="URL", help="the provider's token endpoint")
    parser.add_argument(
        "--issuer", metavar="URL", help="discover the token endpoint from this issuer"
    )
    parser.add_argument(
        "--scope",
        metavar="SCOPE",
        help="the scope to request; for Adobe also a name: " + ", ".join(ADOBE_SCOPES),
    )
    parser.add_argument(
        "--audience",
        metavar="TEXT",
        help="the audience to request, if the provider needs one (Auth0)",
    )


def given_settings(args: argparse.Namespace) -> dict[str, str]:
    """The settings that were given as flags, including empty ones."""
    given = {name: getattr(args, name) for name in _NAMES}
    return {name: text for name, text in given.items() if text is not None}


def expand_scope(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of client credentials, with a short name of `ADOBE_SCOPES` expanded.

    Raises ConfigError for a word that only resembles a short name.
    """
    from rotator.model.client_credentials import canonical_name
    from rotator.model.providers import DEFAULT_PRESET, implied_provider

    address = fields.get("token_url") or fields.get("issuer")
    implied = implied_provider(address if isinstance(address, str) else None)
    if (fields.get("provider") or implied) != DEFAULT_PRESET:
        return fields
    return {
        name: expand_adobe_scope(value) if canonical_name(name) == "scope" else value
        for name, value in fields.items()
    }


def expand_adobe_scope(scope: object) -> object:
    """The scope that a short name of `ADOBE_SCOPES` stands for; anything else as it is.

    Raises ConfigError for a word that only resembles a short name.
    """
    from rotator.errors import did_you_mean

    word = scope[0] if isinstance(scope, list) and len(scope) == 1 else scope
    if not isinstance(word, str) or re.search(r"[,\s]", word):
        return scope
    if word in ADOBE_SCOPES:
        return ADOBE_SCOPES[word]
    is_adobes_own = word in ",".join(ADOBE_SCOPES.values()).split(",")
    meant = None if is_adobes_own else did_you_mean(word, ADOBE_SCOPES)
    if meant is not None:
        raise ConfigError(f"scope: unknown; did you mean {meant}?")
    return scope


def combine(settings: dict[str, str], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of standard input and of flags; raises ConfigError if they contradict."""
    for name in settings.keys() & fields.keys():
        full = ADOBE_SCOPES.get(settings[name]) if name == "scope" else None
        if fields[name] not in (settings[name], full):
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"standard input: {name} differs from {flag}; pass it once")
    return {**fields, **settings}


def has_unread_input() -> bool:
    """Whether standard input may have data; it isn't read, because that could block."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # closed, or none at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def ask_credentials(settings: dict[str, str]) -> dict[str, Any]:
    """The fields of the credentials secret: `settings`, and the others.

    The others are asked for at the terminal, or read from standard input as JSON. Raises
    ConfigError for missing, malformed or contradictory input.
    """
    if not sys.stdin.isatty():
        way_out = 'pass {"client_id": "...", "client_secret": "..."}, or run this at a terminal'
        fields = _parse_object(_read_text(way_out), way_out)
        combine(settings, fields)
        from rotator.rotation.credentials import merge_settings

        # The download of Adobe's console contains scopes, which a flag replaces.
        return expand_scope(merge_settings(fields, settings))
    from rotator.cli.prompts import ask, ask_settings
    from rotator.rotation.credentials import credentials_text

    asked = expand_scope(ask_settings(settings))
    # Refuse wrong settings before the client secret is asked for.
    credentials_text({**asked, "client_id": "unknown", "client_secret": "unknown"})
    return {**asked, "client_id": ask("client id: "), "client_secret": ask_client_secret()}


def ask_client_secret() -> str:
    """The client secret, from a prompt or standard input, as text or `{"client_secret": ...}`.

    Raises ConfigError if it is missing, or is any other JSON.
    """
    given = ask_changes()
    secret = given.pop("client_secret", None)
    if given or not isinstance(secret, str):
        raise ConfigError(
            'client secret: is JSON; pass it as {"client_secret": "..."} and nothing else,'
            " or as plain text"
        )
    return secret


def ask_changes() -> dict[str, Any]:
    """The new client secret, or the fields of a JSON object on standard input.

    Raises ConfigError for other JSON, which is never a client secret.
    """
    text = _ask_secret_text()
    _refuse_named_value(text)
    if not text.startswith(("{", "[", '"')) and text not in _JSON_LITERALS:
        return {"client_secret": text}
    from rotator.errors import replace_error
    from rotator.model.client_credentials import (
        ClientCredentials,
        explain_misspelling,
        rename_adobe_keys,
    )

    fields = _parse_object(text)
    # A null may remove any field. The message never quotes a key, which may be a secret.
    for name in (name for name, value in fields.items() if value is not None):
        if name not in ClientCredentials.KEYS:
            otherwise = "has an unknown key; docs/providers.md lists the keys"
            raise ConfigError(f"standard input: {explain_misspelling(name) or otherwise}")
    return replace_error(
        lambda: rename_adobe_keys(fields),
        ValueError,
        lambda error: ConfigError(f"standard input: {error}"),
    )


def _refuse_named_value(text: str) -> None:
    """Raise ConfigError for a value with its name: `CLIENT_SECRET=...`, `client_id: ...`."""
    named = re.match(r"(?:export\s+)?[\"']?([A-Za-z][\w.-]*)[\"']?\s*[=:]", text)
    name = re.sub("[^a-z]", "", named[1].lower()) if named else ""
    if name.endswith(_NAMES_OF_VALUES):
        raise ConfigError(
            "client secret: has a name in front of it; pass the value alone, or as"
            ' {"client_secret": "..."}'
        )


def _ask_secret_text() -> str:
    if not sys.stdin.isatty():
        return _read_text("pipe the client secret in, or run this at a terminal").strip()
    from rotator.cli.prompts import ask_secret

    return ask_secret("client secret")


def _parse_object(text: str, way_out: str = "") -> dict[str, Any]:
    from rotator.errors import replace_error
    from rotator.model.fields import load_object

    hint = f"; {way_out}" if way_out else ""
    return replace_error(
        lambda: load_object(text),
        ValueError,
        lambda error: ConfigError(f"standard input: {error}{hint}"),
    )


def _read_text(way_out: str) -> str:
    problem = f"is empty; {way_out}"
    try:
        # Windows PowerShell and Notepad put a byte order mark in front.
        text = sys.stdin.read(_MAX_CHARACTERS).removeprefix("\ufeff")
        if text.strip():
            return text
    except UnicodeError:  # which has the bytes
        problem = "is not UTF-8 text; save it as UTF-8"
    raise ConfigError(f"standard input: {problem}")
