"""Reads a client's settings and secrets from flags, the terminal and standard input."""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any

from rotator.cli.pasted import (
    find_problem_with_adobe_id,
    find_problem_with_scope,
    is_json,
    refuse_named_value,
    refuse_pasted,
)
from rotator.errors import ConfigError
from rotator.model.commands import set_command
from rotator.model.secret import Secret

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from rotator.model.json_text import JsonInput

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
    "is_for_adobe",
    "note_unknown_scope",
    "refuse_secret_as_adobe_id",
]

ADOBE_SCOPES = {
    "basic": "openid,AdobeID,read_organizations",
    "firefly": "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis",
    "photoshop": "openid,AdobeID,firefly_api,ff_apis",
}
"""The scopes in Adobe's documentation: Server-to-Server authentication, Firefly Services, and the
authentication page of the Photoshop API."""

_ADOBES_OWN = frozenset(",".join(ADOBE_SCOPES.values()).split(","))
_NAMES = ("provider", "token_url", "issuer", "scope", "audience")
_MAX_CHARACTERS = 1_000_000
_UTF_16 = "is UTF-16 text, or binary, as PowerShell can write; save it as UTF-8"


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
        help="the scope to request; for Adobe also one or several names: "
        + ", ".join(ADOBE_SCOPES),
    )
    parser.add_argument(
        "--audience",
        metavar="TEXT",
        help="the audience to request, if the provider needs one (Auth0)",
    )


def given_settings(args: argparse.Namespace, credentials_secret: str) -> dict[str, str]:
    """The settings of this secret that were given as flags; raises ConfigError for an empty one.

    It is more likely an unset variable of a script than meant.
    """
    given = {name: getattr(args, name) for name in _NAMES}
    for name, text in given.items():
        if text is not None and not text.strip():
            raise ConfigError(
                f"--{name.replace('_', '-')}: is empty; leave it out, or, to remove a stored one,"
                f' pass {{"{name}": null}} on standard input to'
                f" {set_command(credentials_secret)}"
            )
    return {name: text for name, text in given.items() if text is not None}


