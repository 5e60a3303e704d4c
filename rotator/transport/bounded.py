"""Sends one HTTP request to an untrusted server.

It is bounded in time and size, follows no redirect, and takes proxies and CA bundles from the
environment but never credentials. Imports requests, so import this where it is needed.
"""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import requests
from requests import exceptions as faults
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import exceptions as urllib3_faults

from rotator.errors import RotatorError, explain_handshake, explain_key_log, replace_error
from rotator.transport.connections import FramingError, StrictAdapter
from rotator.transport.environment import Environment
from rotator.transport.tls import client_context, shared_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotator.transport.environment import Route
    from rotator.transport.request import HttpRequest
    from rotator.transport.tls import ClientCertificate

__all__ = ["HttpResponse", "Timeouts", "TransportError", "send_bounded"]

CHUNK_BYTES = 8_192
MAX_REASON_CHARS = 120

HEADERS = {
    "User-Agent": "rotator",
    # No compression: a small response could unpack to any size.
    "Accept-Encoding": "identity",
    "Accept": "*/*",
    "Connection": "keep-alive",
}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response: `headers` by lower-case name, `body` as it was sent.

    `is_cut`: the body is longer than the bound, or that of a failure did not arrive, and is empty.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_cut: bool = False


class TransportError(RotatorError):
    """No complete response arrived; the message describes the problem without any data.

    The libraries' exceptions name the URL, and contain the request and with it the client secret.
    """


class Timeouts(NamedTuple):
    """In seconds: for connecting, for each read, and for all of it together."""

    connect_s: float
    read_s: float
    total_s: float


def send_bounded(
    request: HttpRequest,
    *,
    timeouts: Timeouts,
    max_body_bytes: int,
    client_certificate: ClientCertificate | None = None,
    environment: Environment | None = None,
) -> HttpResponse:
    """Send `request` and read at most `max_body_bytes` of the response's body.

    It runs in a thread, which can be cut off: a server that sends one byte at a time never exceeds
    a read timeout, and name resolution has none. `environment` caches proxies and CA bundles
    between calls. A failure (not 2xx) is returned even if its body doesn't arrive, because the
    status decides. Raises TransportError; ConfigError if there is no temporary folder for a client
    certificate; ValueError if the certificate does not match its key.
    """
    route = (environment or Environment()).route_to(request.url)
    adapter = make_adapter(request.url, route, client_certificate)
    arrived: queue.SimpleQueue[HttpResponse | TransportError] = queue.SimpleQueue()
    heads: list[HttpResponse] = []

    def attempt() -> None:
        arrived.put(
            _attempt(
                partial(adapter.send, proxies=dict(route.proxies)),
                request,
                timeouts,
                max_body_bytes,
                heads,
            )
        )

    threading.Thread(target=attempt, name="rotator-exchange", daemon=True).start()
    try:
        outcome = arrived.get(timeout=timeouts.total_s)
    except queue.Empty:
        outcome = TransportError("no complete response in time", retryable=True)
    finally:
        # Ends the thread, wherever it waits, and prevents it from sending more.
        adapter.cut()
        adapter.close()
    if isinstance(outcome, HttpResponse):
        return outcome
    head = heads[0] if heads else _bare_head(adapter.status)
    if head is not None and not 200 <= head.status < 300:  # noqa: PLR2004 - HTTP success
        return head
    raise outcome


def _bare_head(status: int | None) -> HttpResponse | None:
    """A response with nothing but its status, if that has arrived."""
    return None if status is None else HttpResponse(status, {}, body=b"", is_cut=True)


def make_adapter(
    url: str, route: Route, client_certificate: ClientCertificate | None = None
) -> StrictAdapter:
    """The adapter for one request to `url`; raises as `send_bounded` does."""
    if urlsplit(url).scheme == "http" and client_certificate is None:
        return StrictAdapter()
    return _tls_adapter(route.authorities or _ca_bundle(), client_certificate)


def _tls_adapter(authorities: str, client_certificate: ClientCertificate | None) -> StrictAdapter:
    def build() -> StrictAdapter:
        shared = shared_context(authorities)
        if client_certificate is None:
            return StrictAdapter(shared, for_proxies=shared)
        return StrictAdapter(client_context(authorities, client_certificate), for_proxies=shared)

    def explain(error: OSError) -> TransportError:  # an ssl.SSLError is one, too
        return TransportError(
            explain_key_log(error) or "CA bundle of the environment cannot be read"
        )

    return replace_error(build, OSError, explain)


