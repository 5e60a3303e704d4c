"""The agent and the extension, over HTTP on loopback."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.errors import ConfigError, RotatorError, SecretNotFound, StoreError, TokenUnavailable
from rotator.reader import TokenReader, get_token
from rotator.reader.loopback import LoopbackSource
from tests.support.http_server import HttpServer, Reply, Request
from tests.support.reader_rig import free_port, live_version, start_clock

SECRET_ID = "team/photoshop token"
NOT_FOUND = "ResourceNotFoundException"
NO_VALUE = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
PERMANENT, TEMPORARY, NO_TOKEN = (StoreError, False), (StoreError, True), (TokenUnavailable, True)


pytestmark = pytest.mark.usefixtures("bare_environment")


class Loopback(HttpServer):
    """The agent or the extension; it answers what the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(self._respond)
        self.monkeypatch = monkeypatch
        self.asked: list[dict[str, str]] = []
        self.ssrf_token = "ssrf"
        self.answers: dict[str, tuple[int, bytes]] = {}

    def set(self, **variables: str | None) -> None:
        """Change the environment; None takes a variable out of it."""
        for name, text in variables.items():
            if text is None:
                self.monkeypatch.delenv(name)
            else:
                self.monkeypatch.setenv(name, text)

    def _respond(self, request: Request) -> Reply:
        self.asked.append({"path": request.path, **request.arguments})
        if request.headers.get("x-aws-parameters-secrets-token") != self.ssrf_token:
            return Reply(403, b"Bad Token")
        return Reply(*self.answer(request.arguments))

    def answer(self, query: dict[str, str]) -> tuple[int, bytes]:
        fresh = self.answers.get("fresh") if "refreshNow" in query else None
        return fresh or self.answers.get(query["versionStage"], (400, b"no such secret"))

    def serve(self, stage: str, answer: object, *, status: int = 200) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers[stage] = (status, body)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A loopback source that the environment announces as the agent's."""
    with Loopback(monkeypatch) as loopback:
        loopback.serve("AWSCURRENT", live_version("from-loopback"))
        loopback.set(PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=str(loopback.port), AWS_TOKEN="ssrf")
        yield loopback


def test_agent_serves_the_token_without_the_sdk(loopback: Loopback) -> None:
    assert get_token(SECRET_ID) == "from-loopback"
    assert loopback.asked == [
        {"path": "/secretsmanager/get", "secretId": SECRET_ID, "versionStage": "AWSCURRENT"}
    ]


