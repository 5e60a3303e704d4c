"""Connections as they are always made: certificates verified, TLS 1.2 at least, and to be cut.

Imports requests, so import this only to send something.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StrictAdapter", "client_context"]


class StrictAdapter(HTTPAdapter):
    """Connections with this TLS context, through proxies too; whom it trusts is set per request."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._sockets: list[socket.socket] = []
        self._is_cut = False
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As inherited, with the context."""
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - as inherited
        """As inherited, with the context."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, **options)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as inherited
        """As inherited, with connections that this adapter can cut."""
        pool = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _kept_by(self, pool.ConnectionCls)
        return pool

    def get_connection(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as inherited
        """The same in requests before 2.32.2, which know no other way to a connection."""
        pool = super().get_connection(*args, **options)
        pool.ConnectionCls = _kept_by(self, pool.ConnectionCls)
        return pool

    def keep(self, made: socket.socket) -> None:
        """Remember a connection; raises ConnectionError after `cut`."""
        if self._is_cut:
            made.close()
            raise ConnectionAbortedError
        # A duplicate: what it does to the connection holds even once TLS has taken over the first.
        self._sockets.append(made.dup())

    def cut(self) -> None:
        """End every connection, at whatever stage it is, and let no other be made."""
        self._is_cut = True
        for kept in self._sockets:
            with contextlib.suppress(OSError):
                kept.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """As inherited."""
        super().close()
        while self._sockets:
            self._sockets.pop().close()


def _kept_by(adapter: StrictAdapter, kind: Any) -> type[Any]:  # noqa: ANN401 - http's or https's
    """`kind` of connection, remembered by the adapter from the moment that it is made."""

    class Kept(kind):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            adapter.keep(made)
            return made

    return Kept


def client_context(
    certificate: str | None = None, private_key: bytes | None = None
) -> ssl.SSLContext:
    """A context for one session, with the client's certificate chain and key (PEM) if there is one.

    Raises ValueError, without anything of either in it, if they cannot be used together.
    """
    context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
    if certificate is None or private_key is None:
        return context
    problem = None
    try:
        with _encrypted_files(certificate, private_key) as (chain, key, passphrase):
            context.load_cert_chain(chain, key, passphrase)
    except (ssl.SSLError, ValueError, TypeError):
        problem = "certificate: does not fit the private_key, or one of them is not PEM"
    if problem is not None:
        raise ValueError(problem)
    return context


@contextlib.contextmanager
def _encrypted_files(certificate: str, private_key: bytes) -> Iterator[tuple[Path, Path, bytes]]:
    """Both as files, which is the only form that OpenSSL takes them in, and the key's passphrase.

    The key is written encrypted, with a passphrase that exists in this process alone: a run that is
    killed at this point leaves nothing that anybody could use.
    """
    from cryptography.hazmat.primitives import serialization

    passphrase = secrets.token_hex(32).encode()
    encrypted = serialization.load_pem_private_key(private_key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )
    with tempfile.TemporaryDirectory(prefix="rotator-") as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate)
        key.write_bytes(encrypted)
        yield chain, key, passphrase