def expand_scope(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of client credentials, with short names of `ADOBE_SCOPES` expanded.

    Raises ConfigError for a word that only resembles a short name, and for a character that no
    scope can have.
    """
    from rotator.model.client_credentials import canonical_name

    for name, value in fields.items():
        for text in value if isinstance(value, list) else [value]:
            problem = find_problem_with_scope(text) if canonical_name(name) == "scope" else None
            if problem is not None:
                raise ConfigError(f"scope: {problem}")
    if not is_for_adobe(fields):
        return fields
    return {
        name: expand_adobe_scope(value) if canonical_name(name) == "scope" else value
        for name, value in fields.items()
    }


def refuse_secret_as_adobe_id(given: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Raise ConfigError if `given`, which `fields` include, has Adobe's client secret as its id."""
    problem = find_problem_with_adobe_id(given.get("client_id"))
    if problem is not None and is_for_adobe(fields):
        raise ConfigError(f"client_id: {problem}")


def is_for_adobe(fields: Mapping[str, Any]) -> bool:
    """Whether these are for Adobe IMS, named or implied."""
    from rotator.model.providers import DEFAULT_PRESET, implied_provider

    address = fields.get("token_url") or fields.get("issuer")
    implied = implied_provider(address if isinstance(address, str) else None)
    return (fields.get("provider") or implied) == DEFAULT_PRESET


def expand_adobe_scope(scope: object) -> object:
    """The scope with each short name of `ADOBE_SCOPES` expanded; without one it stays as it is.

    Raises ConfigError for a word that only resembles a short name, where one is expected.
    """
    words = _scope_words(scope)
    is_named = not ADOBE_SCOPES.keys().isdisjoint(words)
    if is_named or len(words) == 1:
        for word in words:
            _refuse_misspelled_scope(word)
    if not is_named:
        return scope
    expanded = [each for word in words for each in ADOBE_SCOPES.get(word, word).split(",")]
    return ",".join(dict.fromkeys(expanded))


def note_unknown_scope(fields: Mapping[str, Any]) -> None:
    """Print a note if the scope is one word that Adobe's pages don't have.

    It may be right, and only the provider knows.
    """
    words = _scope_words(next((fields[name] for name in ("scope", "SCOPES") if name in fields), ""))
    if is_for_adobe(fields) and len(words) == 1 and words[0] not in _ADOBES_OWN:
        print(
            "rotator: scope: is stored as it was passed, but is not in Adobe's documentation; the"
            f" names for that are {', '.join(ADOBE_SCOPES)}",
            file=sys.stderr,
        )


def _scope_words(scope: object) -> list[str]:
    """The words of a scope; none if it isn't text or a list of texts, which is refused later."""
    texts = scope if isinstance(scope, list) else [scope]
    if not all(isinstance(text, str) for text in texts):
        return []
    return [word for text in texts for word in re.split(r"[,\s]+", str(text)) if word]


def _refuse_misspelled_scope(word: str) -> None:
    from rotator.errors import did_you_mean

    meant = (
        None if word in _ADOBES_OWN or word in ADOBE_SCOPES else did_you_mean(word, ADOBE_SCOPES)
    )
    if meant is not None:
        raise ConfigError(
            f"scope: unknown; did you mean {meant}? The names are {', '.join(ADOBE_SCOPES)}; any"
            " other scope goes with openid, as Adobe lists it: openid,AdobeID,..."
        )


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


def ask_credentials(settings: dict[str, str]) -> JsonInput:
    """The content of the credentials secret: `settings`, and the others.

    The others are asked for at the terminal, or read from standard input as JSON. Raises
    ConfigError for missing, malformed or contradictory input.
    """
    from rotator.cli.demo_shell import use_demo_endpoint
    from rotator.model.json_text import JsonInput
    from rotator.rotation.credentials import merge_settings, refuse_secret_as_id

    text = "{}"
    if sys.stdin.isatty():
        from rotator.cli.prompts import ask_client

        fields = ask_client(settings)
        refuse_pasted(fields)
    else:
        way_out = 'pass {"client_id": "...", "client_secret": "..."}, or run this at a terminal'
        text = _read_text(way_out)
        fields = _parse_object(text, way_out)
        combine(settings, fields)
        renamed = _normalize_keys(fields)
        refuse_pasted(renamed)
        # The download of Adobe's console contains scopes, which a flag replaces.
        fields = use_demo_endpoint(expand_scope(merge_settings(fields, settings)))
        refuse_secret_as_id(fields)
        refuse_secret_as_adobe_id(renamed, fields)
    note_unknown_scope(fields)
    return JsonInput(fields, Secret(text))


def ask_client_secret(secret_id: str, client_id: str | None = None) -> str:
    """The client secret, from a prompt or standard input, as text or `{"client_secret": ...}`.

    The arguments are those of `ask_changes`. Raises ConfigError if it is missing, or is any other
    JSON.
    """
    given = ask_changes(secret_id, client_id).fields
    secret = given.pop("client_secret", None)
    if given or not isinstance(secret, str):
        raise ConfigError(
            'client secret: is JSON; pass it as {"client_secret": "..."} and nothing else,'
            " or as plain text"
        )
    return secret


def ask_changes(secret_id: str, client_id: str | None = None) -> JsonInput:
    """The new client secret, or the fields of a JSON object on standard input.

    At a prompt, the client id of this credentials secret is refused. Raises ConfigError for other
    JSON, which is never a client secret.
    """
    from rotator.model.json_text import JsonInput

    text = _ask_secret_text(secret_id, client_id)
    if is_json(text):
        fields = _parse_changes(text)
    else:
        refuse_named_value(text)
        if "\n" in text or "\r" in text:
            raise ConfigError(
                "standard input: has several lines; pass the client secret alone, on one line, and"
                " other keys as a JSON object"
            )
        text, fields = "{}", {"client_secret": text}
    refuse_pasted(fields)
    return JsonInput(fields, Secret(text))


def _parse_changes(text: str) -> dict[str, Any]:
    from rotator.model.client_credentials import ClientCredentials, explain_misspelling

    fields = _parse_object(
        text, 'pass the client secret as plain text, or as {"client_secret": "..."}'
    )
    # A null may remove any field.
    for number, (name, value) in enumerate(fields.items(), 1):
        if value is not None and name not in ClientCredentials.KEYS:
            problem = explain_misspelling(name) or _unknown_key(name, number, len(fields))
            raise ConfigError(f"standard input: {problem}")
    return _normalize_keys(fields)


def _unknown_key(name: str, number: int, count: int) -> str:
    """Why a key is refused; it's quoted only if it is a token's, as it may be a secret."""
    from rotator.model.access_token import TOKEN_FIELDS

    if name in TOKEN_FIELDS:
        return f"has the key {name}, which belongs to a token; pass client credentials alone"
    return (
        f"has an unknown key, number {number} of {count}; for all keys see rotator credentials set"
        " --help"
    )


def _normalize_keys(fields: dict[str, Any]) -> dict[str, Any]:
    from rotator.errors import replace_error
    from rotator.model.client_credentials import rename_adobe_keys

    return replace_error(
        lambda: rename_adobe_keys(fields),
        ValueError,
        lambda error: ConfigError(f"standard input: {error}"),
    )


def _ask_secret_text(secret_id: str, client_id: str | None) -> str:
    if not sys.stdin.isatty():
        return _read_text("pipe the client secret in, or run this at a terminal").strip()
    from rotator.cli.prompts import ask_secret

    return ask_secret(client_id, secret_id=secret_id)


def _parse_object(text: str, way_out: str) -> dict[str, Any]:
    from rotator.errors import replace_error
    from rotator.model.fields import load_object

    return replace_error(
        lambda: load_object(text),
        ValueError,
        lambda error: ConfigError(f"standard input: {error}; {way_out}"),
    )


def _read_text(way_out: str) -> str:
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Whatever the locale; Python escapes what is not UTF-8 under POSIX and C.
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    problem = f"is empty; {way_out}"
    try:
        # Windows PowerShell and Notepad put a byte order mark in front.
        text = sys.stdin.read(_MAX_CHARACTERS).removeprefix("\ufeff")
        if "\0" in text:
            problem = _UTF_16
        elif text.strip():
            return text
    except UnicodeError as error:  # which has the bytes
        begin = error.object[:2] if isinstance(error, UnicodeDecodeError) else b""
        is_utf_16 = begin in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        problem = _UTF_16 if is_utf_16 else "is not UTF-8 text; save it as UTF-8"
    raise ConfigError(f"standard input: {problem}")
