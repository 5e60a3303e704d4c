"""The one search for secrets: whatever form they took on the way, and a part of one is enough."""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

# Of no shape that a redaction could know, and with characters that every encoding changes.
CLIENT_SECRET = "Kx9vQ2canary/w+e=r Zt&7mB3"
STORED_TOKEN = "Hd4canaryYp8Lr5Wn1Tb6"

PART_CHARS = 12
AWKWARD_SECRETS = {
    "reserved": "Kx9+vQ/2w=e&r%25 Zt:7m\"B'3<h>\\q",
    "short": "p4T#w9z+",
    "long": "-".join(f"{number * 7919 % 9973:04}Lg" for number in range(60)),
    "non-ASCII": "Schlüssel-ключ-鍵-ñandú",
}
"""By what is hard about them."""

HEX = re.compile(r"[0-9a-fA-F]{16,}")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
JSON_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")


def secrets_in(text: str | bytes, *secrets: str) -> list[str]:
    """A part of each secret that `text` shows, however it is spelt there.

    Looked through are the text itself, with the escapes of URLs, JSON and HTML undone, and what
    base64 and hexadecimal digits in it say, from any character on. Case does not count. Of a secret
    any twelve characters in a row count, of a shorter one all.
    """
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    views = [view.casefold() for view in _views(shown)]
    found = []
    for secret in secrets:
        parts = _parts(secret.casefold())
        found += [part for part in parts if any(part in view for view in views)][:1]
    return found


def assert_silent(text: str | bytes, *secrets: str) -> None:
    """Fail if `text` shows a part of a secret, in whatever spelling."""
    assert secrets_in(text, *secrets) == []


def _parts(secret: str) -> list[str]:
    starts = range(max(1, len(secret) - PART_CHARS + 1))
    return [secret[at : at + PART_CHARS] for at in starts]


def _views(text: str) -> Iterator[str]:
    for view in (text, "\n".join([*_decoded(text), *_of_hex(text)])):
        yield from (view, unquote(view), unquote_plus(view), html.unescape(view))
        plain = JSON_ESCAPE.sub(lambda found: _unescaped(*found.groups()), view)
        yield from (plain, unquote_plus(plain), html.unescape(plain))


def _unescaped(code: str | None, character: str | None) -> str:
    return chr(int(code, 16)) if code else character or ""


def _decoded(text: str) -> Iterator[str]:
    """What each run of base64's characters says, read from each of the first four on."""
    for run in BASE64.findall(unquote(text)):
        standard = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            rest = standard[start:]
            whole = rest[:-1] if len(rest) % 4 == 1 else rest
            try:
                yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace")
            except binascii.Error:
                continue


def _of_hex(text: str) -> Iterator[str]:
    for run in HEX.findall(text):
        for start in range(2):
            rest = run[start:]
            yield bytes.fromhex(rest[: len(rest) // 2 * 2]).decode(errors="replace")
