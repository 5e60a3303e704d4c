"""Responses of a token endpoint and what was asked for, to hold one against the other."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rotator.errors import MintError
from rotator.model.access_token import AccessToken
from rotator.model.secret import Secret
from rotator.oauth.expectation import Expectation
from rotator.oauth.response import parse_token_response
from rotator.transport.bounded import HttpResponse

NOW = datetime(2026, 1, 31, 9, 0, 0, 750_000, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
CANARY = "p8e-canary-of-the-secret"
MEMBERS = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600}


def expectation(**changes: Any) -> Expectation:
    """What was asked for at `NOW`."""
    given: dict[str, Any] = {
        "client_id": "client",
        "token_url": "https://as.example/token",
        "asked_at": NOW,
        "secrets": (Secret(CANARY),),
    }
    return Expectation(**(given | changes))


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    """A response with this body, as JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, {"content-type": "application/json"} | named, data)


def accept(body: object, **changes: Any) -> AccessToken:
    """The token of a response that is let through."""
    return parse_token_response(answer(body), expectation(**changes)).token


def refuse(response: HttpResponse, **changes: Any) -> MintError:
    """The error of a response that is not."""
    with pytest.raises(MintError) as caught:
        parse_token_response(response, expectation(**changes))
    return caught.value


def jwt(**claims: Any) -> str:
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "RS256"}, claims)
    )
    return f"{header}.{payload}.c2lnbmF0dXJl"
