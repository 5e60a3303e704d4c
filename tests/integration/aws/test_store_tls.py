"""Certificates of an AWS endpoint that are refused: by OpenSSL itself, over real connections."""

import ssl
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

HANDSHAKES = {
    "TLS 1.1": (
        None,
        ssl.TLSVersion.TLSv1_1,
        "the server supports no version of TLS that this host accepts",
    ),
    "client certificate": (
        Identity.of("client"),
        ssl.TLSVersion.TLSv1_2,
        "the server needs a client certificate",
    ),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def reason(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """What OpenSSL says of the certificate of the endpoint that the environment names."""
    identity, is_trusted, reason = request.param
    trusted = identity if is_trusted else Identity.of("other")
    with RecordingServer(server_context(identity, tmp_path)) as server:
        name_endpoint(server, trusted, tmp_path, monkeypatch)
        yield reason


@pytest.fixture(params=list(HANDSHAKES.values()), ids=list(HANDSHAKES))
def meaning(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Why no handshake with the endpoint that the environment names can succeed."""
    client, newest, meaning = request.param
    identity = Identity.of("aws.example")
    context = server_context(identity, tmp_path, client=client, newest=newest)
    with RecordingServer(context) as server:
        name_endpoint(server, identity, tmp_path, monkeypatch)
        yield meaning


def name_endpoint(
    server: RecordingServer, trusted: Identity, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = folder / "ca.pem"
    bundle.write_text(trusted.certificate)
    for name, text in {
        "AWS_CA_BUNDLE": str(bundle),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": str(folder / "none"),
    }.items():
        monkeypatch.setenv(name, text)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


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
        TokenReader("a", source="sdk", background=False) as reader,
        pytest.raises((StoreError, TokenUnavailable), match="certificate") as caught,
    ):
        reader.token()
    assert reason in str(caught.value)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_handshake_that_never_succeeds_is_permanent_for_job_and_reader(meaning: str) -> None:
    client: Any = connect("eu-west-1")
    errors = []
    with pytest.raises(StoreError) as caught:
        SecretsManagerStore(client).read("a")
    client.close()
    errors.append(caught.value)
    for source in ("sdk", "direct"):
        with (
            TokenReader("a", source=source, background=False) as reader,
            pytest.raises(StoreError) as caught,
        ):
            reader.token()
        errors.append(caught.value)
    for error in errors:
        assert f"TLS with Secrets Manager failed: {meaning}" in str(error).replace(
            "accepts no cipher of this host, or needs", "needs"
        )
        assert "check AWS_ENDPOINT_URL" in str(error)
        assert not error.retryable
