"""Connections with a given TLS context, which can be cut at any stage.

Imports requests, so import this only to send something.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from rotator.wire.framing import body_end

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["FramingError", "StrictAdapter"]

HTTP_1_0 = 10
"""As http.client numbers it."""


class StrictAdapter(HTTPAdapter):
    """The connections of one request, also through proxies.

    `context` may be shared with other requests; connections are not. `for_proxies` is the context
    for a proxy with an https URL, which must not get the client's certificate. Plain http needs
    neither.
    """

    def __init__(
        self, context: ssl.SSLContext | None = None, *, for_proxies: ssl.SSLContext | None = None
    ) -> None:
        self._context = context
        self._for_proxies = for_proxies
        self._sockets: list[socket.socket] = []
        self._responses: list[http.client.HTTPResponse] = []
        self._is_cut = False
        super().__init__(pool_connections=1, pool_maxsize=1)  # it fills a pool with placeholders

    @property
    def status(self) -> int | None:
        """The status of the response, as soon as its first line has arrived.

        None before that, and for a proxy's response to CONNECT.
        """
        status = self._responses[-1].status if self._responses else None
        return status if isinstance(status, int) else None

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As inherited, with the context."""
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - as inherited
        """As inherited, with the contexts."""
        contexts = {"ssl_context": self._context, "proxy_ssl_context": self._for_proxies}
        return super().proxy_manager_for(proxy, **contexts, **options)

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:  # noqa: ANN401, ARG002 - as inherited
        """Always verify, by the context's authorities; urllib3 would load them again."""
        conn.cert_reqs = "CERT_REQUIRED"

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as inherited
        """As inherited, with connections that this adapter can cut."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = self._add_tracking(pool.ConnectionCls)
        return pool

    def get_connection(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as inherited
        """As `get_connection_with_tls_context`, for requests before 2.32.2."""
        pool: Any = super().get_connection(*args, **options)
        pool.ConnectionCls = self._add_tracking(pool.ConnectionCls)
        return pool

    def _add_tracking(self, kind: Any) -> Any:  # noqa: ANN401 - http's or https's
        return partial(_tracked_kind(kind), track=self.track, note=self._responses.append)

    def track(self, made: socket.socket) -> None:
        """Remember a connection; raises ConnectionError after `cut`."""
        if self._is_cut:
            made.close()
            raise ConnectionAbortedError
        # A duplicate can still shut the connection down after TLS has detached the original.
        self._sockets.append(made.dup())

    def cut(self) -> None:
        """End every connection, at whatever stage it is, and prevent new ones."""
        self._is_cut = True
        for tracked in self._sockets:
            with contextlib.suppress(OSError):
                tracked.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """As inherited."""
        super().close()
        while self._sockets:
            self._sockets.pop().close()


class FramingError(http.client.HTTPException):
    """The headers do not say where the body ends; the text continues "the response has ..."."""


class _StrictResponse(http.client.HTTPResponse):
    """A response whose body ends where its headers say, by the rules of `body_end`.

    urllib3 does not log its headers, as it would log those that it can't parse: a server may send
    back in one what was sent to it.
    """

    def begin(self) -> None:
        super().begin()
        self.msg.defects.clear()
        self.msg.set_payload("")
        lengths, codings = (
            self.msg.get_all(name, []) for name in ("content-length", "transfer-encoding")
        )
        try:
            end = body_end(lengths, codings, is_http_1_0=self.version == HTTP_1_0)
        except ValueError as error:
            problem = str(error)
        else:
            if self.length is None and isinstance(end, int):
                self.length = end  # stated twice in one header, which http.client does not read
            return
        raise FramingError(problem)


@lru_cache(maxsize=8)
def _tracked_kind(kind: Any) -> Any:  # noqa: ANN401 - http's or https's
    """A subclass of `kind` that passes each new socket to `track` and response to `note`."""

    class TrackedConnection(kind):  # type: ignore[misc]
        def __init__(
            self,
            *args: Any,
            track: Callable[[socket.socket], None],
            note: Callable[[http.client.HTTPResponse], None],
            **options: Any,
        ) -> None:
            super().__init__(*args, **options)
            self._track = track
            self._note = note

        def response_class(self, *args: Any, **options: Any) -> http.client.HTTPResponse:
            response = _StrictResponse(*args, **options)
            self._note(response)
            return response

        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            self._track(made)
            return made

    return TrackedConnection
