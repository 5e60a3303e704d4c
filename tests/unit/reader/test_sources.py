"""Where the reader reads: the choice of sources, the loopback ones over HTTP, the SDK's errors."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from rotator.errors import (
    ConfigError,
    RotatorError,
    SecretNotFound,
    StoreError,
    TokenUnavailable,
)
from rotator.reader import TokenReader, get_token
from rotator.reader.loopback import LoopbackSource
from rotator.reader.secrets_manager import SdkSource
from rotator.reader.sources import find_token, open_sources
from tests.support.reader_rig import start_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rotator.reader.source import Source

SECRET_ID = "team/photoshop token"
NOT_FOUND = "ResourceNotFoundException"
NO_VALUE = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"


def value(token: str = "from-loopback", *, lives_s: int = 3600) -> dict[str, Any]:
    fields = {"access_token": token, "expires_at_epoch": int(time.time()) + lives_s}
    return {"ARN": "arn", "SecretString": json.dumps(fields), "VersionId": "v1"}


class Loopback:
    """The agent or the extension, as a server on a free port; it answers what the test sets."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.ssrf_token = "ssrf"
        self.answers: dict[str, tuple[int, bytes]] = {}
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: texts[0] for name, texts in parse_qs(url.query).items()}
                loopback.asked.append({"path": url.path, **query})
                status, body = loopback.answer(query)
                if self.headers["X-Aws-Parameters-Secrets-Token"] != loopback.ssrf_token:
                    status, body = 403, b"Bad Token"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def answer(self, query: dict[str, str]) -> tuple[int, bytes]:
        fresh = self.answers.get("fresh") if "refreshNow" in query else None
        return fresh or self.answers.get(query["versionStage"], (400, b"no such secret"))

    def serve(self, stage: str, answer: object, *, status: int = 200) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers[stage] = (status, body)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A loopback source that the environment announces as the agent's."""
    loopback = Loopback()
    loopback.serve("AWSCURRENT", value())
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(loopback.port))
    monkeypatch.setenv("AWS_TOKEN", "ssrf")
    loopback.thread.start()
    yield loopback
    loopback.server.shutdown()
    loopback.thread.join()
    loopback.server.server_close()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def kinds(source: str | Sequence[str | Source] | None = None) -> list[str]:
    names = {"SdkSource": "sdk", "DirectSource": "direct"}
    found = []
    for each in open_sources(source):
        kind = type(each).__name__
        found.append(str(getattr(each, "_name", names.get(kind, kind))))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# -- the choice


def test_secrets_manager_is_asked_where_nothing_is_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of a developer's shell")
    assert kinds() == ["direct"]


def test_announced_loopback_sources_come_before_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    assert kinds() == ["the Parameters and Secrets Lambda Extension", "direct"]
    monkeypatch.setenv("AWS_TOKEN", "file:///run/token")
    assert kinds() == ["the Secrets Manager Agent", "direct"]


def test_endpoint_named_for_the_sdk_is_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_TOKEN", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    assert kinds() == ["direct"]


@pytest.mark.parametrize("name", ["agent", "extension", "direct", "sdk"])
def test_source_can_be_named_and_stands_alone(name: str) -> None:
    assert len(kinds(name)) == 1


def test_sources_can_be_given_in_an_order_of_the_callers() -> None:
    own = Fixed(value())
    assert kinds(["sdk", "direct", own, "sdk"]) == ["sdk", "direct", "Fixed", "sdk"]
    assert kinds(["direct", "sdk"]) == ["direct"]
    assert kinds(["agent", own, "sdk"]) == ["the Secrets Manager Agent", "Fixed", "sdk"]


def test_regions_are_asked_in_their_order_behind_what_is_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_TOKEN", "x")
    sources = open_sources(None, regions=("eu-west-1", "us-east-1"))
    assert [getattr(each, "region", None) for each in sources] == [None, "eu-west-1", "us-east-1"]


@pytest.mark.parametrize(
    "settings",
    [
        {"regions": "eu-west-1"},
        {"client": object(), "regions": ["eu-west-1"]},
        {"source": "agent", "regions": ["eu-west-1"]},
        {"source": ["agent", "vault"]},
    ],
)
def test_impossible_sources_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="token reader: "):
        TokenReader("s", **settings).token()


# -- the agent and the extension


