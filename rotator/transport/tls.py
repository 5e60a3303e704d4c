"""TLS contexts that verify certificates, require TLS 1.2, and are shared where that is safe.

Imports urllib3, so import this only to send something.
"""

from __future__ import annotations

import contextlib
import secrets
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from urllib3.util.ssl_ import create_urllib3_context

from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ClientCertificate", "client_context", "shared_context"]


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The client's certificate chain and its key, both PEM."""

    chain: str = field(repr=False)
    private_key: bytes = field(repr=False)


def shared_context(authorities: str) -> ssl.SSLContext:
    """The context that trusts the file or folder `authorities`, without a client certificate.

    Loading a bundle takes four times as long as the rest of a mint, so all connections share it; a
    bundle that was replaced is loaded again. Raises OSError if it cannot be read.
    """
    stat = Path(authorities).stat()
    with _LOADING:
        return _load(authorities, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))


_LOADING = threading.Lock()
"""Without it, threads that start at the same time would each load the bundle."""


@lru_cache(maxsize=8)
def _load(authorities: str, _version: tuple[int, ...]) -> ssl.SSLContext:
    return _context(authorities)


def _context(authorities: str) -> ssl.SSLContext:
    context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
    if Path(authorities).is_dir():
        context.load_verify_locations(capath=authorities)
    else:
        context.load_verify_locations(cafile=authorities)
    return context


def client_context(authorities: str, certificate: ClientCertificate) -> ssl.SSLContext:
    """A context with this client certificate; it is never shared or cached.

    Raises OSError as `shared_context` does; ValueError, which quotes neither, if certificate and
    key do not match; ConfigError if there is no folder in which to pass them to OpenSSL.
    """
    context = _context(authorities)
    problem: Exception | None = None
    try:
        with _encrypted_files(certificate) as (chain, key, passphrase):
            context.load_cert_chain(chain, key, passphrase)
    except (ssl.SSLError, ValueError, TypeError):
        problem = ValueError(
            "certificate: does not match the private_key, or one of them is not PEM"
        )
    except OSError:
        problem = ConfigError(
            "certificate: there is no writable temporary folder, and OpenSSL takes certificates"
            " from files only; mount one (in memory is enough) and set TMPDIR to it"
        )
    if problem is not None:
        raise problem
    return context


@contextlib.contextmanager
def _encrypted_files(certificate: ClientCertificate) -> Iterator[tuple[Path, Path, bytes]]:
    """Paths of certificate and key, and the key's passphrase: OpenSSL reads them from files only.

    The key is encrypted with a passphrase that only this process has, so that a process killed here
    leaves nothing usable behind.
    """
    from cryptography.hazmat.primitives import serialization

    passphrase = secrets.token_hex(32).encode()
    key_pem = certificate.private_key
    # Whoever made the certificate's value has validated the key, which takes long.
    loaded = serialization.load_pem_private_key(key_pem, None, unsafe_skip_rsa_key_validation=True)
    encrypted = loaded.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )
    with tempfile.TemporaryDirectory(prefix="rotator-") as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate.chain)
        key.write_bytes(encrypted)
        yield chain, key, passphrase
