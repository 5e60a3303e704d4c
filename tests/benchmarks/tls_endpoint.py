"""A token endpoint over TLS: production is, and both sides pay for reading the CA bundle."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import certifi

from tests.support.http_server import HttpServer, Reply, Request, json_reply


class TlsEndpoint(NamedTuple):
    """Where it listens, and a CA bundle of the usual size that vouches for it."""

    token_url: str
    ca_bundle: Path


class TlsIdentity(NamedTuple):
    """A certificate for 127.0.0.1 that signed itself, and a CA bundle of the usual size with it."""

    certificate: Path
    key: Path
    ca_bundle: Path

    def context(self) -> ssl.SSLContext:
        """For a server that is this."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_identity(folder: Path) -> TlsIdentity:
    """Write it into the folder; raises RuntimeError without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise RuntimeError("openssl: not installed; it makes the certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    bundle = folder / "ca-bundle.pem"
    usual = Path(certifi.where()).read_text("utf-8")
    bundle.write_text(certificate.read_text("utf-8") + usual, "utf-8")
    return TlsIdentity(certificate, key, bundle)


def grant(_: Request) -> Reply:
    """A new token for whoever asks."""
    return json_reply(
        200, {"access_token": "t" * 1200, "token_type": "bearer", "expires_in": 86_399}
    )


@contextmanager
def serve(folder: Path) -> Iterator[TlsEndpoint]:
    """Serve on a free port of 127.0.0.1; raises RuntimeError without openssl."""
    identity = make_identity(folder)
    with HttpServer(grant, context=identity.context()) as server:
        yield TlsEndpoint(f"{server.url}/token", identity.ca_bundle)
