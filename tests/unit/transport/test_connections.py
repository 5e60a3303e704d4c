"""Certificates are verified, proxies and CA bundles honoured, and .netrc is not."""

import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import CredentialsError, MintError
from rotator.model.access_token import Minted
from rotator.model.secret import Secret
from rotator.oauth.client_auth import encode_basic
from rotator.rotation.probe import call_api
from tests.support.certificates import Identity, server_context
from tests.support.connect_proxy import connect_proxy
from tests.support.environment import clear_environment
from tests.support.minting import CLIENT_SECRET, mint, mint_error
from tests.support.recording_server import RecordingServer

BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
SERVER = Identity.of("localhost")
CLIENT = Identity.of("the-client")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.pem"
    path.write_text(SERVER.certificate)
    return path


def mint_with_certificate(url: str, **changes: Any) -> Minted:
    fields: dict[str, Any] = {
        "client_secret": None,
        "auth_method": "tls_client_auth",
        "certificate": CLIENT.certificate,
        "private_key": CLIENT.private_key,
    }
    return mint(url, **(fields | changes))


def test_certificate_that_nobody_vouches_for_is_refused_and_not_tried_again(tmp_path: Path) -> None:
    with RecordingServer(server_context(SERVER, tmp_path)) as server:
        error = mint_error(server.url)

    assert "TLS certificate is not trusted" in str(error)
    assert not error.retryable
    assert server.requests == []


@pytest.mark.parametrize("variable", BUNDLE_VARIABLES)
def test_ca_bundle_of_the_environment_is_trusted(
    variable: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(bundle))

    with RecordingServer(server_context(SERVER, tmp_path)) as server:
        mint(server.url)

    assert len(server.requests) == 1


def test_ca_bundle_that_does_not_exist_is_named_as_the_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))

    error = mint_error("https://127.0.0.1:9/token")

    assert "CA bundle" in str(error)
    assert not error.retryable


def test_key_log_that_cannot_be_written_is_not_taken_for_a_bad_ca_bundle(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "none" / "keys"))

    error = mint_error("https://127.0.0.1:9/token")

    assert "SSLKEYLOGFILE: the file cannot be written" in str(error)
    assert not error.retryable


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_plain_http_on_this_machine_never_goes_through_a_proxy(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordingServer() as proxy, RecordingServer() as server:
        monkeypatch.setenv(variable, proxy.url)
        mint(server.url)
        mint(server.url.replace("127.0.0.1", "localhost"))
        call_api(server.url, token=Secret("canary-token"), client_id="client")

    assert proxy.requests == []
    assert len(server.requests) == 3


def test_tls_is_verified_and_certificates_are_shown_through_a_proxy(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(SERVER, tmp_path, client=CLIENT)

    with RecordingServer(context) as server, connect_proxy() as (proxy, tunnels):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(MintError, match="TLS certificate is not trusted"):
            mint_with_certificate(server.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        mint_with_certificate(server.url)

    assert tunnels == [f"CONNECT {server.url.removeprefix('https://')}"] * 2
    assert [request.peer for request in server.requests] == [((("commonName", "the-client"),),)]


def test_proxy_that_is_not_there_is_named_as_the_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    with RecordingServer() as stopped:
        pass
    monkeypatch.setenv("HTTPS_PROXY", stopped.url.replace("//", "//user:canary@"))

    error = mint_error("https://127.0.0.1:9/token")

    assert "the proxy cannot be reached or refused the request" in str(error)
    assert "canary" not in str(error)
    assert error.retryable


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://", "gopher://127.0.0.1:9"])
def test_proxy_that_cannot_be_used_is_no_passing_trouble(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(MintError, match="proxy of the environment cannot be used") as caught:
        mint("https://127.0.0.1:9/token")

    assert not caught.value.retryable


def test_host_name_that_does_not_exist_is_named_as_the_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_nothing(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "canary")

    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)  # no name leaves this machine

    with pytest.raises(MintError, match="host name cannot be resolved") as caught:
        mint("https://no-such-host.invalid/token")

    assert caught.value.retryable


def test_host_that_is_excepted_from_the_proxy_is_reached_directly(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(SERVER, tmp_path)

    with RecordingServer() as proxy, RecordingServer(context) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        mint(server.url)

    assert proxy.requests == []
    assert len(server.requests) == 1


@pytest.fixture
def _netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login intruder password other\ndefault login d password d\n")
    monkeypatch.setenv("NETRC", str(path))


@pytest.mark.usefixtures("_netrc")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_netrc_does_not_get_into_a_token_request(method: str) -> None:
    with RecordingServer() as server:
        mint(server.url, auth_method=method)

    (request,) = server.requests
    basic = encode_basic("client", CLIENT_SECRET)
    is_basic = method == "client_secret_basic"
    assert request.headers.get("authorization") == (basic if is_basic else None)


@pytest.mark.usefixtures("_netrc")
def test_netrc_does_not_replace_the_token_that_an_api_is_asked_with() -> None:
    with RecordingServer() as server:
        call_api(server.url, token=Secret("canary-token"), client_id="client")

    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer canary-token"


@pytest.mark.usefixtures("_netrc")
def test_netrc_does_not_get_into_the_search_for_the_token_endpoint() -> None:
    with RecordingServer() as server:
        metadata = {"issuer": server.url, "token_endpoint": f"{server.url}/token"}
        server.answers["/.well-known/oauth-authorization-server"] = (200, metadata)
        mint(None, issuer=server.url)

    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_client_certificate_is_shown_and_leaves_no_file(
    method: str, tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    context = server_context(SERVER, tmp_path, client=CLIENT)

    with RecordingServer(context) as server:
        mint_with_certificate(server.url, auth_method=method)

    (request,) = server.requests
    assert request.peer == ((("commonName", "the-client"),),)
    assert dict(request.form) == {"grant_type": "client_credentials", "client_id": "client"}
    assert "authorization" not in request.headers
    assert list(scratch.iterdir()) == []


def test_key_never_touches_the_disk_in_the_clear(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rotator.transport.tls import ClientCertificate, client_context

    written: list[bytes] = []

    class Watched(ssl.SSLContext):
        def load_cert_chain(self, certfile: Path, keyfile: Path, password: bytes) -> None:  # type: ignore[override]
            written.append(keyfile.read_bytes())
            super().load_cert_chain(certfile, keyfile, password)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(
        "rotator.transport.tls.create_urllib3_context", lambda **_: Watched(ssl.PROTOCOL_TLS_CLIENT)
    )

    client_context(str(bundle), ClientCertificate(CLIENT.certificate, CLIENT.private_key.encode()))

    assert written[0].startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": SERVER.private_key},
        {"certificate": "canary"},
        {"private_key": "canary"},
        {"certificate": CLIENT.private_key},
    ],
)
def test_certificate_that_does_not_fit_its_key_is_refused_before_anything_is_sent(
    changes: dict[str, str],
) -> None:
    with RecordingServer() as server:
        with pytest.raises(CredentialsError) as caught:
            mint_with_certificate(server.url, **changes)

        assert server.requests == []
    assert "canary" not in str(caught.value)
    assert "BEGIN" not in str(caught.value)
