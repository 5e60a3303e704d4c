"""The gate lets every token through that follows the rules, and no other."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.errors import MintError
from rotator.model.access_token import AccessToken
from rotator.model.secret import Secret
from rotator.oauth.lifetime import MAX_LIFETIME_S
from rotator.oauth.response import Expectation, parse_token_response
from rotator.transport.bounded import HttpResponse
from tests.support.gate_rules import broken_rules

NOW = datetime(2026, 1, 31, 9, 0, 0, 750_000, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
CANARY = "p8e-canary-of-the-secret"
MEMBERS = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600}


def expectation(**changes: Any) -> Expectation:
    given: dict[str, Any] = {
        "client_id": "client",
        "token_url": "https://as.example/token",
        "asked_at": NOW,
        "secrets": (Secret(CANARY),),
    }
    return Expectation(**(given | changes))


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, {"content-type": "application/json"} | named, data)


def accept(body: object, **changes: Any) -> AccessToken:
    return parse_token_response(answer(body), expectation(**changes)).token


def refuse(response: HttpResponse, **changes: Any) -> MintError:
    with pytest.raises(MintError) as caught:
        parse_token_response(response, expectation(**changes))
    return caught.value


def jwt(**claims: Any) -> str:
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "RS256"}, claims)
    )
    return f"{header}.{payload}.c2lnbmF0dXJl"


@pytest.mark.parametrize("expires_in", [3600, "3600", 3600.0, "0003600"], ids=repr)
def test_every_spelling_of_a_lifetime_is_understood(expires_in: object) -> None:
    token = accept(MEMBERS | {"expires_in": expires_in})

    assert token.expires_at - token.issued_at == timedelta(seconds=3600)
    assert token.issued_at == NOW.replace(microsecond=0)


@pytest.mark.parametrize("expires_in", [1, MAX_LIFETIME_S])
def test_bounds_of_a_lifetime_are_inside(expires_in: int) -> None:
    token = accept(MEMBERS | {"expires_in": expires_in})

    assert token.expires_at - token.issued_at == timedelta(seconds=expires_in)


def test_long_lifetime_is_believed_where_it_is_documented() -> None:
    year_s = 365 * 86_400

    token = accept(MEMBERS | {"expires_in": year_s}, lifetime_s=year_s)

    assert token.expires_at - token.issued_at == timedelta(days=365)


def test_missing_lifetime_is_assumed_only_where_that_was_asked_for() -> None:
    body = {name: value for name, value in MEMBERS.items() if name != "expires_in"}

    token = accept(body, lifetime_s=7200, is_lifetime_assumed=True)
    error = refuse(answer(body), lifetime_s=7200)

    assert token.expires_at - token.issued_at == timedelta(seconds=7200)
    assert "expires_in is missing; set lifetime_s" in str(error)


@pytest.mark.parametrize("token_type", ["bearer", "Bearer", "BEARER"])
def test_bearer_is_understood_in_any_case(token_type: str) -> None:
    assert accept(MEMBERS | {"token_type": token_type}).token_type == token_type


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/oauth+json",
        "text/plain",
        "",
    ],
)
def test_json_may_be_called_what_servers_call_it(content_type: str) -> None:
    response = HttpResponse(200, {"content-type": content_type}, json.dumps(MEMBERS).encode())

    assert parse_token_response(response, expectation()).token.access_token == Secret("a-token")


def test_members_that_nobody_asked_for_are_ignored() -> None:
    body = MEMBERS | {"refresh_token": "r", "id_token": "i", "error": None, "x": {"y": [1, None]}}

    assert accept(body).access_token == Secret("a-token")


@pytest.mark.parametrize(
    ("granted", "stored"),
    [
        (None, "read write"),
        ("read write ", "read write"),
        (" write  read", "write read"),
        ("write read", "write read"),
        ("read,write,more", "read,write,more"),
        (["read", "write"], "read write"),
    ],
)
def test_granted_scope_is_stored(granted: object, stored: str) -> None:
    minted = parse_token_response(
        answer(MEMBERS | {"scope": granted}), expectation(scope="read write")
    )

    assert minted.token.scope == stored
    assert minted.warnings == ()


@pytest.mark.parametrize("granted", ["", [], " ", [""]], ids=repr)
def test_empty_scope_grants_nothing_of_what_was_asked_for(granted: object) -> None:
    """RFC 6749 section 5.1: only an absent scope is the one that was asked for."""
    response = answer(MEMBERS | {"scope": granted})
    minted = parse_token_response(response, expectation(scope="read write"))
    assert minted.token.scope is None
    assert minted.warnings == ("token endpoint: scope is narrower than requested, 2 missing",)
    error = refuse(response, scope="read write", is_scope_binding=True)
    assert "scope is narrower" in str(error)


@pytest.mark.parametrize("body", [b'{"a": 1}\0', b"{access_token:a}", b'{\\"access_token\\":1}'])
def test_response_that_is_no_json_is_not_blamed_on_a_shell(body: bytes) -> None:
    said = str(refuse(answer(body)))
    assert said == "token endpoint: the response is not JSON (HTTP 200)"


@pytest.mark.parametrize("spelling", ["Bearer ", " bearer"])
def test_blank_around_the_token_type_is_told(spelling: str) -> None:
    said = str(refuse(answer(MEMBERS | {"token_type": spelling})))
    assert "token_type has white space around it" in said


def test_narrower_scope_is_warned_of_and_published() -> None:
    minted = parse_token_response(
        answer(MEMBERS | {"scope": "read"}), expectation(scope="read write")
    )

    assert minted.token.scope == "read"
    assert minted.warnings == ("token endpoint: scope is narrower than requested, 1 missing",)


def test_narrower_scope_is_refused_where_the_policy_says_so() -> None:
    error = refuse(answer(MEMBERS | {"scope": "read"}), scope="read write", is_scope_binding=True)

    assert "scope is narrower" in str(error)


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
    ("retry_after", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sat, 31 Jan 2026 09:00:30 GMT", 29.25),
        ("Sat, 31 Jan 2026 08:00:00 GMT", 0.0),
        ("Sat, 31 Jan 2026 10:00:30 +0100", 29.25),
        ("soon", None),
        ("-1", None),
        ("1.5", 1.5),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("", None),
        ("Sat, 31 Jan 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(retry_after: str, seconds: float | None) -> None:
    assert refuse(answer({}, 429, retry_after=retry_after)).retry_after_s == seconds


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


def test_token_that_was_created_is_a_token() -> None:
    minted = parse_token_response(answer(MEMBERS, 201), expectation())

    assert minted.token.access_token == Secret("a-token")


@pytest.mark.parametrize("token_type", [None, "BearerToken", "bearertoken", ""])
def test_bearer_is_assumed_only_where_that_was_asked_for(token_type: str | None) -> None:
    body = MEMBERS | {"token_type": token_type}

    token = accept(body, is_bearer_assumed=True)
    error = refuse(answer(body))

    assert token.token_type == "Bearer"
    assert "set token_type_policy to assume_bearer" in str(error)


@pytest.mark.parametrize("token_type", ["mac", "DPoP", 7])
def test_another_type_is_never_taken_for_bearer(token_type: object) -> None:
    assert "only bearer" in str(
        refuse(answer(MEMBERS | {"token_type": token_type}), is_bearer_assumed=True)
    )


def test_error_of_another_shape_is_surfaced_too() -> None:
    body = {"errorCode": "E0000021", "errorSummary": "Bad request. Accept header, that is."}

    error = refuse(answer(body, 406, x_okta_request_id="req-1"))

    assert error.oauth_error == "E0000021"
    assert "E0000021: Bad request. Accept header, that is. (HTTP 406, debug id req-1)" in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TOKENS = (
    st.sampled_from([None, "", "a-token", "a b", CANARY, jwt(exp=NOW_S), jwt(iat=NOW_S)]) | JSON
)
TYPES = st.sampled_from(["bearer", "Bearer", "mac", "DPoP", ""]) | JSON
LIFETIMES = st.sampled_from([3600, "3600", 86_399_000, 0, -1, "soon", 1e300, True]) | JSON
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "access_token": TOKENS,
        "token_type": TYPES,
        "expires_in": LIFETIMES,
        "scope": JSON,
        "error": JSON,
        "error_description": JSON,
    },
)
BODIES = SHAPED.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(["application/json", "text/html", "x"]) | st.text(),
        "content-encoding": st.sampled_from(["identity", "gzip"]) | st.text(),
        "retry-after": st.sampled_from(["7", "soon", "Sat, 31 Jan 2026 09:00:30 GMT"]) | st.text(),
        "x-debug-id": st.text(),
    },
)


@given(status=st.sampled_from([200, 200, 200, 400, 401, 429, 500]), headers=HEADERS, body=BODIES)
@example(status=429, headers={"retry-after": "Sat, 31 Jan 0000 09:00:30 GMT"}, body=b"{}")
@example(status=200, headers={}, body=b'{"access_token":"\\ud800","error":"\\ud800"}')
def test_answer_is_a_token_that_keeps_every_rule_or_an_error_of_ours(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    expected = expectation(scope="read", is_scope_binding=True)
    try:
        token = parse_token_response(HttpResponse(status, headers, body), expected).token
    except MintError as error:
        told = str(error)
    else:
        told = ""
        assert broken_rules(token, body, status=status, expected=expected) == []
    assert CANARY not in told
    assert len(told) < 500
