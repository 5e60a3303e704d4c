"""What a token says about itself is held against what its provider says, and what was asked."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from rotator.model.secret import Secret
from rotator.oauth.response import parse_token_response
from tests.support.token_responses import MEMBERS, NOW_S, accept, answer, expectation, jwt, refuse


@pytest.mark.parametrize(
    "token",
    [
        jwt(iat=NOW_S, exp=NOW_S + 3600),
        jwt(iat=NOW_S, exp=NOW_S + 3599),
        jwt(exp=NOW_S + 3600),
        jwt(exp=str(NOW_S + 3600)),
        jwt(exp=NOW_S + 90_000, client_id="client"),
        jwt(iat=NOW_S + 7200, exp=NOW_S + 7200 + 3600),
        jwt(iat=NOW_S - 240, exp=NOW_S - 240 + 3600),
        jwt(created_at=str(NOW_S * 1000 + 17), expires_in="3600000"),
        jwt(created_at=NOW_S * 1000, expires_in=3_600_000),
        jwt(sub="no times in it"),
        jwt(azp="client", client_id="client", nbf=NOW_S, exp=NOW_S + 3600),
        jwt(azp="CLIENT", nbf=NOW_S + 240),
        jwt(azp=None, nbf=None),
        jwt(azp=["other"], client_id=None, cid="other", appid="other"),
        jwt(ver="1.0", appid="CLIENT", cid="a company"),
        jwt(ver="2.0", appid="a product"),
        jwt(ver=1, jti="AT.x", cid="client", appid="a product"),
        jwt(ver=1, jti="x", cid="a company"),
        jwt(jti="AT.x", cid="a company"),
        "three.dotted.parts",
        "a.b.c.d.e",
        "..",
    ],
    ids=lambda token: str(len(token)),
)
def test_token_whose_own_words_agree_is_let_through(token: str) -> None:
    assert accept(MEMBERS | {"access_token": token}).access_token == Secret(token)


@pytest.mark.parametrize(
    "claims",
    [
        {"created_at": int("9" * 401), "expires_in": "86400000"},
        {"created_at": "9" * 401, "expires_in": "86400000"},
        {"exp": int("9" * 401)},
        {"exp": "9" * 401},
        {"iat": int("9" * 401), "exp": NOW_S + 3600},
        {"exp": -1},
        {"exp": {}},
    ],
    ids="-".join,
)
def test_token_with_times_of_any_size_is_refused_in_our_own_words(claims: dict[str, Any]) -> None:
    error = refuse(answer(MEMBERS | {"access_token": jwt(**claims)}))

    assert not error.retryable
    assert "9999" not in str(error)


@pytest.mark.parametrize("number", ["9" * 5_000, "1e400"])
def test_number_of_any_size_hides_no_other_claim(number: str) -> None:
    """RFC 8259 section 6 sets no limit; to a parser that gives up the token is opaque."""
    payload = json.dumps({"azp": "other"})[:-1] + f', "n": {number}}}'
    encoded = base64.urlsafe_b64encode(payload.encode()).rstrip(b"=").decode()
    error = refuse(answer(MEMBERS | {"access_token": f"e30.{encoded}.c2ln"}))
    assert "another client, by its claim azp" in str(error)


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"azp": "other"}, "another client, by its claim azp"),
        ({"azp": "other", "client_id": "client"}, "another client, by its claim azp"),
        ({"azp": "client", "client_id": "other"}, "another client, by its claim client_id"),
        ({"ver": "1.0", "appid": "other"}, "another client, by its claim appid"),
        ({"ver": 1, "jti": "AT.x", "cid": "other"}, "another client, by its claim cid"),
        ({"nbf": NOW_S + 301, "exp": NOW_S + 3600}, "not valid yet"),
        ({"nbf": NOW_S + 3600}, "not valid yet"),
        ({"nbf": (NOW_S - 60) * 1000}, "not valid yet"),
        ({"nbf": "soon"}, "claim nbf"),
    ],
    ids=json.dumps,
)
def test_token_of_another_client_or_for_later_is_refused(
    claims: dict[str, Any], problem: str
) -> None:
    """RFC 7519 section 4.1.5; OpenID Connect Core section 2 for `azp`.

    `appid`: learn.microsoft.com/entra/identity-platform/access-token-claims-reference. `cid`:
    developer.okta.com/docs/reference/api/oidc, "Reserved claims in the payload section".
    """
    error = refuse(answer(MEMBERS | {"access_token": jwt(**claims)}))

    assert problem in str(error)
    assert not error.retryable
    assert "other" not in str(error).replace("another", "")


@pytest.mark.parametrize(
    ("issued_ago_s", "lives_s"),
    [
        (3600, 600),  # handed out from a cache: what is left counts
        (301, 600),
        (299, 600 + 299),  # perhaps new, by a clock that is up to five minutes behind ours
        (0, 600),
    ],
)
def test_token_issued_before_it_was_asked_for_lives_for_what_is_left(
    issued_ago_s: int, lives_s: int
) -> None:
    token = jwt(iat=NOW_S - issued_ago_s, exp=NOW_S + 600)

    accepted = accept(MEMBERS | {"access_token": token})

    lifetime = (accepted.expires_at - accepted.issued_at).total_seconds()
    assert lives_s - 1 <= lifetime <= lives_s


def test_earlier_end_of_the_token_itself_counts_and_is_warned_of() -> None:
    body = MEMBERS | {"access_token": jwt(iat=NOW_S, exp=NOW_S + 600)}

    minted = parse_token_response(answer(body), expectation())

    assert minted.token.expires_at - minted.token.issued_at == timedelta(seconds=600)
    assert "expires earlier than announced" in minted.warnings[0]


def test_cached_token_that_is_announced_at_its_full_length_ends_as_it_says_itself() -> None:
    body = MEMBERS | {"access_token": jwt(iat=NOW_S - 3000, exp=NOW_S + 600), "expires_in": 3600}
    token = accept(body)
    # The claims are in whole seconds; what was asked in between loses the rest of one.
    assert 0 <= 600 - (token.expires_at - token.issued_at).total_seconds() <= 1