def test_agent_serves_the_token_without_the_sdk(loopback: Loopback) -> None:
    assert get_token(SECRET_ID) == "from-loopback"
    assert loopback.asked == [
        {"path": "/secretsmanager/get", "secretId": SECRET_ID, "versionStage": "AWSCURRENT"}
    ]


def test_agent_token_is_read_from_its_file_each_time(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "awssmatoken"
    monkeypatch.setenv("AWS_TOKEN", f"file://{path}")
    for ssrf_token in ("before the restart", "after it"):
        loopback.ssrf_token = ssrf_token
        path.write_text(f"{ssrf_token}\n")
        assert TokenReader(SECRET_ID, source="agent").token() == "from-loopback"


def test_agent_token_file_that_cannot_be_read_is_named(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_TOKEN", f"file://{tmp_path / 'missing'}")
    with pytest.raises(ConfigError, match="missing cannot be read"):
        TokenReader(SECRET_ID, source="agent").token()
    assert loopback.asked == []


def test_extension_is_asked_with_the_session_token(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_TOKEN")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-function")
    loopback.ssrf_token = "of-the-function"
    assert get_token(SECRET_ID) == "from-loopback"
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    with pytest.raises(ConfigError, match="AWS_SESSION_TOKEN: not set"):
        TokenReader(SECRET_ID, source="extension").token()


def test_agent_is_asked_past_its_cache_for_an_expired_token_and_after_a_rejection(
    loopback: Loopback,
) -> None:
    loopback.serve("AWSCURRENT", value("stale", lives_s=-5))
    loopback.serve("fresh", value("fresh"))
    reader = TokenReader(SECRET_ID, source="agent")
    assert reader.token() == "fresh"
    loopback.serve("fresh", value("fresher"))
    assert reader.invalidate("fresh")
    assert reader.token() == "fresher"
    assert [asked.get("refreshNow") for asked in loopback.asked] == [None, "true", "true"]


def test_agent_that_knows_no_refresh_is_asked_without(loopback: Loopback) -> None:
    reader = TokenReader(SECRET_ID, source="agent")
    reader.token()
    loopback.serve("fresh", b"unknown parameter: refreshNow", status=400)
    loopback.serve("AWSCURRENT", value("newer"))
    assert reader.invalidate("from-loopback")


def test_extension_is_never_sent_a_parameter_that_it_does_not_know(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ssrf")
    reader = TokenReader(SECRET_ID, source="extension")
    assert not reader.invalidate(reader.token())
    assert all("refreshNow" not in asked for asked in loopback.asked)


def test_extension_that_is_not_ready_is_asked_once_more_after_a_pause(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so to a function that asks while it starts (INIT)."""
    clock = start_clock()
    not_ready = (400, b"not ready to serve traffic, please wait")
    answers = [not_ready, (200, json.dumps(value()).encode())]
    monkeypatch.setattr(loopback, "answer", lambda _query: answers.pop(0))
    source = LoopbackSource("the extension", lambda: "ssrf", has_fresh=False, clock=clock)
    assert "from-loopback" in source.read("s", "AWSCURRENT", fresh=False)["SecretString"]
    assert len(clock.slept_s) == 1
    answers += [not_ready] * 2
    with pytest.raises(StoreError, match="is not ready to serve traffic yet") as caught:
        source.read("s", "AWSCURRENT", fresh=False)
    assert caught.value.retryable
    assert len(clock.slept_s) == 2


@pytest.mark.parametrize("name", ["AWS_TOKEN", "AWS_ENDPOINT_URL"])
def test_empty_variable_announces_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    monkeypatch.setenv(name, "")
    assert kinds() == ["the Parameters and Secrets Lambda Extension", "direct"]


@pytest.mark.parametrize(
    ("status", "body", "outcome", "text"),
    [
        (400, {"__type": NOT_FOUND, "message": "no"}, (SecretNotFound, False), "does not exist"),
        (
            400,
            {"__type": NOT_FOUND, "message": NO_VALUE},
            (TokenUnavailable, True),
            "no AWSCURRENT",
        ),
        (400, {"__type": "a.b#AccessDeniedException"}, (StoreError, False), "access denied"),
        (
            504,
            {"__type": "TimeoutError", "message": "x"},
            (StoreError, True),
            "temporarily unavailable",
        ),
        (500, {"__type": "canary secret"}, (StoreError, True), "Unknown"),
        (400, b"not ready to serve traffic", (StoreError, True), "not ready to serve traffic yet"),
        (503, b"Serving not enabled", (StoreError, True), "HTTP 503"),
        (302, b"", (StoreError, True), "HTTP 302"),
        (200, b"canary <html>", (StoreError, True), "no usable answer"),
        (200, b'["canary"]', (StoreError, True), "no usable answer"),
        (200, {"SecretString": 5}, (TokenUnavailable, True), "not a JSON object"),
        (
            200,
            {"SecretString": "{}", "ResponseMetadata": []},
            (TokenUnavailable, True),
            "no access_",
        ),
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


def _refuse_connection(address: tuple[str, int], *_: object) -> None:
    assert address == ("localhost", 2773)
    raise ConnectionRefusedError


# -- one behind the other


class Fixed:
    has_fresh = False

    def __init__(self, answer: dict[str, Any] | RotatorError) -> None:
        self.answer = answer
        self.calls = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> dict[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        if isinstance(self.answer, RotatorError):
            raise self.answer
        return self.answer


def unreachable(code: str | None = None, *, retryable: bool = True) -> StoreError:
    return StoreError(
        f"unreachable {code}",
        operation="GetSecretValue",
        secret_id="s",
        aws_code=code,
        retryable=retryable,
    )


@pytest.mark.parametrize(
    "first", [unreachable(), unreachable("Throttling"), value("expired", lives_s=-5)]
)
def test_next_source_serves_where_the_first_has_nothing(
    first: dict[str, Any] | RotatorError,
) -> None:
    found = find_token((Fixed(first), Fixed(value("second"))), "s", fresh=False, now=time.time)
    assert not isinstance(found, RotatorError)
    assert found[0].token == "second"


def test_fallback_that_is_not_set_up_does_not_hide_what_is_wrong() -> None:
    first = unreachable()
    fallback = Fixed(ConfigError("AWS credentials: none found"))
    assert find_token((Fixed(first), fallback), "s", fresh=False, now=time.time) is first


def test_refusal_of_secrets_manager_itself_ends_the_search() -> None:
    refused = unreachable("AccessDeniedException", retryable=False)
    fallback = Fixed(value("second"))
    assert find_token((Fixed(refused), fallback), "s", fresh=False, now=time.time) is refused
    assert fallback.calls == 0


class InRegion(Fixed):
    def __init__(self, region: str, answer: dict[str, Any] | RotatorError) -> None:
        super().__init__(answer)
        self.region = region


def test_failure_can_pass_by_itself_if_that_of_any_region_can() -> None:
    sources = (
        InRegion("eu-west-1", unreachable("", retryable=True)),
        InRegion("us-east-1", unreachable("AccessDeniedException", retryable=False)),
    )
    found = find_token(sources, "s", fresh=False, now=time.time)
    assert isinstance(found, StoreError)
    assert found.retryable
    assert str(found).startswith("secret s: in eu-west-1: ")
    assert "; in us-east-1: " in str(found)


def test_refusal_in_one_region_does_not_end_the_search_in_others() -> None:
    refused = InRegion("eu-west-1", unreachable("AccessDeniedException", retryable=False))
    found = find_token(
        (refused, InRegion("us-east-1", value("replica"))), "s", fresh=False, now=time.time
    )
    assert not isinstance(found, RotatorError)
    assert found[0].token == "replica"


@pytest.mark.parametrize("answer", [None, "canary", 7, ["canary"]])
def test_source_that_answers_with_no_mapping_has_failed(answer: Any) -> None:  # noqa: ANN401 - wrong
    with pytest.raises(StoreError, match="its source failed") as caught:
        TokenReader("s", source=Fixed(answer)).token()
    assert "canary" not in str(caught.value)


# -- the SDK's exceptions


class Client:
    """A client of the caller's that fails as botocore does."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        raise self.error


def client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "GetSecretValue")


@pytest.mark.parametrize(
    ("sdk_error", "outcome", "text"),
    [
        (client_error(NOT_FOUND, "no such secret"), (SecretNotFound, False), "does not exist"),
        (
            client_error(NOT_FOUND, NO_VALUE),
            (TokenUnavailable, True),
            "has no AWSCURRENT value yet",
        ),
        (
            client_error("AccessDeniedException"),
            (StoreError, False),
            "grant secretsmanager:GetSecret",
        ),
        (
            client_error("AccessDeniedException", "Access to KMS is not allowed"),
            (StoreError, False),
            "kms:Decrypt",
        ),
        (client_error("DecryptionFailure"), (StoreError, False), "kms:Decrypt"),
        (
            client_error("ExpiredTokenException"),
            (StoreError, False),
            "does not accept these AWS cred",
        ),
        (
            client_error("InvalidRequestException", "because it was marked for deletion."),
            (StoreError, False),
            "restore-secret",
        ),
        (client_error("InvalidRequestException", "other"), (StoreError, False), "refused"),
        (client_error("ThrottlingException"), (StoreError, True), "temporarily unavailable"),
        (
            client_error("InternalServiceError", status=500),
            (StoreError, True),
            "temporarily unavailable",
        ),
        (client_error("NewTrouble", status=503), (StoreError, True), "temporarily unavailable"),
        (NoRegionError(), (ConfigError, False), "AWS region: not set"),
        (InvalidRegionError(region_name="canary"), (ConfigError, False), "AWS region"),
        (NoCredentialsError(), (ConfigError, False), "AWS credentials"),
        (PartialCredentialsError(provider="env", cred_var="x"), (ConfigError, False), "AWS cred"),
        (UnauthorizedSSOTokenError(), (ConfigError, False), "run `aws sso login`"),
        (ProfileNotFound(profile="canary"), (ConfigError, False), "AWS_PROFILE"),
        (ValueError("Invalid endpoint: canary"), (ConfigError, False), "AWS_ENDPOINT_URL"),
        (ModuleNotFoundError("No module named 'botocore'"), (ConfigError, False), "AWS SDK"),
        (EndpointConnectionError(endpoint_url="x"), (StoreError, True), "cannot be reached"),
        (ConnectTimeoutError(endpoint_url="x"), (StoreError, True), "cannot be reached"),
        (ReadTimeoutError(endpoint_url="x"), (StoreError, True), "cannot be reached"),
        (ResponseParserError("invalid JSON: canary"), (StoreError, False), "the AWS SDK failed"),
        (KeyError("canary"), (StoreError, False), "the AWS SDK failed"),
    ],
)
def test_sdk_exceptions_become_ours_without_their_text(
    sdk_error: Exception,
    outcome: tuple[type[RotatorError], bool],
    text: str,
) -> None:
    with pytest.raises(RotatorError, match=text) as caught:
        TokenReader("s", client=Client(sdk_error)).token()
    assert (type(caught.value), caught.value.retryable) == outcome
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert "canary" not in str(caught.value)


def test_unreachable_endpoint_without_region_or_credentials_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigError, match="AWS region: not set"):
        get_token("s")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(ConfigError, match="AWS credentials: none found"):
        get_token("s")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="AWS_PROFILE: there is no such profile"):
        get_token("s")
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no url")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL: is not a URL"):
        get_token("s")


