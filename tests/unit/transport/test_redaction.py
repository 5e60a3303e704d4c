"""What a server says is shown without the secrets in it, on one line, and not at any length."""

import base64
import json
import re
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.model.secret import Secret
from rotator.transport.redaction import Redactor, debug_id
from tests.support.python_process import run_python

CANARY = 'p8e-canary/of+the:client=secret"<&>% é'
REDACTOR = Redactor.of(Secret(CANARY))
LONG_ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8)


WHOLE = [
    CANARY,
    CANARY.upper(),
    quote(CANARY, safe=""),
    quote(CANARY, safe="").lower(),
    quote_plus(CANARY),
    json.dumps(CANARY)[1:-1],
    base64.b64encode(CANARY.encode()).decode(),
    base64.urlsafe_b64encode(CANARY.encode()).decode(),
    CANARY.encode().hex(),
]


@pytest.mark.parametrize(
    "echo",
    [
        *WHOLE,
        CANARY[:12],
        CANARY[-12:],
        CANARY.replace("canary", "canary\r\n"),
        json.dumps(CANARY, ensure_ascii=False),
        "p8e-canary/of+the:client=secret&quot;&lt;&amp;",
        base64.b64encode(f"id:{CANARY}".encode()).decode(),
        base64.b64encode(f"i:{CANARY}".encode()).decode(),
    ],
)
def test_secret_is_masked_however_it_is_echoed(echo: str) -> None:
    shown = REDACTOR.redact_line(f"wrong: [{echo}] sorry", max_chars=1000)

    assert shown is not None
    assert "***" in shown
    assert "canary" not in shown.lower()
    assert shown.startswith("wrong: ")
    assert shown.endswith("sorry")


@pytest.mark.parametrize("echo", WHOLE)
def test_nothing_of_a_secret_that_is_echoed_whole_is_left(echo: str) -> None:
    shown = REDACTOR.redact_line(f"wrong: [{echo}] sorry", max_chars=1000)

    assert shown is not None
    assert shown.replace("=", "") == "wrong: [***] sorry"


OCTETS = CANARY.encode()
DISGUISES = {
    "list of bytes": str(list(OCTETS)),
    "bytes of Go": str(list(OCTETS)).replace(",", ""),
    "bytes of Node": json.dumps({"type": "Buffer", "data": list(OCTETS)}),
    "signed bytes of Java": str([octet - 256 if octet > 127 else octet for octet in OCTETS]),
    "code points": ", ".join(f"U+{ord(c):04X}" for c in CANARY),
    "octal": " ".join(f"{octet:03o}" for octet in OCTETS),
    "binary": " ".join(f"{octet:08b}" for octet in OCTETS),
    "hex with colons": OCTETS.hex(":"),
    "hex with colons, a part": OCTETS[5:25].hex(":"),
    "hex with spaces": OCTETS.hex(" ").upper(),
    "hex with prefixes": ", ".join(f"0x{octet:02x}" for octet in OCTETS),
    "hex in groups": OCTETS.hex(" ", 2),
    "separators": "-".join(CANARY),
    "blanks": " ".join(CANARY),
    "two separators": " | ".join(CANARY.upper()),
    "groups": " ".join(CANARY[at : at + 4] for at in range(0, len(CANARY), 4)),
    "base64 twice": base64.b64encode(base64.b64encode(OCTETS)).decode(),
    "base64 twice, within JSON": base64.b64encode(
        json.dumps({"h": base64.b64encode(b"id:" + OCTETS).decode()}).encode()
    ).decode(),
    "base64 three times": base64.b64encode(base64.b64encode(base64.b64encode(OCTETS))).decode(),
    "base64 twice, in lines": base64.encodebytes(base64.encodebytes(OCTETS)).decode(),
    "base64 of hex": base64.b64encode(OCTETS.hex().encode()).decode(),
    "hex of base64": base64.b64encode(OCTETS).hex(),
    "list of bytes of base64": str(list(base64.b64encode(OCTETS))),
    "full-width letters": "".join(chr(ord(c) + 0xFEE0) for c in CANARY),
    "letters of mathematics": "".join(
        chr(ord(c) + 0x1D400 - ord("A")) if c.isupper() else c for c in CANARY.upper()
    ),
}


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("before", ["", "a", "at 12:30, 7 of "])
def test_text_that_repeats_a_secret_in_a_disguise_is_not_shown(disguise: str, before: str) -> None:
    """As servers dump what they were sent; where a dump begins and ends is guesswork."""
    echo = DISGUISES[disguise]

    shown = REDACTOR.redact_line(f"bad credentials: {before}{echo} (sorry)", max_chars=10_000)

    assert shown == "***"


