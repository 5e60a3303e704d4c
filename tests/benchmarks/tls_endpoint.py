"""A token endpoint over TLS: production is, and both sides pay for reading the CA bundle."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import certifi

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TlsEndpoint", "serve"]


class TlsEndpoint(NamedTuple):
    """Where it listens, and a CA bundle of the usual size that vouches for it."""

    token_url: str
    ca_bundle: Path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        """A new token for whoever asks."""
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"access_token": "t" * 1200, "token_type": "bearer", "expires_in": 86_399}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log no request."""


@contextmanager
def serve(folder: Path) -> Iterator[TlsEndpoint]:
    """Serve on a free port of 127.0.0.1; raises RuntimeError without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise RuntimeError("openssl: not installed; it makes the certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    request = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    request += ["-addext", "subjectAltName=IP:127.0.0.1"]
    request += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    command = [openssl, *request, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    bundle = folder / "ca-bundle.pem"
    usual = Path(certifi.where()).read_text("utf-8")
    bundle.write_text(certificate.read_text("utf-8") + usual, "utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TlsEndpoint(f"https://127.0.0.1:{server.server_address[1]}/token", bundle)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
