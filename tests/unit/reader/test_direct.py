"""The source direct over TLS, and where AWS's clock is another one."""

import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

import certifi
import pytest
import requests

from rotator.errors import ConfigError, StoreError, TokenUnavailable
from rotator.reader import authorities
from rotator.reader.authorities import AMAZON_ROOTS, Contexts
from rotator.reader.direct import DirectSource
from tests.support.certificates import Identity, server_context
from tests.support.environment import clear_environment
from tests.support.python_process import run_python
from tests.support.raw_server import RawServer
from tests.support.reader_rig import EXPIRY, START, live_version, make_reader, start_clock, version


def reply(content: object, *, status: str = "200 OK", date_s: float | None = None) -> bytes:
    body = json.dumps(content).encode()
    date = f"Date: {formatdate(date_s, usegmt=True)}\r\n" if date_s is not None else ""
    return f"HTTP/1.1 {status}\r\n{date}Content-Length: {len(body)}\r\n\r\n".encode() + body


class TlsService(RawServer):
    """Sends `replies` in turn, the last one for ever; `names` are the server names asked for."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.replies = [reply(live_version())]
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.context: ssl.SSLContext | None = None

    def _serve(self, connection: socket.socket) -> None:
        if self.context is not None:
            self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
            connection = self.context.wrap_socket(connection, server_side=True)
        with connection:
            self.requests.append(connection.recv(65_536))
            connection.sendall(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsService]:
    clear_environment(monkeypatch)
    settings = {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": "secret", "REGION": "eu-west-1"}
    settings |= {"CONFIG_FILE": os.devnull, "SHARED_CREDENTIALS_FILE": os.devnull}
    with TlsService() as service:
        for name, value in (settings | {"ENDPOINT_URL": service.url}).items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield service


@pytest.fixture
def trust(
    service: TlsService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Identity], None]:
    """Let the service be this identity, and the reader trust it."""

    def use(identity: Identity) -> None:
        service.context = server_context(identity, tmp_path)
        bundle = tmp_path / "bundle.pem"
        bundle.write_text(identity.certificate)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{service.port}")

    return use


def read(source: DirectSource | None = None) -> str:
    answer = (source or DirectSource()).read("s", "AWSCURRENT", fresh=False)
    token: str = json.loads(answer["SecretString"])["access_token"]
    return token


# -- TLS


def test_token_is_read_over_tls_under_the_name_without_the_port(
    service: TlsService, trust: Callable[[Identity], None]
) -> None:
    trust(Identity.of("localhost"))
    assert read() == "first"
    assert service.names == ["localhost"]
    assert f"\r\nHost: localhost:{service.port}\r\n".encode() in service.requests[0]


@pytest.mark.usefixtures("service")
def test_token_is_read_over_tls_by_greenlets(trust: Callable[[Identity], None]) -> None:
    """gevent puts a class of its own in the place of ssl's."""
    trust(Identity.of("localhost"))
    done = run_python(
        """
        from gevent import monkey
        monkey.patch_all()
        import gevent
        from rotator.reader import get_token
        reading = [gevent.spawn(get_token, "s") for _ in range(2)]
        gevent.joinall(reading, raise_error=True)
        print(*(each.value for each in reading))
        """
    )
    assert done.stdout == "first first\n", done.stderr


@pytest.mark.usefixtures("service")
def test_read_over_tls_imports_nothing_that_it_can_do_without(
    trust: Callable[[Identity], None],
) -> None:
    trust(Identity.of("localhost"))
    done = run_python(
        """
        import sys
        from rotator.reader import get_token
        get_token("s")
        slow = {"encodings.idna", "http.client", "logging", "typing", "urllib.parse"}
        print(slow & set(sys.modules))
        """
    )
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (Identity.of("elsewhere.example"), "Hostname mismatch"),
        (Identity.of("localhost", ends_in_s=-60), "certificate has expired"),
    ],
    ids=["wrong host", "expired"],
)
def test_certificate_that_is_wrong_is_refused(
    service: TlsService, trust: Callable[[Identity], None], identity: Identity, reason: str
) -> None:
    trust(identity)
    with pytest.raises(StoreError, match=reason) as caught:
        read()
    assert not caught.value.retryable
    assert service.requests == []


@pytest.mark.parametrize("bundle", ["", certifi.where()])
def test_certificate_of_an_unknown_authority_is_refused(
    service: TlsService,
    trust: Callable[[Identity], None],
    monkeypatch: pytest.MonkeyPatch,
    bundle: str,
) -> None:
    trust(Identity.of("localhost"))
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    with pytest.raises(StoreError, match="self-signed certificate"):
        read()
    assert service.requests == []


