"""A crash reporter that shows local variables shows no secret of what we raise."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rotator.aws.rotation_store import RotationStore
from rotator.aws.store import SecretsManagerStore
from rotator.client_admin.adapter import HttpClientAdmin
from rotator.client_admin.calls import Target
from rotator.client_admin.kinds import ADAPTERS
from rotator.errors import MintError, ProbeError, RotatorError, StoreError
from rotator.model.binding import Binding
from rotator.model.client_admin import ADMIN_KINDS, parse_admin_settings
from rotator.model.json_text import JsonInput
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.reader import TokenReader
from rotator.rotation.credentials import add_client_secret, edit_credentials
from rotator.rotation.probe import call_api, make_probe
from rotator.rotation.rotate import rotate_token
from rotator.rotation.setup import set_up_binding
from rotator.transport.bounded import HttpResponse, TransportError
from rotator.transport.request import HttpRequest
from tests.support.clock import ManualClock
from tests.support.frames import assert_frames_silent, frame_names
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.traces import CLIENT_SECRET, STORED_TOKEN

ROTATION_TOKEN = "Zq7canaryTu5Mx2Ve9Ck4"
CANARIES = (CLIENT_SECRET, STORED_TOKEN, ROTATION_TOKEN)


class DeniedWrites:
    """A client of Secrets Manager for a role that may read, and not write."""

    def __init__(self, token_url: str = "https://as.example/token") -> None:
        fields = {"client_id": "me", "client_secret": CLIENT_SECRET, "token_url": token_url}
        self.values = {"credentials": json.dumps(fields), "token": "{}"}

    def get_secret_value(self, SecretId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if SecretId not in self.values:
            self._deny("GetSecretValue")
        return {
            "ARN": f"arn:aws:secretsmanager:us-east-1:1:secret:{SecretId}-abcdef",
            "Name": SecretId,
            "VersionId": "1" * 32,
            "SecretString": self.values[SecretId],
            "VersionStages": ["AWSCURRENT"],
        }

    def batch_get_secret_value(self, **_: Any) -> dict[str, Any]:
        return {}

    def describe_secret(self, **_: Any) -> dict[str, Any]:
        return self._deny("DescribeSecret", code="ResourceNotFoundException")

    def put_secret_value(self, **_: Any) -> dict[str, Any]:
        return self._deny("PutSecretValue")

    def create_secret(self, **_: Any) -> dict[str, Any]:
        return self._deny("CreateSecret")

    def _deny(self, operation: str, code: str = "AccessDeniedException") -> dict[str, Any]:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


VERBS = [
    *((kind, verb) for kind in ADAPTERS if kind != "auth0" for verb in ("list", "add")),
    ("auth0", "replace"),
]


def run_job(client: DeniedWrites, binding: Binding, **options: Any) -> None:
    clock = ManualClock()
    rotate_token(
        binding,
        store=SecretsManagerStore(client),
        endpoint=TokenEndpoint(clock=clock),
        policy=RenewalPolicy(),
        clock=clock,
        **options,
    )


def raised_by(work: Callable[[], object]) -> RotatorError:
    with pytest.raises(RotatorError) as caught:
        work()
    return caught.value


VERSION = StoredSecret(secret_id="token", arn="arn:token", version_id="1" * 32)
DENIED = {
    "put": lambda: SecretsManagerStore(DeniedWrites()).put(
        VERSION, Secret(STORED_TOKEN), version_id="2" * 32
    ),
    "create": lambda: SecretsManagerStore(DeniedWrites()).create(
        "new", description="", tags={}, text=Secret(CLIENT_SECRET)
    ),
    "put for native rotation": lambda: RotationStore(
        DeniedWrites(), rotation_token=Secret(ROTATION_TOKEN)
    ).put_labelled("token", Secret(STORED_TOKEN), version_id="2" * 32, stage="AWSPENDING"),
    "init": lambda: set_up_binding(
        "new-credentials",
        "new-token",
        store=SecretsManagerStore(DeniedWrites()),
        ask=lambda: JsonInput({"client_id": "me", "client_secret": CLIENT_SECRET}),
    ),
    "init with a mistake": lambda: set_up_binding(
        "new-credentials",
        "new-token",
        store=SecretsManagerStore(DeniedWrites()),
        ask=lambda: JsonInput(
            {"client_id": "me", "client_secret": CLIENT_SECRET, "lifetime_s": "long"}
        ),
    ),
    "credentials add": lambda: edit_credentials(
        "credentials",
        lambda fields: add_client_secret(fields, STORED_TOKEN),
        store=SecretsManagerStore(DeniedWrites()),
        clock=ManualClock(),
    ),
}


@pytest.mark.parametrize("write", DENIED.values(), ids=DENIED)
def test_denied_write_shows_nothing_of_the_value(write: Callable[[], object]) -> None:
    assert_frames_silent(raised_by(write), *CANARIES)


@pytest.mark.parametrize(
    ("fails", "fails_as"), [("mint", MintError), ("probe", ProbeError), ("put", StoreError)]
)
def test_failed_run_shows_no_secret(fails: str, fails_as: type[RotatorError]) -> None:
    grant = {"access_token": STORED_TOKEN, "token_type": "bearer", "expires_in": 86_399}

    def respond(request: Request) -> Reply:
        if request.method == "GET":
            return json_reply(401 if fails == "probe" else 200, {})
        if fails == "mint":
            return json_reply(400, {"error": "invalid_client"})
        return json_reply(200, grant)

    with HttpServer(respond) as server:
        client, probe = DeniedWrites(f"{server.url}/token"), make_probe(f"{server.url}/hello")
        error = raised_by(lambda: run_job(client, Binding("credentials", "token"), probe=probe))

    assert type(error) is fails_as
    assert_frames_silent(error, *CANARIES)


def test_error_of_a_run_comes_without_its_frames() -> None:
    """Whatever they hold: what went wrong is in its message."""
    error = raised_by(lambda: run_job(DeniedWrites(), Binding("none", "none")))

    names = [name for name in frame_names(error) if name != "<lambda>"]
    assert names == ["rotate_token", "log_run"]


@pytest.mark.parametrize("fails", ["refused", "unreachable", "not as documented"])
@pytest.mark.parametrize(("kind", "verb"), VERBS)
def test_failed_management_call_shows_no_secret(kind: str, verb: str, fails: str) -> None:
    if (verb, fails) == ("replace", "not as documented"):
        return  # nothing of its response is read

    def send(request: HttpRequest) -> HttpResponse:
        if fails == "unreachable":
            raise TransportError("no connection in time", retryable=True)
        told = f"{request.body} {CLIENT_SECRET}".encode()
        return HttpResponse(403 if fails == "refused" else 200, {}, told)

    ids = dict.fromkeys(ADMIN_KINDS[kind].ids, "an-id")
    given = {"kind": kind, "url": "https://admin.example", "credentials_secret": "management"}
    settings = parse_admin_settings({"client_admin": given | ids})
    assert settings is not None
    admin = HttpClientAdmin(
        ADAPTERS[kind],
        Target("me", settings),
        token=lambda: (Secret(STORED_TOKEN), "me"),
        send=send,
        clock=ManualClock(),
    )
    args: dict[str, tuple[Any, ...]] = {
        "list": (),
        "add": ("label", datetime(2027, 1, 1, tzinfo=UTC)),
        "replace": (Secret(CLIENT_SECRET),),
    }
    error = raised_by(lambda: getattr(admin, verb)(*args[verb]))
    assert_frames_silent(error, *CANARIES)


def test_api_that_cannot_be_reached_shows_no_token() -> None:
    error = raised_by(
        lambda: call_api("http://127.0.0.1:1/", token=Secret(STORED_TOKEN), client_id="me")
    )

    assert_frames_silent(error, *CANARIES)


@pytest.mark.parametrize("stored", [None, STORED_TOKEN, json.dumps({"access_token": STORED_TOKEN})])
def test_failed_read_shows_no_token(stored: str | None) -> None:
    client = DeniedWrites()
    client.values = {} if stored is None else {"token": stored}
    reader = TokenReader("token", client=client, background=False)

    assert_frames_silent(raised_by(reader.token), *CANARIES)


@pytest.mark.parametrize("status", [400, 500])
def test_failed_direct_read_shows_no_aws_credentials(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    body = {"__type": "AccessDeniedException", "Message": "no"}
    with HttpServer(lambda _: json_reply(status, body)) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": CLIENT_SECRET,
            "AWS_SESSION_TOKEN": STORED_TOKEN,
        }.items():
            monkeypatch.setenv(name, value)
        error = raised_by(TokenReader("token", background=False).token)

    assert_frames_silent(error, *CANARIES)
