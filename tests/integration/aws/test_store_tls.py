"""Certificates of an AWS endpoint that are refused: by OpenSSL itself, over real connections."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.aws.store import SecretsManagerStore, connect
from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import TokenReader
from tests.support.certificates import Identity, server_context
from tests.support.recording_server import RecordingServer

CASES = {
    "unknown issuer": (Identity.of("aws.example"), False, "self-signed certificate"),
    "expired": (Identity.of("aws.example", ends_in_s=-60), True, "certificate has expired"),
    "another host": (
        Identity.of("aws.example", address="192.0.2.1"),
        True,
        "it is for another host",
    ),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def reason(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """What OpenSSL says of the endpoint that the environment names."""
    identity, is_trusted, reason = request.param
    bundle = tmp_path / "ca.pem"
    bundle.write_text(identity.certificate if is_trusted else Identity.of("other").certificate)
    with RecordingServer(server_context(identity, tmp_path)) as server:
        for name, text in {
            "AWS_CA_BUNDLE": str(bundle),
            "AWS_ENDPOINT_URL": server.url,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
        }.items():
            monkeypatch.setenv(name, text)
        yield reason


def test_certificate_that_the_job_refuses_is_permanent_and_says_why(reason: str) -> None:
    client: Any = connect("eu-west-1")
    with pytest.raises(StoreError, match="certificate of Secrets Manager was refused") as caught:
        SecretsManagerStore(client).read("a")
    client.close()
    assert reason in str(caught.value)
    assert "AWS_CA_BUNDLE" in str(caught.value)
    assert not caught.value.retryable


def test_reader_says_the_same(reason: str) -> None:
    with (
        TokenReader("a", background=False) as reader,
        pytest.raises((StoreError, TokenUnavailable), match="certificate") as caught,
    ):
        reader.token()
    assert reason in str(caught.value)
