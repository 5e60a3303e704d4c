"""The local Secrets Manager serves one request at a time, and waits for none."""

import io
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.secretsmanager.models import secretsmanager_backends

from rotator.aws.store import SecretsManagerStore
from rotator.errors import StoreError
from rotator.local import secrets_manager
from rotator.local.secrets_manager import OneAtATime


def test_secrets_manager_handles_one_request_at_a_time() -> None:
    meeting = threading.Barrier(2)
    met: list[bool] = []

    def app(_: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        try:
            meeting.wait(0.1)  # two requests at once meet here; one alone waits in vain
            met.append(True)
        except threading.BrokenBarrierError:
            meeting.reset()
            met.append(False)
        start_response("200 OK", [])
        return []

    guarded = OneAtATime(app)
    in_parallel(lambda: call(guarded), lambda: call(guarded))
    assert met == [False, False]


def test_secrets_manager_waits_for_a_slow_body_outside_the_lock() -> None:
    guarded = OneAtATime(echo)
    other_is_answered = threading.Event()

    class SlowBody(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert other_is_answered.wait(10)
            return super().read(size)

    answers: list[bytes] = []

    def call_quickly() -> None:
        answers.append(call(guarded, io.BytesIO(b"quick")))
        other_is_answered.set()

    in_parallel(lambda: answers.append(call(guarded, SlowBody(b"slow!"))), call_quickly)
    assert answers == [b"quick", b"slow!"]


def echo(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def call(app: OneAtATime, body: io.BytesIO | None = None) -> bytes:
    environ = {"CONTENT_LENGTH": "5" if body else "", "wsgi.input": body or io.BytesIO()}
    return b"".join(app(environ, lambda *_: None))


@pytest.fixture
def client_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Makes a client of a local Secrets Manager, in a region."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    server = secrets_manager.make_secrets_manager()
    in_background = threading.Thread(target=server.serve_forever)
    in_background.start()
    url = f"http://127.0.0.1:{server.server_port}"

    def make(region: str) -> Any:  # noqa: ANN401 - its methods are made at run time
        session = boto3.Session("key", "secret", region_name=region)
        return session.client("secretsmanager", endpoint_url=url)

    yield make
    secretsmanager_backends.reset()  # moto's secrets are those of the whole process
    server.shutdown()
    in_background.join(20)
    server.server_close()


@pytest.mark.parametrize(
    "replicas",
    [{}, {"AddReplicaRegions": [{"Region": "eu-west-1"}]}],
    ids=["alone", "with a replica"],
)
def test_write_after_a_label_was_moved_by_hand_is_current(
    replicas: dict[str, Any], client_in: Callable[[str], Any]
) -> None:
    """PutSecretValue moves AWSCURRENT from whichever version has it, and AWSPREVIOUS with it."""
    client = client_in("us-east-1")
    created = client.create_secret(Name="a", SecretString="one", **replicas)
    first = created["VersionId"]
    second = client.put_secret_value(SecretId="a", SecretString="two")["VersionId"]
    client.update_secret_version_stage(
        SecretId="a",
        VersionStage="AWSCURRENT",
        MoveToVersionId=first,
        RemoveFromVersionId=second,
    )

    third = client.put_secret_value(SecretId="a", SecretString="three")["VersionId"]

    stages = client.describe_secret(SecretId="a")["VersionIdsToStages"]
    assert client.get_secret_value(SecretId="a")["SecretString"] == "three"
    assert (stages[third], stages[first]) == (["AWSCURRENT"], ["AWSPREVIOUS"])


@pytest.mark.parametrize("region", ["bad", "eu-wst-1", "EU"])
def test_region_that_does_not_exist_is_told_as_such(
    region: str, client_in: Callable[[str], Any]
) -> None:
    """moto's own answer is an HTTP 500, of which the message was that it will pass."""
    store = SecretsManagerStore(client_in(region))
    with pytest.raises(StoreError, match="set AWS_REGION to the region of") as caught:
        store.read("adobe/token")
    assert not caught.value.retryable
    assert region in str(caught.value)


def in_parallel(*tasks: Callable[[], object]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_installed_demo_without_its_extra_names_no_package_of_an_index(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # This project is on no index: its name there could be anybody's.
    monkeypatch.setitem(sys.modules, "moto", None)
    for name in [name for name in sys.modules if name.startswith("moto.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(secrets_manager, "is_checkout", lambda: False)

    assert secrets_manager.main() == 2
    assert "from a checkout, pip install '.[demo]'" in capsys.readouterr().err
