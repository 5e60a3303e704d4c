"""Client secrets that a provider tells where nobody expects one: in a refusal, or as an id."""

from typing import Any

import pytest

from tests.unit.client_admin.test_adapter import ENDS_AT, answered, failure, open_admin

MADE = "q8Rk~Vw3Lx.9TzB0hJ-eN5uYpS"
REFUSALS = {
    "okta": {"errorCode": "E0000009", "errorSummary": f"made {MADE}"},
    "entra-id": {"error": {"code": "Request_BadRequest", "message": f"made {MADE}"}},
    "adobe": {"error_code": MADE, "message": f"made {MADE}"},
}
ADDED: dict[str, dict[str, Any]] = {
    "okta": {"id": MADE, "status": "ACTIVE", "client_secret": MADE},
    "entra-id": {"keyId": MADE, "secretText": MADE},
    "adobe": {"uuid": f"x{MADE}", "client_secret": MADE, "created_at": "1"},
}
KINDS = pytest.mark.parametrize("kind", ADDED)


@KINDS
@pytest.mark.parametrize("status", [400, 500])
def test_refusal_of_an_add_shows_no_text_of_the_provider(kind: str, status: int) -> None:
    error = failure(open_admin(kind, answered(status, REFUSALS[kind])), "add", "label", ENDS_AT)

    assert MADE not in f"{error} {error.debug_id}"
    assert f"(HTTP {status}" in str(error)


@pytest.mark.parametrize(
    ("kind", "code"), [("okta", "E0000009"), ("entra-id", "Request_BadRequest")]
)
def test_refusal_of_an_add_shows_the_documented_code(kind: str, code: str) -> None:
    error = failure(open_admin(kind, answered(400, REFUSALS[kind])), "add", "label", ENDS_AT)

    assert f"(HTTP 400: {code})" in str(error)


@pytest.mark.parametrize("code", [MADE, 7, None])
def test_code_that_is_not_documented_is_not_shown(code: object) -> None:
    refusal = answered(400, {"error": {"code": code}, "errorCode": code})

    assert "(HTTP 400)" in str(failure(open_admin("okta", refusal), "add", "label", ENDS_AT))


@KINDS
def test_id_that_is_the_new_value_is_no_id(kind: str) -> None:
    error = failure(open_admin(kind, answered(201, ADDED[kind])), "add", "label", ENDS_AT)

    assert "not the documented one" in str(error)
    assert MADE not in str(error)


def test_listed_id_that_is_a_value_is_no_id() -> None:
    listed = open_admin("okta", answered(200, [ADDED["okta"]]))

    assert MADE not in str(failure(listed, "list"))
