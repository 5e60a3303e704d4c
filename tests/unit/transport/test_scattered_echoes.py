"""A secret that a server repeats in pieces, or in odd escapes, is not shown in pieces either."""

import json
import re
from collections.abc import Callable

import pytest

from rotator.model.secret import Secret
from rotator.transport.redaction import Redactor

SECRETS = {
    "like Entra's": "aB~8Q~kLmN.oPqRsT_uVwXyZ-hG5tRb8nHd2",
    "letters and digits": "cAnArY9xQ7zW3kLmPv5tRb8nHd2",
    "a phrase": "correct horse battery staple",
}


def grouped(chars: int, separator: str) -> Callable[[str], str]:
    def echo(secret: str) -> str:
        return separator.join(secret[at : at + chars] for at in range(0, len(secret), chars))

    return echo


def each(template: str) -> Callable[[str], str]:
    return lambda secret: "".join(template.format(ord(c)) for c in secret)


def where_needed(template: str) -> Callable[[str], str]:
    return lambda secret: "".join(c if c.isalnum() else template.format(ord(c)) for c in secret)


ECHOES: dict[str, Callable[[str], str]] = {
    "lines": grouped(4, "\n"),
    "lines of HTML": grouped(4, "<br>"),
    "cells of HTML": grouped(6, "</td><td>"),
    "lines within a string": grouped(4, "\\n"),
    "lines of Windows within a string": grouped(6, "\\r\\n"),
    "lines as references": grouped(4, "&#10;"),
    "soft hyphens": grouped(4, "&shy;"),
    "zero width": grouped(4, "\u200b"),
    "zero width, escaped": grouped(4, "\\u200b"),
    "continued lines": grouped(4, "\\\n"),
    "soft line breaks": grouped(4, "=\n"),
    "escape of JavaScript": each("%u{:04X}"),
    "code points of JavaScript": each("\\u{{{:x}}}"),
    "code points of Perl": each("\\x{{{:x}}}"),
    "code points of Python": each("\\U{:08x}"),
    "quoted-printable": where_needed("={:02X}"),
    "quoted-printable throughout": each("={:02X}"),
    "names of XML": where_needed("_x{:04X}_"),
    "object of JSON": lambda secret: json.dumps(dict(enumerate(secret))),
    "array of JSON": lambda secret: json.dumps(list(secret)),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("fold", [str, str.upper])
def test_secret_in_pieces_is_not_shown_in_pieces(
    secret: str, echo: Callable[[str], str], fold: Callable[[str], str]
) -> None:
    told = f"bad credentials: {echo(fold(secret))} (sorry)"

    shown = Redactor.of(Secret(secret)).redact_line(told, max_chars=200) or ""

    left = re.sub("[^a-z0-9]", "", shown.lower())
    repeated = re.sub("[^a-z0-9]", "", secret.lower())
    assert not any(repeated[at : at + 6] in left for at in range(len(repeated) - 5))
    assert shown == "***" or shown.startswith("bad credentials: ***")


def test_pieces_that_only_together_are_a_secret_are_not_shown() -> None:
    secret = SECRETS["letters and digits"]
    redactor = Redactor.of(Secret(secret))
    pieces = [
        " ".join(secret[at : at + 3] for at in range(start, start + 9, 3)) for start in (0, 9)
    ]

    shown = [redactor.redact_line(piece, max_chars=64) for piece in pieces]

    assert shown == pieces
    assert redactor.redact_together(*shown, None) == ("***", "***", None)
    assert redactor.redact_together("invalid_client", None) == ("invalid_client", None)


SAID = {
    "Entra": "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the"
    " request is the client secret value, not the client secret ID, for a secret added to app"
    " 'd3590ed6-52b3-4102-aeff-aad2292ab01c'. Trace ID: 5f3b1c9a-0d3e-4a53-9c5e-1f2a6b7c8d9e",
    "the standard": "Client authentication failed (e.g., unknown client, no client authentication"
    " included, or unsupported authentication method); the horse is right, the staple is not",
    "Adobe": "invalid client_secret parameter",
    "numbers": "code 401, retry in 30 s, limit 100 per 60 s, 7 of 10 used since 1769850000",
    "a token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
    "ids": "request 7c1e2d9c4b0a69f88796a5b4c3d27e11 at 2026-11-28T00:44:10.123456Z took 17 of 30",
}


@pytest.mark.parametrize(
    "secret",
    [
        *SECRETS.values(),
        "0123456789abcdef0123456789abcdef",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "p8e-canary-of-the-client-secret",
        "kq7Jx0Rw",
        "A1b2C3d4E5",
        'p8e-canary/of+the:client=secret"<&>% é',
        "A" * 40,
    ],
)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_what_providers_say_is_not_taken_for_an_echo(secret: str, said: str) -> None:
    assert Redactor.of(Secret(secret)).redact_line(said, max_chars=400) == said