def test_agent_token_is_read_from_its_file_each_time(loopback: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "awssmatoken"
    loopback.set(AWS_TOKEN=f"file://{path}")
    for ssrf_token in ("before the restart", "after it"):
        loopback.ssrf_token = ssrf_token
        path.write_text(f"{ssrf_token}\n")
        assert TokenReader(SECRET_ID, source="agent").token() == "from-loopback"


def test_agent_token_file_that_cannot_be_read_is_named(loopback: Loopback, tmp_path: Path) -> None:
    loopback.set(AWS_TOKEN=f"file://{tmp_path / 'missing'}")
    with pytest.raises(ConfigError, match="missing cannot be read"):
        TokenReader(SECRET_ID, source="agent").token()
    assert loopback.asked == []


def test_extension_is_asked_with_the_session_token(loopback: Loopback) -> None:
    session_token = "of-the-function"
    loopback.set(AWS_TOKEN=None, AWS_LAMBDA_FUNCTION_NAME="c", AWS_SESSION_TOKEN=session_token)
    loopback.ssrf_token = "of-the-function"
    assert get_token(SECRET_ID) == "from-loopback"
    loopback.set(AWS_SESSION_TOKEN=None)
    with pytest.raises(ConfigError, match="AWS_SESSION_TOKEN: not set"):
        TokenReader(SECRET_ID, source="extension").token()


def test_agent_is_asked_past_its_cache_for_an_expired_token_and_after_a_rejection(
    loopback: Loopback,
) -> None:
    loopback.serve("AWSCURRENT", live_version("stale", lives_s=-5))
    loopback.serve("fresh", live_version("fresh"))
    reader = TokenReader(SECRET_ID, source="agent")
    assert reader.token() == "fresh"
    loopback.serve("fresh", live_version("fresher"))
    assert reader.invalidate("fresh")
    assert reader.token() == "fresher"
    assert [asked.get("refreshNow") for asked in loopback.asked] == [None, "true", "true"]


def test_agent_that_knows_no_refresh_is_asked_without(loopback: Loopback) -> None:
    reader = TokenReader(SECRET_ID, source="agent")
    reader.token()
    loopback.serve("fresh", b"unknown parameter: refreshNow", status=400)
    loopback.serve("AWSCURRENT", live_version("newer"))
    assert reader.invalidate("from-loopback")


def test_extension_is_never_sent_a_parameter_that_it_does_not_know(loopback: Loopback) -> None:
    loopback.set(AWS_SESSION_TOKEN="ssrf")
    reader = TokenReader(SECRET_ID, source="extension")
    assert not reader.invalidate(reader.token())
    assert all("refreshNow" not in asked for asked in loopback.asked)


def test_extension_that_is_not_ready_is_asked_once_more_after_a_pause(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so to a function that asks while it starts (INIT)."""
    clock = start_clock()
    not_ready = (400, b"not ready to serve traffic, please wait")
    answers = [not_ready, (200, json.dumps(live_version("from-loopback")).encode())]
    monkeypatch.setattr(loopback, "answer", lambda _query: answers.pop(0))
    source = LoopbackSource("the extension", lambda: "ssrf", has_fresh=False, clock=clock)
    assert "from-loopback" in source.read("s", "AWSCURRENT", fresh=False)["SecretString"]
    assert len(clock.slept_s) == 1
    answers += [not_ready] * 2
    with pytest.raises(StoreError, match="is not ready to serve traffic yet") as caught:
        source.read("s", "AWSCURRENT", fresh=False)
    assert caught.value.retryable
    assert len(clock.slept_s) == 2


@pytest.mark.parametrize(
    ("status", "body", "outcome", "text"),
    [
        (400, {"__type": NOT_FOUND, "message": "no"}, (SecretNotFound, False), "does not exist"),
        (400, {"__type": NOT_FOUND, "message": NO_VALUE}, NO_TOKEN, "no AWSCURRENT"),
        (400, {"__type": "a.b#AccessDeniedException"}, PERMANENT, "access denied"),
        (504, {"__type": "TimeoutError", "message": "x"}, TEMPORARY, "temporarily unavailable"),
        (500, {"__type": "canary secret"}, TEMPORARY, "HTTP 500"),
        (400, b"not ready to serve traffic", TEMPORARY, "not ready to serve traffic yet"),
        (503, b"Serving not enabled", TEMPORARY, "HTTP 503"),
        (302, b"", TEMPORARY, "HTTP 302"),
        (200, b"canary <html>", TEMPORARY, "no usable response"),
        (200, b'["canary"]', TEMPORARY, "no usable response"),
        (200, {"error": "canary"}, TEMPORARY, "no usable response"),
        (200, {"SecretString": 5}, NO_TOKEN, "not a JSON object"),
        (200, {"SecretString": "{}", "ResponseMetadata": []}, NO_TOKEN, "no access_"),
    ],
)
def test_every_bad_answer_is_told_in_our_words(
    loopback: Loopback,
    status: int,
    body: object,
    outcome: tuple[type[RotatorError], bool],
    text: str,
) -> None:
    loopback.serve("AWSCURRENT", body, status=status)
    loopback.serve("fresh", body, status=status)
    with pytest.raises(RotatorError, match=text) as caught:
        TokenReader(SECRET_ID, source="agent").token()
    assert (type(caught.value), caught.value.retryable) == outcome
    assert caught.value.__context__ is None
    assert "canary" not in str(caught.value)
    assert SECRET_ID in str(caught.value)


def test_wrong_ssrf_token_is_told(loopback: Loopback) -> None:
    loopback.ssrf_token = "another"
    with pytest.raises(StoreError, match="does not accept the token sent") as caught:
        TokenReader(SECRET_ID, source="agent").token()
    assert not caught.value.retryable


def test_nobody_listening_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(free_port()))
    monkeypatch.setenv("AWS_TOKEN", "x")
    with pytest.raises(StoreError, match=r"cannot be reached \(ConnectionRefusedError\)") as caught:
        TokenReader(SECRET_ID, source="agent").token()
    assert caught.value.retryable


@pytest.mark.parametrize("port", ["", "0", "http", "65536", "-1", "٣"])
def test_port_that_is_none_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_TOKEN", "x")
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", port)
    source = LoopbackSource.agent()
    if port == "":
        monkeypatch.setattr(socket, "create_connection", _refuse_connection)
        with pytest.raises(StoreError, match="cannot be reached"):
            source.read("s", "AWSCURRENT", fresh=False)
    else:
        with pytest.raises(ConfigError, match="is not a port number"):
            source.read("s", "AWSCURRENT", fresh=False)


def _refuse_connection(address: tuple[bytes, int], *_: object) -> None:
    assert address == (b"localhost", 2773)
    raise ConnectionRefusedError
