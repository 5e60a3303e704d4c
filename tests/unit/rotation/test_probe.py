"""An API call shows whether a token is taken, and only a refusal stops its publication."""

import socket
from collections.abc import Iterator

import pytest

from rotator.errors import ConfigError, ProbeError
from rotator.local.ims import GREETING, LocalIms
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.probe import call_api, make_probe, make_stored_probe
from tests.support.memory_endpoint import access_token
from tests.support.raw_server import RawServer
from tests.support.recording_server import RecordingServer

CLIENT = "3f0ad53b1f2f4a0e9d1c3f2b5a697887"
CANARY = "canary-of-a-token-that-nobody-minted"


@pytest.fixture
def ims() -> Iterator[LocalIms]:
    with LocalIms(clients={CLIENT: ["p8e-secret"]}) as running:
        yield running


@pytest.fixture
def minted(ims: LocalIms) -> AccessToken:
    fields = {
        "provider": "adobe-ims",
        "token_url": ims.urls.token,
        "client_id": CLIENT,
        "client_secret": "p8e-secret",
    }
    return TokenEndpoint().mint(ClientCredentials.from_fields(fields)).token


def token(text: str = CANARY, client_id: str = CLIENT) -> AccessToken:
    return access_token(text, client_id=client_id)


def closed_port() -> str:
    server = LocalIms()
    server.server_close()
    return server.urls.hello


def test_good_token_is_greeted(ims: LocalIms, minted: AccessToken) -> None:
    answer = call_api(ims.urls.hello, token=minted.access_token, client_id=CLIENT)

    assert (answer.status, answer.body) == (200, GREETING)
    assert answer.error_code is None
    assert answer.debug_id


def test_refusal_is_an_answer_with_the_code_of_the_api(ims: LocalIms) -> None:
    answer = call_api(ims.urls.hello, token=Secret(CANARY), client_id=CLIENT)

    assert answer.status == 401
    assert answer.error_code == "401013"
    assert "Oauth token is not valid" in answer.body


def test_client_id_is_the_api_key(ims: LocalIms, minted: AccessToken) -> None:
    answer = call_api(ims.urls.hello, token=minted.access_token, client_id=None)

    assert (answer.status, answer.error_code) == (403, "403000")


@pytest.mark.parametrize(
    "url", ["http://api.example/", "ftp://127.0.0.1/", "https://u:p@api.example/", "api.example"]
)
def test_token_is_never_sent_where_it_could_be_read(url: str) -> None:
    with pytest.raises(ConfigError, match="API URL"):
        call_api(url, token=Secret(CANARY), client_id=None)


def test_unreachable_api_is_a_temporary_error() -> None:
    with pytest.raises(ProbeError) as caught:
        call_api(closed_port(), token=Secret(CANARY), client_id=None)

    assert caught.value.retryable
    assert caught.value.__context__ is None


def test_probe_lets_a_good_token_through_without_a_word(ims: LocalIms, minted: AccessToken) -> None:
    assert make_probe(ims.urls.hello)(minted) is None
    assert ims.observed()["api_calls_ok"] == 1


@pytest.mark.parametrize(
    ("changes", "code"), [({}, "401013"), ({"client_id": "another"}, "403000")]
)
def test_probe_refuses_what_the_api_refuses(
    ims: LocalIms, minted: AccessToken, changes: dict[str, str], code: str
) -> None:
    text = minted.access_token.reveal() if changes else CANARY

    with pytest.raises(ProbeError) as caught:
        make_probe(ims.urls.hello)(token(text, **changes))

    assert caught.value.error_code == code
    assert code in str(caught.value)
    assert not caught.value.retryable


def test_unreachable_probe_warns_and_lets_the_token_through() -> None:
    warning = make_probe(closed_port())(token())

    assert warning is not None
    assert warning.startswith("API: ")


def test_probe_that_fails_for_another_reason_warns_and_lets_the_token_through(
    ims: LocalIms,
) -> None:
    warning = make_probe(f"{ims.urls.base}/nowhere")(token())

    assert warning is not None
    assert "HTTP 404" in warning


def test_stored_token_is_rejected_by_a_401_alone(ims: LocalIms, minted: AccessToken) -> None:
    assert make_stored_probe(ims.urls.hello)(token())
    assert not make_stored_probe(ims.urls.hello)(minted)
    assert not make_stored_probe(ims.urls.hello)(token(minted.access_token.reveal(), "another"))
    assert not make_stored_probe(f"{ims.urls.base}/nowhere")(token())


@pytest.mark.parametrize("code", ["401014", "401015"])
def test_401_that_a_new_token_would_get_as_well_is_no_rejection(code: str) -> None:
    with RecordingServer() as server:
        server.answers = {"/": (401, {"error_code": code})}
        assert not make_stored_probe(f"{server.url}/")(token())


def test_unreachable_api_does_not_say_whether_the_stored_token_is_good() -> None:
    with pytest.raises(ProbeError):
        make_stored_probe(closed_port())(token())


BROKEN_BODIES = {
    "cut": b"Content-Length: 1000\r\n\r\nno",
    "no chunk": b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "chunk cut": b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "never comes": b"Content-Length: 10\r\n\r\n",
}


@pytest.mark.parametrize("body", BROKEN_BODIES)
@pytest.mark.parametrize(
    "status", ["401 Unauthorized", "403 Forbidden", "503 Unavailable", "200 OK"]
)
def test_status_of_the_api_decides_whatever_the_body_does(status: str, body: str) -> None:
    def play(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(f"HTTP/1.1 {status}\r\n".encode() + BROKEN_BODIES[body])
        while body == "never comes" and connection.recv(1):
            pass

    problem = ""
    with RawServer(play) as server:
        try:
            make_probe(server.url, timeout_s=1)(token())
        except ProbeError as error:
            problem = f"{error.status} {error.is_refusal}"
        assert problem == {"401": "401 True", "403": "403 True"}.get(status[:3], "")
        if not status.startswith("200"):
            is_rejected = make_stored_probe(server.url, timeout_s=1)(token())
            assert is_rejected == status.startswith("401")