def test_server_without_tls_1_2_is_refused(
    service: TlsService, trust: Callable[[Identity], None]
) -> None:
    trust(Identity.of("localhost"))
    assert service.context is not None
    service.context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        service.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(StoreError, match="no version of TLS"):
        read()
    assert service.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_bundle_that_cannot_be_read_is_named(
    service: TlsService,
    trust: Callable[[Identity], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: str | None,
) -> None:
    trust(Identity.of("localhost"))
    bundle = tmp_path / "other.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    with pytest.raises(ConfigError, match=r"AWS_CA_BUNDLE: .*other\.pem holds no certificates"):
        read()
    assert service.requests == []


def test_five_roots_come_first_and_are_those_that_requests_ships() -> None:
    first, whole = Contexts().candidates(None)
    subjects = str([each["subject"] for each in first.get_ca_certs()])
    for number in (1, 2, 3, 4):
        assert subjects.count(f"('commonName', 'Amazon Root CA {number}')") == 1
    assert "Starfield Services Root Certificate Authority - G2" in subjects
    assert len(first.get_ca_certs()) == len(AMAZON_ROOTS) == 5
    shipped = ssl.create_default_context(cafile=requests.utils.DEFAULT_CA_BUNDLE_PATH)
    assert {*first.get_ca_certs(binary_form=True)} < {*shipped.get_ca_certs(binary_form=True)}
    assert {*whole.get_ca_certs(binary_form=True)} == {*shipped.get_ca_certs(binary_form=True)}


def test_whole_bundle_is_asked_first_once_it_was_needed() -> None:
    contexts = Contexts()
    assert len(list(contexts.candidates(None))) == 2
    [whole] = contexts.candidates(None)
    assert len(whole.get_ca_certs()) > 5


@pytest.fixture
def five(
    service: TlsService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., None]:
    """Let the service be this identity, in the bundle that is found or among the five roots too."""

    def use(identity: Identity, *, among_the_five: bool) -> None:
        service.context = server_context(identity, tmp_path)
        first = identity if among_the_five else Identity.of("other.example")
        der = ssl.PEM_cert_to_DER_cert(first.certificate)
        start = first.certificate.splitlines()[1][:28].encode()
        monkeypatch.setattr(authorities, "AMAZON_ROOTS", {start: sha256(der).hexdigest()})
        bundle = tmp_path / "cacert.pem"
        bundle.write_text(first.certificate + identity.certificate)
        monkeypatch.setattr(authorities, "_bundle_path", lambda: str(bundle))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{service.port}")

    return use


def test_server_of_the_five_roots_needs_one_handshake(
    service: TlsService, five: Callable[..., None]
) -> None:
    five(Identity.of("localhost"), among_the_five=True)
    assert read() == "first"
    assert len(service.names) == 1


def test_whole_bundle_is_asked_after_an_unknown_issuer_and_from_then_on(
    service: TlsService, five: Callable[..., None]
) -> None:
    five(Identity.of("localhost"), among_the_five=False)
    source = DirectSource()
    assert read(source) == "first"
    assert len(service.names) == 2
    assert read(source) == "first"
    assert len(service.names) == 3


@pytest.mark.parametrize(
    "identity",
    [Identity.of("elsewhere.example"), Identity.of("localhost", ends_in_s=-60)],
    ids=["wrong host", "expired"],
)
def test_whole_bundle_is_never_asked_after_a_wrong_host_or_an_expiry(
    service: TlsService, five: Callable[..., None], identity: Identity
) -> None:
    five(identity, among_the_five=True)
    with pytest.raises(StoreError, match="certificate of Secrets Manager was refused"):
        read()
    assert len(service.names) == 1
    assert service.requests == []


# -- credentials


def test_credentials_that_expired_are_refused_until_the_environment_has_others(
    service: TlsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = {"__type": "ExpiredTokenException", "message": "The security token is expired"}
    service.replies = [reply(expired, status="400 Bad Request"), reply(live_version())]
    monkeypatch.setenv("AWS_SESSION_TOKEN", "yesterday")
    source = DirectSource()
    with pytest.raises(StoreError, match="does not accept these AWS credentials"):
        read(source)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "today")
    assert read(source) == "first"
    assert [b"Token: today" in each for each in service.requests] == [False, True]


# -- the clock


def refusal(message: str = "Signature expired: 2027 is now earlier") -> dict[str, str]:
    return {"__type": "InvalidSignatureException", "message": message}


@pytest.mark.parametrize("ahead_s", [600, -600])
def test_refused_time_is_signed_once_more_by_the_clock_of_aws(
    service: TlsService, ahead_s: int
) -> None:
    aws_s = START + ahead_s
    service.replies = [
        reply(refusal(), status="400 Bad Request", date_s=aws_s),
        reply(version(), date_s=aws_s),
    ]
    source = DirectSource(clock=start_clock())
    assert read(source) == "first"
    assert read(source) == "first"
    minute = {600: b"T0810", -600: b"T0750"}[ahead_s]  # START is 2027-01-15T08:00:00Z
    assert [b"X-Amz-Date: 20270115T0800" in each for each in service.requests] == [
        True,
        False,
        False,
    ]
    assert all(b"X-Amz-Date: 20270115" + minute in each for each in service.requests[1:])


def test_clock_ten_minutes_behind_prolongs_no_token(service: TlsService) -> None:
    aws_s = START + 600
    service.replies = [
        reply(refusal(), status="400 Bad Request", date_s=aws_s),
        reply(version(), date_s=aws_s),
    ]
    clock = start_clock()
    reader = make_reader(clock, DirectSource(clock=clock))
    assert reader.token() == "first"
    service.replies = [reply({}, status="500 Internal Server Error")]
    clock.advance_to(EXPIRY - 600)
    with pytest.raises(TokenUnavailable):
        reader.token()


@pytest.mark.parametrize(
    ("content", "date_s"),
    [
        (refusal(), START + 600),
        (refusal(), None),
        (refusal(), START + 200_000),
        (refusal("The request signature we calculated does not match"), START + 600),
    ],
    ids=["refused again", "no date", "days away", "another reason"],
)
def test_refused_signature_is_repeated_once_at_most(
    service: TlsService, content: dict[str, str], date_s: float | None
) -> None:
    service.replies = [reply(content, status="400 Bad Request", date_s=date_s)]
    with pytest.raises(StoreError) as caught:
        read(DirectSource(clock=start_clock()))
    assert not caught.value.retryable
    assert len(service.requests) == (
        2 if date_s == START + 600 and "expired" in str(content) else 1
    )
