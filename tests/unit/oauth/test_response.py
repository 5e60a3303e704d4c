"""The gate lets every token through that follows the rules, and no other."""

import json
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.errors import MintError
from rotator.model.secret import Secret
from rotator.oauth.lifetime import MAX_BELIEVED_LIFETIME_S
from rotator.oauth.response import parse_token_response
from rotator.transport.bounded import HttpResponse
from tests.support.gate_rules import broken_rules
from tests.support.token_responses import (
    CANARY,
    MEMBERS,
    NOW,
    NOW_S,
    accept,
    answer,
    expectation,
    jwt,
    refuse,
)


@pytest.mark.parametrize(
    "expires_in", ["3600", "3600.0", "3.6e3", "36E+02", '"3600"', '"0003600"', '"3600.0"']
)
def test_every_spelling_of_a_lifetime_is_understood(expires_in: str) -> None:
    body = json.dumps(MEMBERS | {"expires_in": 0, "other": 1}).replace('n": 0', f'n": {expires_in}')
    token = accept(body.replace('r": 1', 'r": 1e400').encode())

    assert token.expires_at - token.issued_at == timedelta(seconds=3600)
    assert token.issued_at == NOW.replace(microsecond=0)


@pytest.mark.parametrize("expires_in", [1, MAX_BELIEVED_LIFETIME_S])
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
        "application/json, application/json",
        'application/json; profile="a, text/html"',
    ],
)
def test_json_may_be_called_what_servers_call_it(content_type: str) -> None:
    response = HttpResponse(200, {"content-type": content_type}, json.dumps(MEMBERS).encode())

    assert parse_token_response(response, expectation()).token.access_token == Secret("a-token")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content-type": "text/html; charset=utf-8"}, "the response is HTML, not JSON"),
        ({"content-type": "application/xml"}, "the response is of another type, not JSON"),
        ({"content-type": "application/json, text/html"}, "more than one Content-Type"),
        ({"content-encoding": "gzip"}, "the response is compressed"),
        ({"content-encoding": "identity, br"}, "the response is compressed"),
        ({"content-encoding": "utf-8"}, "a Content-Encoding that was not requested"),
        ({"content-encoding": "none"}, "a Content-Encoding that was not requested"),
    ],
    ids=str,
)
def test_header_that_makes_a_response_unreadable_is_told(
    headers: dict[str, str], said: str
) -> None:
    """RFC 9110 sections 8.3 and 8.4, and IANA's registry of content codings."""
    response = HttpResponse(
        200, {"content-type": "application/json"} | headers, json.dumps(MEMBERS).encode()
    )
    assert said in str(refuse(response))


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (200, "<html>", "and the proxy"),
        (200, "{}", "and the proxy"),
        (302, "", "and the proxy"),
        (403, "<html>", "and the proxy"),
        (404, "", "and the proxy"),
        (407, "", "asks for credentials: check HTTPS_PROXY"),
        (400, '{"error": "invalid_request"}', "and the other settings"),
        (400, '{"error": "unsupported_grant_type"}', "and the other settings"),
    ],
)
def test_permanent_refusal_names_the_host_and_a_next_step(
    status: int, body: str, advice: str
) -> None:
    error = refuse(HttpResponse(status, {"content-type": "application/json"}, body.encode()))

    assert not error.retryable
    assert "as.example" in str(error)
    assert str(error).endswith(advice)


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
    assert said.startswith("token endpoint: the response is not JSON (HTTP 200); check token_url")


@pytest.mark.parametrize("spelling", ["Bearer ", " bearer"])
def test_blank_around_the_token_type_is_told(spelling: str) -> None:
    said = str(refuse(answer(MEMBERS | {"token_type": spelling})))
    assert "token_type has white space around it" in said


def test_scope_that_could_not_be_read_back_is_refused() -> None:
    """RFC 6749, appendix A.4: printable ASCII. Stored, it made the token unusable in each run."""
    error = refuse(answer(MEMBERS | {"scope": "read \u00e4"}), scope="read")
    assert "scope is not printable ASCII" in str(error)


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