def test_arn_names_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers there; the SDK gets as far as asking, without a region in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    source = SdkSource()
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        source.read(
            "arn:aws:secretsmanager:eu-west-3:123456789012:secret:s", "AWSCURRENT", fresh=False
        )
    assert caught.value.retryable
    assert source._client.meta.region_name == "eu-west-3"  # noqa: SLF001
    source.close()


def test_request_to_secrets_manager_is_bounded_and_not_repeated_by_the_sdk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A read may wait for it while a good token is in hand, on Lambda with 3 s to live."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    source = SdkSource(region="eu-west-3")
    with pytest.raises(StoreError, match="cannot be reached"):
        source.read("s", "AWSCURRENT", fresh=False)
    config = source._client.meta.config  # noqa: SLF001
    assert config.connect_timeout + config.read_timeout < 3
    assert config.retries["total_max_attempts"] == 1
    source.close()


@pytest.mark.parametrize("collects", [True, False])
def test_collector_is_left_as_it_was_by_the_import_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, *, collects: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no url")
    assert gc.isenabled()
    if not collects:
        gc.disable()
    try:
        with pytest.raises(ConfigError, match="is not a URL"):
            SdkSource(region="eu-west-3").read("s", "AWSCURRENT", fresh=False)
        assert gc.isenabled() is collects
    finally:
        gc.enable()
