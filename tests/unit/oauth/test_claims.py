"""What a token says about itself is held against what its provider says, and what was asked."""

import base64
import json
from datetime import timedelta
from email.utils import formatdate
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
        jwt(azp="client", nbf=NOW_S + 240),
        jwt(azp=None, nbf=None),
        jwt(azp=["other", "client"], client_id=None, cid="other", appid="other"),
        jwt(ver="1.0", appid="client", cid="a company"),
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
    error = refuse(answer(MEMBERS | {"access_token": jwt_of(payload)}))
    assert "another client, by its claim azp" in str(error)


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"azp": "other"}, "another client, by its claim azp"),
        ({"azp": "other", "client_id": "client"}, "another client, by its claim azp"),
        ({"azp": "client", "client_id": "other"}, "another client, by its claim client_id"),
        ({"ver": "1.0", "appid": "other"}, "another client, by its claim appid"),
        ({"ver": 1, "jti": "AT.x", "cid": "other"}, "another client, by its claim cid"),
        ({"azp": "CLIENT"}, "another client, by its claim azp"),
        ({"azp": 99}, "another client, by its claim azp"),
        ({"azp": ["other"]}, "another client, by its claim azp"),
        ({"azp": []}, "claim azp does not name a client"),
        ({"azp": {"id": "client"}}, "claim azp does not name a client"),
        ({"client_id": True}, "claim client_id does not name a client"),
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


GUID = "2d4c9b1e-1111-4a3b-9c2d-abcdefabcdef"


@pytest.mark.parametrize(
    ("client_id", "named"), [(GUID.upper(), GUID), (GUID, GUID.upper()), ("123456", 123456)]
)
def test_client_id_that_is_a_guid_or_a_number_may_be_written_in_another_way(
    client_id: str, named: object
) -> None:
    """RFC 9562 section 4: the digits of a UUID in any case. Entra ID writes them in lower case."""
    accept(MEMBERS | {"access_token": jwt(azp=named)}, client_id=client_id)


def life_s(claims: dict[str, Any], *, announced_s: int = 3600, **headers: Any) -> float:
    """How long the accepted token lives from now."""
    body = MEMBERS | {"access_token": jwt(**claims), "expires_in": announced_s}
    token = parse_token_response(answer(body, **headers), expectation()).token
    return (token.expires_at - token.issued_at).total_seconds()


def issued(ago_s: int, way: str) -> dict[str, Any]:
    """Claims of a token that was issued so long ago and ends in 600 seconds."""
    begin_s, end_s = NOW_S - ago_s, NOW_S + 600
    times = {"iat": begin_s, "exp": end_s}
    adobe = {"created_at": str(begin_s * 1000), "expires_in": str((end_s - begin_s) * 1000)}
    ways: dict[str, dict[str, Any]] = {
        "standard": times,
        "not before": times | {"nbf": begin_s},
        "adobe": adobe,
    }
    return ways[way]


@pytest.mark.parametrize("way", ["standard", "not before", "adobe"])
@pytest.mark.parametrize("ago_s", [0, 20, 120, 250, 299, 301, 3600])
@pytest.mark.parametrize("headers", [{}, {"date": formatdate(NOW_S, usegmt=True)}], ids=len)
def test_token_issued_before_it_was_asked_for_ends_as_it_says_itself(
    ago_s: int, way: str, headers: dict[str, Any]
) -> None:
    """RFC 7519 section 4.1.4: not accepted on or after `exp`."""
    assert life_s(issued(ago_s, way), **headers) == 600


@pytest.mark.parametrize("way", ["standard", "adobe"])
@pytest.mark.parametrize(
    ("behind_s", "credited_s"),
    [
        (60, 60),
        (299, 299),
        (420, 0),  # too much to be believed: rather a response that is old
    ],
)
def test_end_is_read_by_the_clock_of_a_provider_whose_date_is_behind(
    behind_s: int, credited_s: int, way: str
) -> None:
    date = formatdate(NOW_S - behind_s, usegmt=True)
    # The provider's clock may show up to a second more than its `Date`.
    assert credited_s - 2 <= life_s(issued(behind_s, way), date=date) - 600 <= credited_s


@pytest.mark.parametrize(
    ("ahead_s", "lost_s"),
    [
        (1, 1),
        (60, 60),
        (299, 299),
        (420, 0),  # too much to be believed: rather a gateway with a clock of its own
    ],
)
def test_end_is_read_by_the_clock_of_a_provider_whose_date_is_ahead(
    ahead_s: int, lost_s: int
) -> None:
    """RFC 7519 section 4.1.4: an API with that clock rejects the token from then on."""
    claims = {"exp": NOW_S + 600 + ahead_s}
    date = formatdate(NOW_S + ahead_s, usegmt=True)
    assert life_s(claims, date=date) == 600 + ahead_s - lost_s
    assert life_s(claims | {"iat": NOW_S - 3600}, date=date) == 600 + ahead_s - lost_s


def jwt_of(payload: str) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload.encode()).rstrip(b'=').decode()}.c2ln"


def test_last_of_two_claims_counts() -> None:
    """RFC 7519 section 4: a parser rejects them, or returns only the lexically last member."""
    body = MEMBERS | {"access_token": jwt_of(f'{{"exp": {NOW_S + 3600}, "exp": {NOW_S + 600}}}')}
    token = accept(body)
    assert (token.expires_at - token.issued_at).total_seconds() == 600

    error = refuse(answer(MEMBERS | {"access_token": jwt_of('{"azp": "client", "azp": "other"}')}))
    assert "another client, by its claim azp" in str(error)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_token_whose_payload_is_no_json_is_opaque(number: str) -> None:
    """RFC 7519 section 7.2, step 10: a claims set is JSON; RFC 8259 section 6: these are not."""
    token = jwt_of(f'{{"azp": "other", "exp": 1, "n": {number}}}')
    assert accept(MEMBERS | {"access_token": token}).access_token == Secret(token)


def test_token_of_a_provider_whose_clock_is_ahead_lives_no_longer_than_its_whole_length() -> None:
    assert life_s({"iat": NOW_S + 120, "exp": NOW_S + 720}) == 600


def test_time_in_a_cache_counts_as_lived_and_is_warned_of() -> None:
    """RFC 9111 section 5.1: `Age` is the time since the response was made."""
    response = answer(MEMBERS, age="3000", date=formatdate(NOW_S - 3000, usegmt=True))
    minted = parse_token_response(response, expectation())
    assert minted.token.expires_at - minted.token.issued_at == timedelta(seconds=3600 - 3000)
    assert "a cache had the response for 3000 s" in minted.warnings[0]


def test_token_that_ended_in_a_cache_is_refused_for_now() -> None:
    error = refuse(answer(MEMBERS, age="86000"))
    assert "a cache had the response for 86000 s" in str(error)
    assert error.retryable


def test_old_date_of_a_cached_response_is_no_clock_that_is_behind() -> None:
    headers: dict[str, Any] = {"age": "200", "date": formatdate(NOW_S - 200, usegmt=True)}
    assert life_s(issued(200, "standard"), **headers) == 600


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
