"""Reads a client's settings and secrets from flags, the terminal and standard input."""

from __future__ import annotations

import contextlib
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
        name: _expand(value) if canonical_name(name) == "scope" else value
        for name, value in fields.items()
    }


def _expand(scope: object) -> object:
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
        fields = _parse_object(
            _read_text("pipe the credentials in as JSON, or run this at a terminal")
        )
        combine(settings, fields)
        from rotator.rotation.credentials import merge_settings

        # The download of Adobe's console contains scopes, which a flag replaces.
        return expand_scope(merge_settings(fields, settings))
    settings = _ask_provider(dict(settings))
    client_id = _ask("client id: ")
    if not client_id:
        raise ConfigError("client id: missing; run this again and type it")
    asked = {**settings, "client_id": client_id, "client_secret": ask_client_secret()}
    return expand_scope(asked)


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
    import getpass

    secret = ""
    with contextlib.suppress(EOFError):
        secret = getpass.getpass("client secret (not shown): ", stream=sys.stderr).strip()
    if not secret:
        raise ConfigError("client secret: missing; run this again and type it")
    return secret


def _parse_object(text: str) -> dict[str, Any]:
    from rotator.errors import replace_error
    from rotator.model.fields import load_object

    return replace_error(
        lambda: load_object(text), ValueError, lambda error: ConfigError(f"standard input: {error}")
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


def _ask_provider(settings: dict[str, str]) -> dict[str, str]:
    from rotator.errors import name_hint
    from rotator.model.providers import PRESETS

    if "provider" not in settings:
        default = "generic" if settings.keys() & {"token_url", "issuer"} else "adobe-ims"
        name = _ask(f"provider ({', '.join(PRESETS)}) [{default}]: ") or default
        if name not in PRESETS:
            hint = name_hint(name, PRESETS, otherwise="run this again and choose one of these")
            raise ConfigError(f"provider: unknown; {hint}")
        settings["provider"] = name
    preset = PRESETS.get(settings["provider"])
    if preset is None:  # from the flag; it is refused when all settings are validated
        return settings
    if not (preset.token_url or settings.keys() & {"token_url", "issuer"}):
        pattern = preset.token_url_pattern
        settings |= _answer("token_url", f"token URL{f' ({pattern})' if pattern else ''}: ")
    if "audience" in preset.needs and "audience" not in settings:
        settings |= _answer("audience", "audience: ")
    if "scope" not in settings:
        settings |= _ask_scope(preset.name)
    return settings


def _ask_scope(provider: str) -> dict[str, Any]:
    if provider != "adobe-ims":
        return _answer("scope", "scope (empty for none): ")
    for name, scope in ADOBE_SCOPES.items():
        print(f"  {name:<10} {scope}", file=sys.stderr)
    typed = _ask(f"scope ({', '.join(ADOBE_SCOPES)}, or your own) [basic]: ") or "basic"
    return {"scope": _expand(typed)}


def _answer(name: str, prompt: str) -> dict[str, str]:
    typed = _ask(prompt)
    return {name: typed} if typed else {}


def _ask(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
