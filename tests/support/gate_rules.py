"""What holds of every token that the gate lets through, however the answer came about."""

import json
from datetime import timedelta

from rotator.model.access_token import AccessToken
from rotator.oauth.expectation import Expectation
from rotator.oauth.lifetime import MAX_BELIEVED_LIFETIME_S


def broken_rules(
    token: AccessToken, body: bytes, *, status: int, expected: Expectation
) -> list[str]:
    """The rules that a published token would break, by name."""
    members = json.loads(body, parse_int=float)
    text = token.access_token.reveal()
    lifetime = token.expires_at - token.issued_at
    announced = timedelta(seconds=float(members["expires_in"]))
    rules = {
        "the status is a success": status in {200, 201},
        "no error beside a token": members.get("error") is None,
        "the token is the server's": text == members["access_token"],
        "the token fits a header": text.isascii() and text.isprintable() and " " not in text,
        "the token is not empty": bool(text),
        "the token holds no secret of ours": not any(
            secret.reveal() in text for secret in expected.secrets
        ),
        "the token is a bearer token": token.token_type.lower() == "bearer",
        "the lifetime is the server's": lifetime == announced
        or (lifetime < announced and text.count(".") == 2),
        "the lifetime can be believed": 0 < lifetime.total_seconds() <= MAX_BELIEVED_LIFETIME_S,
        "the token is not older than it was": token.issued_at <= expected.asked_at,
        "the token can be stored and read": _survives(token),
    }
    return [rule for rule, holds in rules.items() if not holds]


def _survives(token: AccessToken) -> bool:
    try:
        return AccessToken.from_fields(token.to_fields()) == token
    except ValueError:
        return False
