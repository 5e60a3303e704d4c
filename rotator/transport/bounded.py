"""One HTTP request to a server that is not trusted to behave.

It is bounded in time and in size, follows nowhere, and takes proxies and CA bundles from the
environment but never credentials. Imports requests, so import this where it is needed.
"""

from __future__ import annotations

import queue
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from requests import exceptions as faults
from urllib3 import exceptions as urllib3_faults

from rotator.errors import RotatorError
from rotator.transport.connections import StrictAdapter, client_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["HttpAnswer", "StrictSession", "Timeouts", "Unanswered", "exchange", "prepare"]

CHUNK_BYTES = 8_192
USER_AGENT = "rotator"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back: `headers` by lower-case name, `body` as it was sent.

    `is_cut` tells that the server had more to say than we were ready to read.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_cut: bool = False


class Unanswered(RotatorError):
    """No whole answer came. The message is the problem alone, without the libraries' own words.

    They name the URL, and their exceptions hold the request and with it the client secret.
    """


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: for connecting, for each read, and for all of it together."""

    connect_s: float
    read_s: float
    total_s: float


class StrictSession(requests.Session):
    """A session that finds no redirect anywhere.

    `allow_redirects=False` alone still reads the whole body of a redirect, however long it is.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - as inherited
        """Nowhere."""
        return None


def prepare(session: requests.Session, url: str, *, context: ssl.SSLContext | None = None) -> None:
    """Let the environment decide about proxies and the CA bundle for `url`, and nothing else.

    `trust_env` as a whole would let a `.netrc` entry replace the Authorization header. `context`
    holds the client's certificate, if it has to show one.
    """
    found = requests.Session().merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003
    session.trust_env = False
    session.proxies = found["proxies"]
    session.verify = _ca_bundle() if found["verify"] is True else found["verify"]
    session.headers["User-Agent"] = USER_AGENT
    # Nothing that needs to be unpacked: a small answer could unpack to any size.
    session.headers["Accept-Encoding"] = "identity"
    adapter = StrictAdapter(context or client_context())
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)


def _ca_bundle() -> str | bool:
    """The file that SSL_CERT_FILE names, else the bundle that comes with requests."""
    paths = ssl.get_default_verify_paths()
    return True if paths.cafile in {None, paths.openssl_cafile} else paths.cafile


def exchange(
    session: requests.Session,
    send: Callable[[Mapping[str, Any]], requests.Response],
    *,
    timeouts: Timeouts,
    max_body_bytes: int,
) -> HttpAnswer:
    """Call `send` with the keyword arguments that every request takes, and read what comes back.

    It runs in a thread of its own: a server that drips one byte at a time never runs into a read
    timeout, and looking up a name has none. Raises Unanswered; closes the session.
    """
    arrived: queue.SimpleQueue[HttpAnswer | Unanswered] = queue.SimpleQueue()
    options = {
        "timeout": (
            min(timeouts.connect_s, timeouts.total_s),
            min(timeouts.read_s, timeouts.total_s),
        ),
        "allow_redirects": False,
        "stream": True,
    }

    def attempt() -> None:
        arrived.put(_attempt(lambda: send(options), max_body_bytes))

    threading.Thread(target=attempt, name="rotator-exchange", daemon=True).start()
    try:
        outcome = arrived.get(timeout=timeouts.total_s)
    except queue.Empty:
        outcome = Unanswered("no whole answer in time", retryable=True)
    finally:
        # Ends the thread too, wherever it waits, and keeps it from sending anything any more.
        for adapter in session.adapters.values():
            if isinstance(adapter, StrictAdapter):
                adapter.cut()
        session.close()
    if isinstance(outcome, Unanswered):
        raise outcome
    return outcome


def _attempt(send: Callable[[], requests.Response], max_body_bytes: int) -> HttpAnswer | Unanswered:
    try:
        with send() as response:
            body = bytearray()
            for chunk in _chunks(response):
                body += chunk
                if len(body) > max_body_bytes:
                    break
            return HttpAnswer(
                status=response.status_code,
                headers={name.lower(): text for name, text in response.headers.items()},
                body=bytes(body[:max_body_bytes]),
                is_cut=len(body) > max_body_bytes,
            )
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise holds the request
        problem, retryable = _problem(error)
    return Unanswered(problem, retryable=retryable)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    # As they were sent: no Content-Encoding is undone.
    return response.raw.stream(CHUNK_BYTES, decode_content=False)  # type: ignore[no-any-return]


def _problem(error: Exception) -> tuple[str, bool]:
    """What went wrong, and whether trying again can help."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return "TLS certificate is not trusted", False
    if any(isinstance(cause, urllib3_faults.NameResolutionError) for cause in causes):
        return "host name cannot be resolved", True
    if type(error) is OSError:  # requests' own, before anything is sent
        return "CA bundle of the environment cannot be read", False
    for kind, problem, retryable in _PROBLEMS:
        if isinstance(error, kind):
            return problem, retryable
    return f"HTTP failed ({type(error).__name__})", True


_PROBLEMS: tuple[tuple[type[Exception], str, bool], ...] = (
    (faults.ProxyError, "proxy cannot be reached or refuses", True),
    (faults.SSLError, "TLS failed", True),
    (faults.ConnectTimeout, "no connection in time", True),
    (faults.Timeout, "no answer in time", True),
    (faults.InvalidSchema, "URL or proxy of the environment cannot be used", False),
    (faults.InvalidURL, "URL or proxy of the environment cannot be used", False),
    (faults.ConnectionError, "connection failed or was cut", True),
    # While the body is read, urllib3's own come through.
    (urllib3_faults.TimeoutError, "no answer in time", True),
    (urllib3_faults.ProtocolError, "connection failed or was cut", True),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Everything that led to `error`: urllib3 passes causes as arguments and as attributes."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