@pytest.mark.parametrize(
    "secret", ["s3cr", "p8e-Zz", "kq7Jx0Rw", "A" * 40, "!$%&/()=?;:_", "café-größe-ñandú"]
)
@pytest.mark.parametrize(
    "disguise",
    [
        lambda secret: str(list(secret.encode())),
        lambda secret: base64.b64encode(base64.b64encode(secret.encode())).decode(),
        lambda secret: secret.encode().hex(":"),
    ],
)
def test_disguise_of_any_secret_is_seen(secret: str, disguise: Callable[[str], str]) -> None:
    shown = Redactor.of(Secret(secret)).redact(f"bad: {disguise(secret)}")

    assert shown == "***"


def test_control_characters_become_spaces() -> None:
    text = "\x1b[2Jall\r\nis\x00\u202e good\u2028"

    assert REDACTOR.redact_line(text, max_chars=100) == "[2Jall is good"


def test_long_text_is_cut() -> None:
    assert REDACTOR.redact_line("x" * 500, max_chars=10) == "x" * 9 + "…"


@pytest.mark.parametrize("value", [None, 7, [], {}, "", " \n", True])
def test_what_is_no_text_is_not_shown(value: object) -> None:
    assert REDACTOR.redact_line(value, max_chars=10) is None


def test_mask_does_not_show_what_it_masks() -> None:
    assert "canary" not in repr(REDACTOR)


@given(secret=LONG_ASCII, before=st.text(), after=st.text())
def test_no_secret_survives_in_any_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor.of(Secret(secret))

    assert secret not in redactor.redact(before + secret + after)
    shown = redactor.redact_line(before + secret + after, max_chars=100_000)
    assert shown is not None
    assert secret not in shown


ENCODERS: list[Callable[[str], str]] = [
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: text.encode().hex(),
    lambda text: text.encode().hex(":"),
    lambda text: str(list(text.encode())),
]


@given(
    secret=st.text(string.ascii_letters + string.digits, min_size=8, max_size=60),
    separator=st.sampled_from(["", "-", " ", ".", "\n"]),
    encoders=st.lists(st.sampled_from(ENCODERS), min_size=1, max_size=2),
    before=st.text(string.ascii_letters + " ", max_size=20),
)
def test_no_secret_survives_in_any_two_encodings(
    secret: str, separator: str, encoders: list[Callable[[str], str]], before: str
) -> None:
    echo = separator.join(secret)
    for encode in encoders:
        echo = encode(echo)
    text = f"{before}: {echo}"

    assert echo not in Redactor.of(Secret(secret)).redact(text)


@given(secret=st.text(), text=st.text() | st.text("0123456789abcdef +/=_-,&#%x\\u", max_size=200))
def test_no_text_makes_redaction_raise(secret: str, text: str) -> None:
    assert Redactor.of(Secret(secret)).redact(text) is not None


@given(text=st.text())
def test_shown_text_is_one_printable_line(text: str) -> None:
    shown = REDACTOR.redact_line(text, max_chars=50)

    assert shown is None or (shown.isprintable() and 0 < len(shown) <= 50)


def test_debug_id_is_the_first_header_that_is_known() -> None:
    headers = {"x-request-id": "second", "x-debug-id": "first"}

    assert debug_id(headers, REDACTOR) == "first"
    assert debug_id({"x-request-id": "only"}, REDACTOR) == "only"
    assert debug_id({"content-type": "text/plain"}, REDACTOR) is None


def test_names_of_characters_are_loaded_for_text_that_has_some_only() -> None:
    done = run_python(
        """
        import sys
        from rotator.transport.redaction import Redactor
        print("html" in sys.modules)
        """
    )

    assert done.stdout == "False\n", done.stderr


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