def _ca_bundle() -> str:
    """The path in SSL_CERT_FILE, else that of the bundle shipped with requests."""
    paths = ssl.get_default_verify_paths()
    named = None if paths.cafile == paths.openssl_cafile else paths.cafile
    return named or DEFAULT_CA_BUNDLE_PATH


def _attempt(
    send: Callable[..., requests.Response],
    request: HttpRequest,
    timeouts: Timeouts,
    max_body_bytes: int,
    heads: list[HttpResponse],
) -> HttpResponse | TransportError:
    """Send the request once by an adapter; adds the response without its body to `heads`.

    A session of requests would look for credentials in the environment, and follow redirects or at
    least read their whole body.
    """
    try:
        prepared = requests.Request(
            request.method,
            request.url,
            data=request.body.encode() or None,
            headers={**HEADERS, **request.headers},
        ).prepare()
        with send(
            prepared,
            stream=True,
            timeout=(
                min(timeouts.connect_s, timeouts.total_s),
                min(timeouts.read_s, timeouts.total_s),
            ),
        ) as response:
            headers = {name.lower(): text for name, text in response.headers.items()}
            head = HttpResponse(response.status_code, headers, body=b"", is_cut=True)
            heads.append(head)
            body = bytearray()
            for chunk in _chunks(response):
                body += chunk
                if len(body) > max_body_bytes:
                    break
            is_cut = len(body) > max_body_bytes
            return replace(head, body=bytes(body[:max_body_bytes]), is_cut=is_cut)
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise holds the request
        problem, retryable = _explain(error)
    return TransportError(problem, retryable=retryable)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    # As they were sent, without decoding a Content-Encoding.
    return response.raw.stream(CHUNK_BYTES, decode_content=False)  # type: ignore[no-any-return]


def _explain(error: Exception) -> tuple[str, bool]:
    """The problem as a message, and whether a retry can help."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS certificate is not trusted ({_printable(cause.verify_message)})", False
    if any(isinstance(cause, urllib3_faults.NameResolutionError) for cause in causes):
        return "host name cannot be resolved", True
    framing = next((cause for cause in causes if isinstance(cause, FramingError)), None)
    if framing is not None:
        return f"the response has {framing}; {_REPORT}", False
    if any(_is_about_headers(cause) for cause in causes):
        return f"the response has more or longer headers than clients accept; {_REPORT}", False
    if any(isinstance(cause, urllib3_faults.LocationValueError) for cause in causes):
        return "URL or proxy of the environment cannot be used", False
    reason = _tls_reason(causes)
    meaning = explain_handshake(reason)
    if meaning is not None:
        return f"TLS failed: {meaning} ({reason})", False
    for kind, problem, retryable in _PROBLEMS:
        if isinstance(error, kind):
            return f"{problem} ({reason})" if reason else problem, retryable
    return f"HTTP failed ({type(error).__name__})", True


_REPORT = "report it to the operator of the server, or of the proxy in front of it"


def _is_about_headers(cause: BaseException) -> bool:
    """Whether the cause is that there are too many headers, or one is too long."""
    # By the exact classes: derived ones mean something else. From Python 3.14 on, the first one is
    # also raised for endless 100 Continue responses.
    too_many = {http.client.HTTPException, http.client.LineTooLong}
    return type(cause) in too_many and "interim" not in str(cause)


def _tls_reason(causes: list[BaseException]) -> str:
    """OpenSSL's reason, which contains nothing that was sent; empty if it gave none."""
    for cause in causes:
        if isinstance(cause, ssl.SSLEOFError):
            return "the server closed the connection; it may need a client certificate"
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return _printable(cause.reason)
    return ""


def _printable(reason: str) -> str:
    return "".join(filter(str.isprintable, reason)).strip(" .")[:MAX_REASON_CHARS]


_PROBLEMS: tuple[tuple[type[Exception], str, bool], ...] = (
    (faults.ProxyError, "the proxy cannot be reached or refused the request", True),
    (faults.SSLError, "TLS failed", True),
    (faults.ConnectTimeout, "no connection in time", True),
    (faults.Timeout, "no response in time", True),
    (faults.InvalidSchema, "URL or proxy of the environment cannot be used", False),
    (faults.InvalidURL, "URL or proxy of the environment cannot be used", False),
    (faults.ConnectionError, "connection failed or was closed", True),
    # Raised while the body is read.
    (urllib3_faults.TimeoutError, "no response in time", True),
    (urllib3_faults.ProtocolError, "connection failed or was closed", True),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all its causes: urllib3 passes causes as arguments and as attributes."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
