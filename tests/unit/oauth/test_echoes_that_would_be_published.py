"""What a provider repeats of the client secret never reaches the secret that consumers read."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from rotator.errors import MintError
from rotator.model.access_token import AccessToken
from rotator.model.secret import Secret
from rotator.oauth.expectation import Expectation
from rotator.oauth.response import parse_token_response
from rotator.transport.bounded import HttpResponse
from rotator.transport.request import HttpRequest
from tests.support.token_responses import jwt

SECRET = "kQ~w9/xQ7zW3kLmPv5+Rb8nHd2"
HEADER = "eyJhbGciOiJSUzI1NiJ9"
ASSERTION = f"{HEADER}.eyJpc3MiOiJjbGllbnQifQ.c2lnbmF0dXJlLW9mLXRoZS1jbGllbnQ"
GRANT = {"access_token": "a-token-of-the-provider", "token_type": "Bearer", "expires_in": 3600}


def parse(
    grant: dict[str, Any],
    *,
    secret: str = SECRET,
    client_id: str = "client",
    token_url: str = "https://as.example/token",
) -> AccessToken:
    body = f"grant_type=client_credentials&client_assertion={ASSERTION}&account=tenant-of-ours"
    expected = Expectation(
        client_id=client_id,
        token_url=token_url,
        asked_at=datetime(2026, 1, 31, tzinfo=UTC),
        secrets=(Secret(secret),),
        request=HttpRequest("https://as.example/token", "POST", body=body),
        scope="read write",
    )
    response = HttpResponse(
        200, {"content-type": "application/json"}, json.dumps(GRANT | grant).encode()
    )
    return parse_token_response(response, expected).token


def encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


REPEATED = {
    "as it is": SECRET,
    "in a longer text": f"read {SECRET}:all",
    "in upper case": SECRET.upper(),
    "for a URL": quote(SECRET, safe=""),
    "in hexadecimal": SECRET.encode().hex(),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "as Basic credentials": base64.b64encode(f"client:{SECRET}".encode()).decode(),
    "in base64 twice": encode(encode(f"client:{SECRET}")),
    "in JSON with escapes": "".join(f"\\u{ord(c):04x}" for c in SECRET),
    "in a claim": jwt(client_secret=SECRET),
    "in an encoded claim": jwt(auth={"basic": encode(f"client:{SECRET}")}),
    "the assertion": ASSERTION,
}


@pytest.mark.parametrize("field", ["access_token", "scope"])
@pytest.mark.parametrize("repeated", REPEATED.values(), ids=REPEATED)
def test_response_that_repeats_the_secret_in_a_published_field_is_refused(
    field: str, repeated: str
) -> None:
    value = repeated.replace(" ", "") if field == "access_token" else repeated

    with pytest.raises(MintError) as caught:
        parse({field: value})

    assert not caught.value.retryable
    assert f"{field} holds the client secret" in str(caught.value)
    assert SECRET.lower() not in str(caught.value).lower()


def test_scope_in_a_list_is_held_against_the_secret_too() -> None:
    with pytest.raises(MintError, match="scope holds the client secret"):
        parse({"scope": ["read", SECRET]})


@pytest.mark.parametrize(
    "grant",
    [
        # A JSON Web Token has the header of the assertion, and may name the tenant that was sent.
        {"access_token": jwt(tenant="tenant-of-ours", client_id="client")},
        {"access_token": f"{HEADER}.{encode('{}')}.c2lnbmF0dXJlLW9m"},
        {"scope": "read write"},
        {"scope": None},
    ],
)
def test_what_a_token_has_in_common_with_the_request_is_no_echo(grant: dict[str, Any]) -> None:
    assert parse(grant).scope == "read write"


def test_secret_that_the_client_id_shows_anyway_costs_no_token() -> None:
    token = parse(
        {"access_token": jwt(client_id="local-client")},
        secret="local-client",
        client_id="local-client",
    )

    assert token.client_id == "local-client"


def test_query_of_the_token_url_is_not_published() -> None:
    token = parse({}, token_url="https://as.example/token?api_key=canary")

    assert token.token_url == "https://as.example/token"
