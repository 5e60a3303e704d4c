"""What is shown of a provider's refusal: its error code, what to do, and no secret."""

from typing import Any

import pytest

from rotator.model.secret import Secret
from rotator.transport.bounded import HttpResponse
from tests.support.admin_calls import (
    ENDS_AT,
    VALUE,
    answered,
    failure,
    open_admin,
)

MADE = "q8Rk_Vw3Lx9TzB0hJ-eN5uYpS"
REFUSALS = {
    "okta": {"errorCode": "E0000009", "errorSummary": f"made {MADE}"},
    "entra-id": {"error": {"code": "Request_BadRequest", "message": f"made {MADE}"}},
    "adobe": {"error_code": MADE, "message": f"made {MADE}"},
}
KINDS = pytest.mark.parametrize("kind", REFUSALS)


@KINDS
@pytest.mark.parametrize("status", [400, 500])
def test_refusal_of_an_add_shows_no_text_of_the_provider(kind: str, status: int) -> None:
    error = failure(open_admin(kind, answered(status, REFUSALS[kind])), "add", "label", ENDS_AT)

    assert MADE not in f"{error} {error.debug_id}"
    assert f"(HTTP {status}" in str(error)


POLICY = "CredentialInvalidLifetimeAsPerAppPolicy"
BARRED = "CredentialTypeNotAllowedAsPerAppPolicy"
# Microsoft Graph (the last two from azure-cli issue 28522 and microsoft-365-agents-toolkit), the
# error codes of Okta's and Auth0's management APIs, Adobe's gateway.
CODES = [
    ("okta", {"errorCode": "E0000009"}, "E0000009"),
    ("okta", {"errorCode": "E0000001", "errorSummary": MADE}, "E0000001"),
    ("adobe", {"error_code": "403003", "message": MADE}, "403003"),
    ("entra-id", {"error": {"code": "Request_BadRequest"}}, "Request_BadRequest"),
    ("entra-id", {"error": {"code": POLICY, "message": MADE}}, POLICY),
    ("entra-id", {"error": {"code": BARRED, "message": MADE}}, BARRED),
]


@pytest.mark.parametrize("status", [400, 403, 500])
@pytest.mark.parametrize(("kind", "body", "code"), CODES)
def test_refusal_of_an_add_shows_the_code(
    kind: str, body: dict[str, Any], code: str, status: int
) -> None:
    error = failure(open_admin(kind, answered(status, body)), "add", "label", ENDS_AT)

    assert f"(HTTP {status}: {code})" in str(error)
    assert MADE not in str(error)


def test_refusal_of_a_chosen_value_shows_code_and_description() -> None:
    body = {"error": "Bad Request", "message": "Payload is wrong", "errorCode": "invalid_body"}
    error = failure(open_admin("auth0", answered(400, body)), "replace", Secret(VALUE))

    assert "(HTTP 400: invalid_body: Payload is wrong)" in str(error)


# What generated client secrets look like, with and without digits: none is taken for a code.
@pytest.mark.parametrize(
    "code", [MADE, "qkRkVwLxTzBhJeNuYpSm", "abc8Q~defGHI", "0123456789", "a" * 65, 7, None]
)
def test_code_that_has_not_the_form_of_one_is_not_shown(code: object) -> None:
    refusal = answered(400, {"error": {"code": code}, "errorCode": code})

    assert "(HTTP 400)" in str(failure(open_admin("okta", refusal), "add", "label", ENDS_AT))


def test_code_that_repeats_what_was_sent_is_not_shown() -> None:
    chosen = "correct_horse_battery"  # which has the form of a code
    refusal = answered(400, {"errorCode": chosen})
    error = failure(open_admin("auth0", refusal), "replace", Secret(chosen))

    assert chosen not in str(error)
    assert "(HTTP 400)" in str(error)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (POLICY, "set lifetime_days in client_admin, which is 180 now, to what it allows"),
        (BARRED, "have an administrator exempt this application"),
        ("AnotherThingAsPerAppPolicy", "have an administrator exempt this application"),
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_policy_of_a_tenant_gets_advice_of_its_own(code: str, advice: str, status: int) -> None:
    refusal = answered(status, {"error": {"code": code, "message": "as per assigned policy"}})
    error = str(failure(open_admin("entra-id", refusal), "add", "label", ENDS_AT))

    assert advice in error
    assert "grant" not in error.replace("granted", "")


def test_right_that_is_missing_is_named() -> None:
    refusal = answered(403, {"error": {"code": "Authorization_RequestDenied"}})

    text = str(failure(open_admin("entra-id", refusal), "add", "label", ENDS_AT))

    assert "grant the application permission Application.ReadWrite.OwnedBy" in text


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("stated", "named"),
    [
        # RFC 9110 section 10.2.3: seconds, or a date.
        ("120", "it takes requests again at 2026-01-31T09:02:01Z"),
        ("Sat, 31 Jan 2026 09:10:00 GMT", "it takes requests again at 2026-01-31T09:10:01Z"),
        ("0", None),
        ("9" * 30, None),
        ("soon", None),
    ],
)
def test_provider_that_says_when_to_come_again_is_quoted(
    stated: str, named: str | None, status: int
) -> None:
    refusal = HttpResponse(status, {"retry-after": stated}, b"{}")
    error = failure(open_admin("okta", refusal), "add", "label", ENDS_AT)

    assert error.retryable
    assert ("takes requests" in str(error)) is (named is not None)
    assert named is None or named in str(error)
