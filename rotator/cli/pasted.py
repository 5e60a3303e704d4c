"""Finds what people paste by mistake in place of a client id or a client secret.

Only what is passed in is checked: a stored value that works goes on working.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

from rotator.errors import ConfigError
from rotator.model.client_id import holds_any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "WAY_OF_JSON",
    "find_pasted_problem",
    "find_problem_with_adobe_id",
    "find_problem_with_scope",
    "is_json",
    "refuse_named_value",
    "refuse_pasted",
]

_NAMES_OF_VALUES = ("clientid", "clientsecret", "clientsecrets", "privatekey")
WAY_OF_JSON = "pass JSON on standard input (`< client.json`)"
_NAMED = "has a name in front of it"
_QUOTES = ("\"'`\u2018\u201c", "\"'`\u2019\u201d")
_JSON_LITERALS = ("null", "true", "false")  # RFC 8259 section 3
_NAMED_VALUE = r"(?:export\s+)?[\"']?([A-Za-z][\w. -]{0,60})[\"']?\s*[=:]"


def find_pasted_problem(
    text: str, *, client_id: str | None = None, secret_id: str | None = None
) -> str | None:
    """Why `text` cannot be the client secret of this client, or its id; None if it can.

    `secret_id` is the credentials secret that has this client id already, None for a new one.
    RFC 6749 (appendix A) allows printable ASCII; accents and the like are left to the provider, but
    nobody means a character that cannot be seen.
    """
    if not text:
        return "missing"
    if re.search("[\ud800-\udfff]", text):  # bytes that could not be decoded
        return "is not UTF-8 text; type it, or copy it as plain text"
    if _has_name(text):
        return f"{_NAMED}; pass the value alone"
    if _is_quoted(text) and text.startswith('"'):
        return "is in double quotes; type it without them"
    if is_json(text):
        return f"is JSON, or begins like it; type the value alone, or {WAY_OF_JSON}"
    if client_id is not None and holds_any(client_id, [text]):
        from rotator.rotation.credentials import explain_swap

        which = "is the client id" if text == client_id else "is a part of the client id"
        problem = f"{which}; copy the client secret, which the provider shows separately"
        return problem + explain_swap(secret_id)
    return _find_invisible(text)


def find_problem_with_adobe_id(client_id: object) -> str | None:
    """Why this cannot be a client id at Adobe: consumers can read it, and it is no secret."""
    if isinstance(client_id, str) and "p8e-" in client_id:
        kind = "looks like" if client_id.startswith("p8e-") else "holds"
        return (
            f"{kind} a client secret of Adobe's (p8e-...), and consumers can read the client id;"
            " copy the client ID, which the console shows separately"
        )
    return None


def find_problem_with_scope(scope: object) -> str | None:
    """Why this can't be a scope (RFC 6749 section 3.3: no double quote, no backslash), or None.

    The other characters that it can't have are refused in every text, with the field's name.
    """
    if isinstance(scope, str) and not {'"', "\\"}.isdisjoint(scope):
        return 'has a " or a \\, which no scope can have; pass the scopes alone'
    return None


def is_json(text: str) -> bool:
    """Whether `text` is meant as JSON, and not as a client id or a client secret."""
    return text.startswith(("{", "[", '"')) or text in _JSON_LITERALS


def refuse_named_value(text: str) -> None:
    """Raise ConfigError for a line of settings in place of a client secret: `SECRET=...`."""
    if _has_name(text):
        raise ConfigError(
            f'client secret: {_NAMED}; pass the value alone, or as {{"client_secret": "..."}}'
        )


def _has_name(text: str) -> bool:
    named = re.match(_NAMED_VALUE, text)
    name = re.sub("[^a-z]", "", named[1].lower()) if named else ""
    return name.endswith(_NAMES_OF_VALUES)


def _find_invisible(text: str) -> str | None:
    hidden = next(filter(_is_invisible, text), None)
    if hidden is None:
        return None
    kind, cause = "an invisible character", "copying from a page or a document can"
    if unicodedata.category(hidden) == "Cc":
        kind, cause = "a control character", "an arrow key, a line break or pasting can"
    return f"has {kind} (U+{ord(hidden):04X}), as {cause} add; type it, or copy it as plain text"


def refuse_pasted(fields: Mapping[str, Any]) -> None:
    """Raise ConfigError for invisible characters in the client id or a client secret.

    JSON in place of the client id is refused too: consumers can read what it holds. A space in one,
    or quotes around it, are only pointed out.
    """
    client_id = fields.get("client_id")
    if isinstance(client_id, str) and client_id.lstrip().startswith(("{", "[")):
        raise ConfigError("client_id: is JSON, or begins like it; pass the client id alone")
    for name in ("client_id", "client_secret"):
        value = fields.get(name)
        texts = value if isinstance(value, list) else [value]
        for text in (text for text in texts if isinstance(text, str) and text.strip()):
            problem = _find_invisible(text)
            if problem is not None:
                raise ConfigError(f"{name.replace('_', ' ')}: {problem}")
            unusual = ["has a space in it"] if " " in text.strip() else []
            unusual += ["has quotes around it, which are stored too"] if _is_quoted(text) else []
            for each in unusual:
                note = f"rotator: {name}: {each}; if that is a mistake, store it again"
                print(note, file=sys.stderr)


def _is_invisible(char: str) -> bool:
    """Whether it is not shown; surrogates are refused for all values, with their name."""
    return not char.isprintable() and unicodedata.category(char) != "Cs"


def _is_quoted(text: str) -> bool:
    before, after = _QUOTES
    return len(text) > 1 and text[0] in before and text[-1] in after
