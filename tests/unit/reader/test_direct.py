"""The source direct over TLS, and where AWS's clock is another one."""

import json
import os
import socket
import ssl
from collections.abc import Iterator
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

import certifi
import pytest
import requests

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError, StoreError, TokenUnavailable
from rotator.reader import authorities
from rotator.reader.authorities import AMAZON_ROOTS, Contexts
from rotator.reader.direct import DirectSource
from rotator.reader.https_exchange import exchange
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

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        super().__init__(self._serve)
        self.monkeypatch, self.folder = monkeypatch, folder
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

    def trust(self, identity: Identity) -> None:
        """Be this identity, which the reader trusts."""
        self._be(identity)
        self.monkeypatch.setenv("AWS_CA_BUNDLE", self._bundle(identity.certificate))

    def find_in_bundle(self, identity: Identity, *, among_the_five: bool) -> None:
        """Be this identity, in the bundle that is found, and maybe among the five roots."""
        self._be(identity)
        first = (identity if among_the_five else Identity.of("other.example")).certificate
        digest = sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
        start = first.splitlines()[1][:28].encode()
        bundle = self._bundle(first + identity.certificate)
        self.monkeypatch.setattr(authorities, "AMAZON_ROOTS", {start: digest})
        self.monkeypatch.setattr(authorities, "_bundle_path", lambda: bundle)

    def _be(self, identity: Identity) -> None:
        self.context = server_context(identity, self.folder)
        self.monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{self.port}")

    def _bundle(self, certificates: str) -> str:
        path = self.folder / "bundle.pem"
        path.write_text(certificates)
        return str(path)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TlsService]:
    clear_environment(monkeypatch)
    settings = {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": "secret", "REGION": "eu-west-1"}
    settings |= {"CONFIG_FILE": os.devnull, "SHARED_CREDENTIALS_FILE": os.devnull}
    with TlsService(monkeypatch, tmp_path) as service:
        for name, value in (settings | {"ENDPOINT_URL": service.url}).items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield service


def read(source: DirectSource | None = None) -> str:
    answer = (source or DirectSource()).read("s", "AWSCURRENT", fresh=False)
    token: str = json.loads(answer["SecretString"])["access_token"]
    return token


# -- TLS


def test_token_is_read_over_tls_under_the_name_without_the_port(service: TlsService) -> None:
    service.trust(Identity.of("localhost"))
    assert read() == "first"
    assert service.names == ["localhost"]
    assert f"\r\nHost: localhost:{service.port}\r\n".encode() in service.requests[0]


def test_token_is_read_over_tls_by_greenlets(service: TlsService) -> None:
    """gevent puts a class of its own in the place of ssl's."""
    service.trust(Identity.of("localhost"))
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


def test_read_over_tls_imports_nothing_that_it_can_do_without(service: TlsService) -> None:
    service.trust(Identity.of("localhost"))
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


WRONG = {
    "wrong host": (Identity.of("elsewhere.example"), "Hostname mismatch"),
    "expired": (Identity.of("localhost", ends_in_s=-60), "certificate has expired"),
}
each_wrong = pytest.mark.parametrize(("identity", "reason"), WRONG.values(), ids=WRONG)


@each_wrong
def test_certificate_that_is_wrong_is_refused(
    service: TlsService, identity: Identity, reason: str
) -> None:
    service.trust(identity)
    with pytest.raises(StoreError, match=reason) as caught:
        read()
    assert not caught.value.retryable
    assert service.requests == []


@pytest.mark.parametrize("bundle", ["", certifi.where()])
def test_certificate_of_an_unknown_authority_is_refused(service: TlsService, bundle: str) -> None:
    service.trust(Identity.of("localhost"))
    service.monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    with pytest.raises(StoreError, match="self-signed certificate"):
        read()
    assert service.requests == []


def test_server_without_tls_1_2_is_refused(service: TlsService) -> None:
    service.trust(Identity.of("localhost"))
    assert service.context is not None
    service.context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        service.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(StoreError, match="no version of TLS"):
        read()
    assert service.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_bundle_that_cannot_be_read_is_named(service: TlsService, content: str | None) -> None:
    service.trust(Identity.of("localhost"))
    bundle = service.folder / "other.pem"
    if content is not None:
        bundle.write_text(content)
    service.monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
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


def test_server_of_the_five_roots_needs_one_handshake(service: TlsService) -> None:
    service.find_in_bundle(Identity.of("localhost"), among_the_five=True)
    assert read() == "first"
    assert len(service.names) == 1


def test_whole_bundle_is_asked_after_an_unknown_issuer_and_from_then_on(
    service: TlsService,
) -> None:
    service.find_in_bundle(Identity.of("localhost"), among_the_five=False)
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
    service: TlsService, identity: Identity
) -> None:
    service.find_in_bundle(identity, among_the_five=True)
    with pytest.raises(StoreError, match="certificate of Secrets Manager was refused"):
        read()
    assert len(service.names) == 1
    assert service.requests == []


# -- credentials


def test_credentials_that_expired_are_refused_until_the_environment_has_others(
    service: TlsService,
) -> None:
    expired = {"__type": "ExpiredTokenException", "message": "The security token is expired"}
    service.replies = [reply(expired, status="400 Bad Request"), reply(live_version())]
    service.monkeypatch.setenv("AWS_SESSION_TOKEN", "yesterday")
    source = DirectSource()
    with pytest.raises(StoreError, match="does not accept these AWS credentials"):
        read(source)
    service.monkeypatch.setenv("AWS_SESSION_TOKEN", "today")
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
    signed = [b"X-Amz-Date: 20270115T0800" in each for each in service.requests]
    assert signed == [True, False, False]
    assert all(b"X-Amz-Date: 20270115" + minute in each for each in service.requests[1:])


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "it is too long"),
        (b"HTTP/1.1 200 OK\r\nX: x", "it is cut off"),
    ],
)
def test_head_that_is_too_long_is_told_from_one_that_is_cut_off(
    service: TlsService, response: bytes, problem: str
) -> None:
    service.replies = [response]
    ends_at = SYSTEM_CLOCK.monotonic() + 10

    with pytest.raises(ValueError, match=problem):
        exchange(
            "127.0.0.1", service.port, b"POST", context=None, ends_at=ends_at, clock=SYSTEM_CLOCK
        )


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


def test_command_that_restores_the_secret_names_the_region_that_was_asked(
    service: TlsService,
) -> None:
    fields = {"__type": "InvalidRequestException", "message": "it was marked for deletion."}
    service.replies = [reply(fields, status="400 Bad Request")]

    with pytest.raises(StoreError) as caught:
        read()

    assert str(caught.value).endswith("restore-secret --secret-id s --region eu-west-1")
