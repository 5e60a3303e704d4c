"""A refused client moves on to the next client secret, however the provider says it."""

import base64
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest

from rotator.errors import MintError
from rotator.oauth.endpoint import TokenEndpoint
from tests.support.certificates import Identity
from tests.support.clock import ManualClock
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.minting import mint_error
from tests.support.recording_server import RecordingServer

KEY = Identity.of("client").private_key
AWKWARD = "a+b/c=d+e/f=g+h/"
REFUSALS = {
    "auth0": (401, {"error": "access_denied", "error_description": "Unauthorized"}),
    "keycloak": (401, {"error": "unauthorized_client", "error_description": "Invalid client"}),
    "uaa": (401, {"error": "unauthorized", "error_description": "Bad credentials"}),
    "okta": (401, {"errorCode": "invalid_client", "errorSummary": "Invalid client_secret"}),
    "entra": (401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid"}),
    "adobe": (400, {"error": "invalid_client", "error_description": "invalid client_secret"}),
    "bare": (401, {}),
}


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def refused(server: RecordingServer, **changes: Any) -> MintError:
    fields = {"client_id": "id", "client_secret": AWKWARD} | changes
    return mint_error(f"{server.url}/token", **fields)


@pytest.mark.parametrize(
    ("server_ahead_s", "said"),
    [(420, "7 min 0 s behind"), (-425, "7 min 5 s ahead of"), (30, None)],
)
def test_refused_assertion_names_a_clock_that_is_off(
    server: RecordingServer, server_ahead_s: int, said: str | None
) -> None:
    server.epoch = lambda: ManualClock().now().timestamp() + server_ahead_s
    server.answers["/token"] = REFUSALS["okta"]

    with_key = refused(server, client_secret=None, private_key=KEY)
    with_secret = refused(server)

    hint = "clock" if said is None else f"this host's clock is {said} the server's"
    assert (hint in str(with_key)) == (said is not None)
    assert "clock" not in str(with_secret)


@pytest.mark.parametrize("name", REFUSALS)
def test_any_refusal_of_the_client_moves_on_to_the_next_secret(
    server: RecordingServer, name: str
) -> None:
    server.answers["/token"] = REFUSALS[name]

    error = refused(server, client_secret=["p8e-new", "p8e-old"], auth_method="client_secret_post")

    sent = [dict(request.form)["client_secret"] for request in server.requests]
    assert sent == ["p8e-new", "p8e-old"]
    assert not error.retryable


def mint_slowly(*, secrets: int, refusal_s: float) -> MintError:
    """Mint with so many client secrets, each refused after so long, within 30 seconds."""
    clock = ManualClock()

    def refuse(_: Request) -> Reply:
        clock.advance(refusal_s)
        return json_reply(401, {"error": "invalid_client"})

    with HttpServer(refuse) as server:
        endpoint = TokenEndpoint(clock=clock, deadline_s=30)
        values = [f"p8e-{n}" for n in range(secrets)]
        return mint_error(server.url, endpoint=endpoint, client_secret=values)


@pytest.mark.parametrize(("status", "is_retryable"), [(400, False), (401, False), (503, True)])
def test_status_of_a_refusal_counts_although_its_body_is_cut(
    status: int, *, is_retryable: bool
) -> None:
    reply = Reply(status, b'{"error": "anything"}', {"x-debug-id": "d-1"}, cut_bytes=5)
    with HttpServer(lambda _: reply) as server:
        error = mint_error(server.url, client_secret=["one", "two"])
    assert (error.status, error.retryable, error.debug_id) == (status, is_retryable, "d-1")


def test_slow_refusals_that_use_up_the_time_are_told_with_how_many_were_tried() -> None:
    """Four seconds each, and 30 in all: no run would ever get to the last ones."""
    error = mint_slowly(secrets=30, refusal_s=4)

    assert (error.oauth_error, error.status, error.retryable) == ("invalid_client", 401, False)
    assert "client_secret: 8 of 30 were refused before the time for minting was up" in str(error)
    assert "p8e" not in str(error)


def test_slow_refusal_of_the_first_of_two_client_secrets_can_pass() -> None:
    """While one replaces the other, the second is good, and the provider slow today."""
    error = mint_slowly(secrets=2, refusal_s=31)

    assert error.retryable
    assert "no time left" in str(error)


@pytest.mark.parametrize("status", [400, 429, 503])
def test_what_is_no_refusal_of_the_client_spares_the_next_secret(
    server: RecordingServer, status: int
) -> None:
    server.answers["/token"] = (status, {"error": "invalid_scope"})

    refused(server, client_secret=["p8e-new", "p8e-old"], auth_method="client_secret_post")

    assert {dict(request.form)["client_secret"] for request in server.requests} == {"p8e-new"}


def sent_forms() -> list[str]:
    pair = f"id:{quote_plus(AWKWARD)}"
    basic = base64.b64encode(pair.encode()).decode()
    raw = base64.b64encode(f"id:{AWKWARD}".encode()).decode()
    return [basic, raw, f"Basic {basic}", quote_plus(AWKWARD), AWKWARD, AWKWARD.replace("/", "\\/")]


@pytest.mark.parametrize("echo", sent_forms())
@pytest.mark.parametrize("fold", [str, str.upper, str.lower, quote_plus])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_echo_of_what_was_sent_is_redacted_in_every_form(
    server: RecordingServer, echo: str, fold: Callable[[str], str], method: str
) -> None:
    echoed = fold(echo)
    server.answers["/token"] = (400, {"error": "bad", "error_description": f"you sent {echoed}"})

    told = str(refused(server, auth_method=method))

    assert "you sent" in told
    assert "***" in told
    pieces = {echoed[at : at + 12].lower() for at in range(len(echoed) - 11)}
    assert not any(piece in told.lower() for piece in pieces)


@pytest.mark.parametrize(("encoding", "other"), [("form", "raw"), ("raw", "form")])
def test_refused_basic_credentials_hint_at_the_setting_of_their_encoding(
    server: RecordingServer, encoding: str, other: str
) -> None:
    server.answers["/token"] = REFUSALS["uaa"]

    told = str(refused(server, basic_encoding=encoding))

    assert f"set basic_encoding to {other}" in told


def test_plain_basic_credentials_get_no_such_hint(server: RecordingServer) -> None:
    server.answers["/token"] = REFUSALS["uaa"]

    assert "basic_encoding" not in str(refused(server, client_secret="p8e-plain"))
