"""TLS contexts are shared by what they trust, and never with a client's certificate."""

import ssl
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest

from rotator.errors import ConfigError
from rotator.transport.bounded import Timeouts, TransportError, send_bounded
from rotator.transport.connections import StrictAdapter
from rotator.transport.request import HttpRequest
from rotator.transport.tls import ClientCertificate, client_context, shared_context
from tests.support.certificates import Identity, server_context
from tests.support.recording_server import RecordingServer

SERVER = Identity.of("localhost")
CLIENT = Identity.of("the-client")
OTHER = Identity.of("another-client")
TIMEOUTS = Timeouts(connect_s=5, read_s=5, total_s=5)


def shown(identity: Identity) -> ClientCertificate:
    return ClientCertificate(identity.certificate, identity.private_key.encode())


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bundle.pem"
    path.write_text(SERVER.certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    monkeypatch.setenv("NO_PROXY", "*")
    return path


def send(url: str, certificate: ClientCertificate | None = None) -> int:
    request = HttpRequest(url)
    return send_bounded(
        request, timeouts=TIMEOUTS, max_body_bytes=1000, client_certificate=certificate
    ).status


def refuses(context: ssl.SSLContext | None, reason: str) -> None:
    """Nothing is sent to a server that speaks so, now or later; without a context, no TLS."""
    with RecordingServer(context) as server, pytest.raises(TransportError, match=reason) as caught:
        send(server.url.replace("http://", "https://"))
    assert not caught.value.retryable
    assert server.requests == []


def test_context_is_loaded_once_for_the_same_authorities(bundle: Path) -> None:
    assert shared_context(str(bundle)) is shared_context(str(bundle))


def test_context_is_loaded_once_for_mints_that_begin_together(bundle: Path) -> None:
    bundle.write_text(SERVER.certificate + Path(certifi.where()).read_text("utf-8"))
    together = threading.Barrier(4)

    def load(_: int) -> object:
        together.wait(5)
        return shared_context(str(bundle))

    with ThreadPoolExecutor(4) as pool:
        contexts = list(pool.map(load, range(4)))

    assert all(each is contexts[0] for each in contexts)


def test_authorities_that_were_replaced_are_loaded_anew(bundle: Path) -> None:
    before = shared_context(str(bundle))
    bundle.write_text(SERVER.certificate + CLIENT.certificate)

    after = shared_context(str(bundle))

    assert after is not before
    assert len(after.get_ca_certs()) == 2


def test_contexts_with_client_certificates_are_never_shared(bundle: Path) -> None:
    contexts = [
        shared_context(str(bundle)),
        client_context(str(bundle), shown(CLIENT)),
        client_context(str(bundle), shown(CLIENT)),
        client_context(str(bundle), shown(OTHER)),
    ]

    assert len({id(context) for context in contexts}) == 4


def test_certificate_of_one_exchange_is_not_shown_in_the_next(tmp_path: Path, bundle: Path) -> None:
    context = server_context(SERVER, tmp_path, client=CLIENT)
    context.verify_mode = ssl.CERT_OPTIONAL
    assert bundle.exists()

    with RecordingServer(context) as server:
        for certificate in (None, shown(CLIENT), None):
            send(server.url, certificate)

    peers = [request.peer for request in server.requests]
    assert peers == [None, ((("commonName", "the-client"),),), None]


def test_cutting_one_exchange_cuts_no_other_of_the_same_context(
    tmp_path: Path, bundle: Path
) -> None:
    shared = shared_context(str(bundle))
    cut = StrictAdapter(shared, for_proxies=shared)

    with RecordingServer(server_context(SERVER, tmp_path)) as server:
        send(server.url)
        cut.cut()
        assert send(server.url) == 200
    cut.close()


@pytest.mark.parametrize(
    ("server", "authority", "reason"),
    [
        (Identity.of("localhost", ends_in_s=-60), None, "certificate has expired"),
        (SERVER, OTHER, r"self.signed certificate"),
        (Identity.of("localhost", address="192.0.2.1"), None, "IP address mismatch"),
    ],
    ids=["expired", "unknown authority", "another host"],
)
def test_refused_certificate_of_a_provider_is_permanent_and_says_why(
    tmp_path: Path, bundle: Path, server: Identity, authority: Identity | None, reason: str
) -> None:
    bundle.write_text((authority or server).certificate)
    refuses(server_context(server, tmp_path), rf"is not trusted \(.*{reason}")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("client", "newest", "meaning"),
    [
        (None, ssl.TLSVersion.TLSv1_1, "supports no version of TLS that this host accepts"),
        (CLIENT, ssl.TLSVersion.TLSv1_2, "needs a client certificate"),
    ],
    ids=["TLS 1.1", "client certificate"],
)
def test_handshake_that_never_succeeds_is_permanent_and_says_why(
    tmp_path: Path, bundle: Path, client: Identity | None, newest: ssl.TLSVersion, meaning: str
) -> None:
    assert bundle.exists()
    context = server_context(SERVER, tmp_path, client=client, newest=newest)
    refuses(context, rf"TLS failed: .*{meaning} \([A-Z0-9_]+\)")


def test_plain_http_behind_an_https_url_is_told(bundle: Path) -> None:
    assert bundle.exists()
    refuses(None, "the server does not use TLS on this port")


def test_without_a_writable_folder_the_error_says_what_to_mount(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(bundle / "no-folder"))

    with pytest.raises(ConfigError, match=r"no writable temporary folder.* TMPDIR"):
        client_context(str(bundle), shown(CLIENT))
