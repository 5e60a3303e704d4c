"""The search for secrets finds them in every spelling, and nothing where there is none."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from tests.support.traces import AWKWARD_SECRETS, secrets_in


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "upper case": str.upper,
    "URL": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON with slashes escaped": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "HTML": html.escape,
    "base64": in_base64,
    "Basic": lambda secret: in_base64(f"me:{secret}"),
    "Basic of the form": lambda secret: in_base64(f"m:{quote_plus(secret)}"),
    "URL of base64": lambda secret: base64.urlsafe_b64encode(b"x" + secret.encode()).decode(),
    "hexadecimal": lambda secret: f"a{secret.encode().hex()}",
    "its end": lambda secret: secret[-12:],
}


@pytest.mark.parametrize("secret", AWKWARD_SECRETS.values(), ids=AWKWARD_SECRETS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_secret_is_found_however_it_is_spelt(spelling: str, secret: str) -> None:
    text = f"error: {SPELLINGS[spelling](secret)} (401)"

    assert secrets_in(text, secret) != []
    assert secrets_in(text.encode(), secret) != []


@pytest.mark.parametrize("secret", AWKWARD_SECRETS.values(), ids=AWKWARD_SECRETS)
def test_text_without_the_secret_shows_none(secret: str) -> None:
    others = [other for other in AWKWARD_SECRETS.values() if other != secret]

    assert secrets_in(json.dumps([*others, {"client_id": "me"}, "aGVsbG8gd29ybGQ="]), secret) == []
