"""How each provider is asked, and what becomes of its answers: without a network."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import ConfigError
from rotator.model.secret import Secret
from rotator.transport.bounded import HttpResponse, TransportError
from tests.support.admin_calls import (
    ENDS_AT,
    GUID,
    STORED,
    TOKEN,
    VALUE,
    answered,
    failure,
    open_admin,
)

if TYPE_CHECKING:
    from rotator.transport.request import HttpRequest

# From the documents: the console's API reference, Microsoft Graph, Okta's and Auth0's management
# APIs. What stands in a path is percent-encoded.
CONSOLE = "https://api.adobe.io/console/organizations/A%2FB%40Org/credentials/c%3Fd/secrets"
GRAPH = "https://graph.microsoft.com/v1.0/applications(appId='id')"
OKTA = "https://o.example/api/v1/apps/0oa%2F1/credentials/secrets"
REQUESTS = [
    ("adobe", "list", (), "GET", CONSOLE),
    ("adobe", "delete", ("11ede399",), "DELETE", f"{CONSOLE}/11ede399"),
    ("entra-id", "list", (), "GET", f"{GRAPH}?$select=passwordCredentials"),
    ("entra-id", "delete", (GUID,), "POST", f"{GRAPH}/removePassword"),
    ("okta", "list", (), "GET", OKTA),
    ("okta", "retire", ("s",), "POST", f"{OKTA}/s/lifecycle/deactivate"),
    ("okta", "delete", ("s",), "DELETE", f"{OKTA}/s"),
    ("auth0", "replace", (Secret(VALUE),), "PATCH", "https://t.example/api/v2/clients/id"),
]
EMPTY: dict[str, Any] = {
    "adobe": {"client_id": "id", "client_secrets": []},
    "entra-id": {"passwordCredentials": []},
    "okta": [],
    "auth0": {"client_id": "id"},
}
OKTA_SECRET = {"id": "s", "created": "2023-02-21T20:08:24.000Z", "status": "INACTIVE"}
DELETES = [("adobe", "DELETE"), ("entra-id", "POST"), ("okta", "DELETE")]


@pytest.mark.parametrize(("kind", "verb", "args", "method", "url"), REQUESTS)
def test_request_is_the_documented_one(
    kind: str, verb: str, args: tuple[Any, ...], method: str, url: str
) -> None:
    sent: list[HttpRequest] = []
    documented = {
        "list": answered(200, EMPTY[kind]),
        "delete": HttpResponse(204, {}, b""),
        "retire": answered(200, OKTA_SECRET),
        "replace": answered(200, EMPTY[kind]),
    }
    admin = open_admin(kind, documented[verb], answered(200, EMPTY[kind]), sent=sent)
    getattr(admin, verb)(*args)

    request = sent[0]
    assert (request.method, request.url) == (method, url)
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    # Adobe's interface wants the client of the management token, no other wants any.
    assert request.headers.get("x-api-key") == ("management-id" if kind == "adobe" else None)


def test_entra_id_is_told_name_and_end() -> None:
    sent: list[HttpRequest] = []
    document = {"keyId": GUID, "secretText": VALUE, "endDateTime": "2026-07-30T09:00:00Z"}
    made = open_admin("entra-id", answered(200, document), sent=sent).add("rotator 1", ENDS_AT)

    assert json.loads(sent[0].body) == {
        "passwordCredential": {"displayName": "rotator 1", "endDateTime": "2026-07-30T09:00:00Z"}
    }
    assert made.value == Secret(VALUE)
    assert made.listed.expires_at == ENDS_AT


def test_adobes_milliseconds_are_read() -> None:
    listed = {
        "uuid": "u",
        "created_at": "1683005777000",
        "expires_at": "PERMANENT",
        "secret_usages": [{"last_used_at": "1683162010101", "grant_type": "client_credentials"}],
    }
    [found] = open_admin(
        "adobe", answered(200, {"client_id": "id", "client_secrets": [listed]})
    ).list()

    assert found.created_at == datetime(2023, 5, 2, 5, 36, 17, tzinfo=UTC)  # as the page has it
    assert found.last_used_at == datetime(2023, 5, 4, 1, 0, 10, tzinfo=UTC)
    assert found.expires_at is None


@pytest.mark.parametrize(
    ("status", "is_retryable"), [(400, False), (403, False), (429, True), (500, True), (503, True)]
)
def test_refusal_tells_status_and_whether_it_may_pass(status: int, *, is_retryable: bool) -> None:
    error = failure(open_admin("okta", answered(status, {"errorSummary": "no"})), "list")

    assert (error.status, error.retryable, error.debug_id) == (status, is_retryable, "r-1")
    assert f"(HTTP {status}: no)" in str(error)


@pytest.mark.parametrize("kind", ["adobe", "okta"])
def test_client_secret_that_is_gone_is_deleted(kind: str) -> None:
    open_admin(kind, answered(404, {}), answered(200, EMPTY[kind])).delete("gone")


PAGE = HttpResponse(200, {"content-type": "text/html"}, b"<html>Please log in</html>")
# RFC 3986: dots lead out of a path (5.2.4), and these characters end a segment (3.3).
ODD_IDS = ["..", ".", "a/../b", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a\n", "é", "x" * 129]


def listed(kind: str, secret_id: str) -> HttpResponse:
    return answered(
        200,
        {
            "adobe": {"client_id": "id", "client_secrets": [{"uuid": secret_id, "created_at": 1}]},
            "entra-id": {"passwordCredentials": [{"keyId": secret_id}]},
            "okta": [OKTA_SECRET | {"id": secret_id}],
        }[kind],
    )


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize(("kind", "_"), DELETES)
def test_id_that_would_lead_elsewhere_is_not_a_documented_one(kind: str, _: str, odd: str) -> None:
    error = failure(open_admin(kind, listed(kind, odd)), "list")

    assert "is not the documented one" in str(error)


def test_id_of_entra_id_is_a_guid() -> None:
    assert open_admin("entra-id", listed("entra-id", GUID)).list()[0].id == GUID
    failure(open_admin("entra-id", listed("entra-id", f"{GUID}0")), "list")


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize(
    ("kind", "verb"),
    [*((kind, "delete") for kind, _ in DELETES), ("okta", "retire"), ("okta", "restore")],
)
def test_id_in_the_state_that_would_lead_elsewhere_is_not_sent(
    kind: str, verb: str, odd: str
) -> None:
    sent: list[HttpRequest] = []

    with pytest.raises(ConfigError, match="has an id of a client secret that is"):
        getattr(open_admin(kind, PAGE, sent=sent), verb)(odd)

    assert sent == []


@pytest.mark.parametrize("client_id", [".", ".."])
def test_client_id_that_would_lead_elsewhere_is_not_sent(client_id: str) -> None:
    sent: list[HttpRequest] = []

    with pytest.raises(ConfigError, match="has an empty path segment, or one of dots"):
        open_admin("auth0", PAGE, sent=sent, client_id=client_id).replace(Secret(VALUE))

    assert sent == []


def test_quote_in_a_client_id_does_not_end_the_key_of_entra_id() -> None:
    # OData 4.01, part 2, URL conventions: a quote in a string literal is written twice.
    sent: list[HttpRequest] = []
    open_admin("entra-id", answered(200, EMPTY["entra-id"]), sent=sent, client_id="a'/b").list()

    assert sent[0].url.partition("?")[0].endswith("/v1.0/applications(appId='a''%2Fb')")


@pytest.mark.parametrize(("kind", "method"), DELETES)
@pytest.mark.parametrize("answer", [PAGE, answered(200, {}), HttpResponse(202, {}, b"")])
def test_answer_to_a_delete_that_is_not_204_is_no_success(
    kind: str, method: str, answer: HttpResponse
) -> None:
    sent: list[HttpRequest] = []
    error = failure(open_admin(kind, answer, sent=sent), "delete", GUID)

    assert "is not the documented one" in str(error)
    assert error.status == answer.status
    assert [request.method for request in sent] == [method]


def test_client_secret_that_is_listed_after_its_delete_is_not_deleted() -> None:
    listed = answered(200, [OKTA_SECRET])
    error = failure(open_admin("okta", HttpResponse(204, {}, b""), listed), "delete", "s")

    assert error.retryable
    assert "lists s after" in str(error)


@pytest.mark.parametrize(
    ("kind", "verb", "argument"),
    [("okta", "retire", "s"), ("okta", "restore", "s"), ("auth0", "replace", Secret(VALUE))],
)
@pytest.mark.parametrize(
    "answer",
    [PAGE, HttpResponse(204, {}, b""), answered(200, {}), answered(200, {"client_id": "other"})],
)
def test_page_of_a_proxy_is_no_success_of_a_change(
    kind: str, verb: str, argument: object, answer: HttpResponse
) -> None:
    error = failure(open_admin(kind, answer), verb, argument)

    assert "is not the documented one" in str(error)


@pytest.mark.parametrize(("verb", "status"), [("retire", "ACTIVE"), ("restore", "INACTIVE")])
def test_client_secret_that_was_not_switched_is_no_success(verb: str, status: str) -> None:
    answer = answered(200, OKTA_SECRET | {"status": status})

    assert "is not the documented one" in str(failure(open_admin("okta", answer), verb, "s"))


def test_adobes_list_of_another_client_is_refused() -> None:
    other = answered(200, {"client_id": "somebody-else", "client_secrets": []})

    with pytest.raises(ConfigError, match=r"credential_id c.d belongs to the client somebody-else"):
        open_admin("adobe", other).list()


@pytest.mark.parametrize(
    ("told", "stored", "other"),
    [
        # An example of Okta's reference: a value, and its hash.
        ({"client_secret": "DRUFXGF9XbLnS9k-Sla3x3POBiIxDreBCdZuFs5B"}, True, False),
        ({"secret_hash": "FpCwXwSjTRQNtEI11I00-g"}, True, None),
        ({"secret_hash": "another kind of hash"}, None, None),
        ({}, None, None),
    ],
)
def test_oktas_list_tells_whose_value_it_is(
    told: dict[str, str], *, stored: bool | None, other: bool | None
) -> None:
    [found] = open_admin("okta", answered(200, [OKTA_SECRET | told])).list()

    assert found.matches(Secret("DRUFXGF9XbLnS9k-Sla3x3POBiIxDreBCdZuFs5B")) is stored
    assert found.matches(Secret("another")) is other
    assert "DRUFXGF9" not in repr(found)


def test_hint_of_entra_id_is_the_beginning_of_the_value() -> None:
    # Microsoft Graph, passwordCredential: "the first three characters of the password".
    password = {"keyId": GUID, "hint": "8Q~", "endDateTime": "2026-07-30T09:00:00Z"}
    document = {"passwordCredentials": [password, password | {"hint": None}]}
    [hinted, bare] = open_admin("entra-id", answered(200, document)).list()

    assert hinted.matches(Secret("8Q~abc")) is True
    assert hinted.matches(Secret("9Q~abc")) is False
    assert bare.matches(Secret("8Q~abc")) is None


def test_listed_value_that_a_later_refusal_repeats_is_hidden() -> None:
    value = "canary-value-of-somebody-else"
    listed = answered(200, [OKTA_SECRET | {"client_secret": value}])
    admin = open_admin("okta", listed, answered(400, {"errorSummary": f"have {value}"}))
    admin.list()

    assert "(HTTP 400: have ***)" in str(failure(admin, "retire", "s"))


def test_refused_token_names_a_clock_that_is_off() -> None:
    def refuse(status: int) -> str:
        date = {"date": "Sat, 31 Jan 2026 09:05:30 GMT"}
        return str(failure(open_admin("okta", HttpResponse(status, date, b"{}")), "list"))

    assert "this host's clock is 5 min 30 s behind the server's" in refuse(401)
    assert "clock" not in refuse(403)


def test_echo_of_what_was_sent_is_hidden() -> None:
    said = {"message": f"Bearer {TOKEN} may not set {VALUE}"}
    error = failure(open_admin("auth0", answered(403, said)), "replace", Secret(VALUE))

    assert "***" in str(error)


def test_stored_client_secret_that_the_provider_repeats_is_hidden() -> None:
    error = failure(open_admin("okta", answered(403, {"errorSummary": f"have {STORED}"})), "list")

    assert "(HTTP 403: have ***)" in str(error)


def test_new_client_secret_in_an_undocumented_response_is_not_shown() -> None:
    odd = answered(201, {"client_secret": VALUE, "uuid": 7})
    failure(open_admin("adobe", odd), "add", "label", ENDS_AT)


def test_response_that_is_cut_is_refused() -> None:
    error = failure(open_admin("okta", answered(200, [], is_cut=True)), "list")

    assert "not the documented one" in str(error)


def test_lost_response_is_temporary() -> None:
    lost = TransportError("no response in time", retryable=True)

    assert failure(open_admin("adobe", lost), "list").retryable


MADE = "q8Rk_Vw3Lx9TzB0hJ-eN5uYpS"
ADDED: dict[str, dict[str, Any]] = {
    "okta": {"id": MADE, "status": "ACTIVE", "client_secret": MADE},
    "entra-id": {"keyId": GUID, "secretText": GUID},
    "adobe": {"uuid": f"x{MADE}", "client_secret": MADE, "created_at": "1"},
}


@pytest.mark.parametrize("kind", ADDED)
def test_id_that_is_the_new_value_is_no_id(kind: str) -> None:
    error = failure(open_admin(kind, answered(201, ADDED[kind])), "add", "label", ENDS_AT)

    assert "not the documented one" in str(error)
    assert MADE not in str(error)


def test_listed_id_that_is_a_value_is_no_id() -> None:
    listed = open_admin("okta", answered(200, [ADDED["okta"]]))

    assert MADE not in str(failure(listed, "list"))
