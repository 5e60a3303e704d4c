"""A token endpoint on loopback that answers as Adobe IMS documents, and an API beside it.

Run by `python -m rotator.local.ims`, which prints its URLs as one line of JSON and serves until
its standard input ends, or within a process as `LocalIms`. It logs nothing: what it sees are
secrets.

Sources: "OAuth Server-to-Server credential API Reference" of the Adobe Developer Console guides
(request and answer), RFC 6749 section 5.2 (errors). What pages do not say is taken from what the
service answers: `invalid_client` with 400, `x-debug-id` on every answer, times in the token as
strings of milliseconds.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from rotator.local.ims_control import CONTROL_PATH, HELLO_PATH, TOKEN_PATH, ImsSettings, ImsUrls
from rotator.local.ims_tokens import TokenMint
from rotator.local.ims_worlds import REFUSALS
from rotator.local.server_process import serve_until_eof

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["LocalIms"]

GREETING = "Welcome to the Photoshop API!"
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 65_536
MAX_REMEMBERED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent, read whole."""

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. A status of 0 stands for no answer at all: the connection is closed."""

    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    debug_id: str = field(default_factory=lambda: str(uuid.uuid4()))


NO_ANSWER = Reply(0)


def _json(status: int, value: object, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), headers=named)


def _oauth_error(code: str, description: str) -> Reply:
    return _json(400, {"error": code, "error_description": description})


class _Serving:
    """The life of the server: a thread of its own, or the caller's."""

    _server: _HttpServer
    _stopped: threading.Event
    _thread: threading.Thread | None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self.serve_forever, name="local-ims", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and give the port back; wakes requests that are left hanging."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
            self._thread = None
        self.server_close()

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        """Serve in this thread until `shutdown`, looking for it every `poll_interval` seconds."""
        self._server.serve_forever(poll_interval)

    def shutdown(self) -> None:
        """Make `serve_forever` return."""
        self._stopped.set()
        self._server.shutdown()

    def server_close(self) -> None:
        """Give the port back."""
        self._server.server_close()


class LocalIms(_Serving):
    """The server within this process, on a free port of 127.0.0.1.

    `now` tells the time in seconds since 1970. `configure` changes how it behaves (the fields of
    `ImsSettings`), `observed` tells what it saw, `token_requests` every form in full, `reset`
    returns to the settings of the start and forgets what it saw.
    """

    def __init__(self, *, now: Callable[[], float] = time.time, **settings: Any) -> None:
        self._now = now
        self._initial = ImsSettings().changed(settings)
        self._settings = self._initial
        self._mint = TokenMint()
        self._last: dict[str, tuple[str, int]] = {}  # by client id: token, and when it ends (ms)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._counters = {
            "tokens_minted": 0,
            "token_requests": 0,
            "api_calls": 0,
            "api_calls_ok": 0,
        }
        self._requests: deque[dict[str, Any]] = deque(maxlen=MAX_REMEMBERED_REQUESTS)
        self._server = _HttpServer(self)
        self._thread = None
        self.urls = ImsUrls(f"http://127.0.0.1:{self._server.server_address[1]}")

    def configure(self, **changes: Any) -> None:
        """Change settings from the next request on. Raises ValueError for a wrong one."""
        with self._lock:
            self._settings = self._settings.changed(changes)

    def reset(self) -> None:
        """Go back to the settings of the start, and forget what was seen."""
        with self._lock:
            self._settings = self._initial
            self._requests.clear()
            self._counters = dict.fromkeys(self._counters, 0)

    def observed(self) -> dict[str, int]:
        """How many `tokens_minted`, `token_requests`, `api_calls` and `api_calls_ok` there were."""
        with self._lock:
            return dict(self._counters)

    def token_requests(self) -> list[dict[str, Any]]:
        """Every request to the token endpoint: how it was sent, its form, and what came back.

        Each has `path`, `query`, `content_type`, `authorization` (was the header there), `fields`
        (names in their order), `form` (pairs of name and value, in their order), `status` and
        `debug_id`.
        """
        with self._lock:
            return list(self._requests)

    def answer(self, method: str, request: Request) -> Reply:
        """Route one request."""
        routes: dict[str, dict[str, Callable[[Request], Reply]]] = {
            TOKEN_PATH: {"POST": self._token},
            HELLO_PATH: {"GET": self._hello},
            CONTROL_PATH: {"GET": self._show, "POST": self._change, "DELETE": self._forget},
            f"{CONTROL_PATH}/token-requests": {"GET": self._show_token_requests},
        }
        handlers = routes.get(request.path)
        if handlers is None:
            return _json(404, {"error": "not_found"})
        if method not in handlers:
            return _json(405, {"error": "method_not_allowed"}, Allow=", ".join(handlers))
        return handlers[method](request)

    def _token(self, request: Request) -> Reply:
        with self._lock:
            settings = self._settings
            self._settings = settings.after_a_token_request()
            self._counters["token_requests"] += 1
        form = _form(request)
        if settings.behaviour == "hang":
            self._stopped.wait(settings.hang_s)
        reply = _misbehaviour(settings) or self._grant(settings, form)
        with self._lock:
            self._counters["tokens_minted"] += reply.status in {200, 201}
            self._requests.append(_record(request, form, reply))
        return reply

    def _grant(self, settings: ImsSettings, form: list[tuple[str, str]]) -> Reply:
        given = dict(form)
        client_id, scope = given.get("client_id", ""), given.get("scope", "")
        requested = {name for name in re.split(r"[,\s]+", scope) if name}
        refusal = _refusal(settings, form, requested)
        if refusal is not None:
            return refusal
        token, left_ms = self._issue(settings, client_id, ",".join(sorted(requested)))
        # IMS counts what is left in whole seconds, so a token of 24 h is announced with 86399.
        body: dict[str, Any] = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": (left_ms - 1) // 1000,
        }
        body = {
            name: value
            for name, value in (body | dict(settings.answer)).items()
            if value is not None
        }
        return _json(settings.success_status, body, Cache_Control="no-store")

    def _issue(self, settings: ImsSettings, client_id: str, scope: str) -> tuple[str, int]:
        """A token and what is left of its life in milliseconds; a cached one where wanted."""
        now_ms = self._now_ms(settings)
        with self._lock:
            token, ends_at_ms = self._last.get(client_id, ("", 0))
            if not settings.hands_out_cached_tokens or ends_at_ms - now_ms <= 1000:  # noqa: PLR2004
                ends_at_ms = now_ms + settings.token_lifetime_s * 1000
                token = self._mint.issue(
                    client_id=client_id,
                    scope=scope,
                    issued_at_ms=now_ms,
                    lifetime_s=settings.token_lifetime_s,
                )
                self._last[client_id] = (token, ends_at_ms)
        return token, ends_at_ms - now_ms

    def _hello(self, request: Request) -> Reply:
        with self._lock:
            settings = self._settings
            self._counters["api_calls"] += 1
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        claims = self._mint.read(token, now_ms=self._now_ms(settings))
        is_ended = settings.single_active and (
            claims is not None and self._last.get(claims["client_id"], (token, 0))[0] != token
        )
        if kind.lower() != "bearer" or claims is None or is_ended:
            return _json(401, {"error_code": "401013", "message": "Oauth token is not valid"})
        if request.headers.get("x-api-key") != claims["client_id"]:
            return _json(403, {"error_code": "403000", "message": "Api Key is invalid"})
        with self._lock:
            self._counters["api_calls_ok"] += 1
        return Reply(200, GREETING.encode(), content_type="text/plain;charset=UTF-8")

    def _show(self, _: Request) -> Reply:
        with self._lock:
            settings = self._settings
        return _json(200, {"settings": settings.shown(), "observed": self.observed()})

    def _change(self, request: Request) -> Reply:
        try:
            changes = json.loads(request.body)
            self.configure(**changes)
        except (ValueError, TypeError) as error:
            return _json(400, {"error": "wrong_setting", "error_description": str(error)})
        return self._show(request)

    def _forget(self, request: Request) -> Reply:
        self.reset()
        return self._show(request)

    def _show_token_requests(self, _: Request) -> Reply:
        return _json(200, self.token_requests())

    def _now_ms(self, settings: ImsSettings) -> int:
        return int((self._now() + settings.clock_offset_s) * 1000)


def _form(request: Request) -> list[tuple[str, str]]:
    """The parameters in their order: IMS takes them from the query as well as from the body."""
    is_form = request.headers.get("content-type", "").partition(";")[0].strip() == FORM_TYPE
    body = request.body.decode("utf-8", "replace") if is_form else ""
    return [
        *parse_qsl(request.query, keep_blank_values=True),
        *parse_qsl(body, keep_blank_values=True),
    ]


def _misbehaviour(settings: ImsSettings) -> Reply | None:
    match settings.behaviour:
        case "outage":
            unavailable = {"error": "service_unavailable", "error_description": "try again later"}
            return _json(503, unavailable)
        case "throttled":
            retry_after = str(settings.retry_after_s)
            return _json(429, {"error": "too_many_requests"}, Retry_After=retry_after)
        case "closed" | "hang":
            return NO_ANSWER
        case _:
            return None


def _refusal(
    settings: ImsSettings, form: list[tuple[str, str]], requested: set[str]
) -> Reply | None:
    """The error for a request that gets no token, None if it gets one."""
    given = dict(form)
    for name in ("grant_type", "client_id", "client_secret", "scope"):
        if not given.get(name):
            return _oauth_error("invalid_request", f"missing parameter {name}")
    if len(given) < len(form):
        return _oauth_error("invalid_request", "a parameter is included more than once")
    if given["grant_type"] != "client_credentials":
        return _oauth_error("unsupported_grant_type", "grant_type is not supported")
    accepted = settings.clients.get(given["client_id"])
    if accepted is None:
        return _oauth_error("invalid_client", "invalid client_id parameter")
    if given["client_secret"] not in accepted:
        if settings.refuses_like != "adobe":
            return _json(*REFUSALS[settings.refuses_like])
        return _oauth_error("invalid_client", "invalid client_secret parameter")
    if not requested or requested - settings.scopes:
        return _oauth_error("invalid_scope", "scope is not granted to this client")
    return None


def _record(request: Request, form: list[tuple[str, str]], reply: Reply) -> dict[str, Any]:
    return {
        "path": request.path,
        "query": request.query,
        "content_type": request.headers.get("content-type"),
        "authorization": "authorization" in request.headers,
        "fields": [name for name, _ in form],
        "form": form,
        "status": reply.status,
        "debug_id": reply.debug_id,
    }


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    # The standard library's five are fewer than the rotators that the tests start at once.
    request_queue_size = 128

    def __init__(self, ims: LocalIms) -> None:
        self.ims = ims
        super().__init__(("127.0.0.1", 0), _HttpHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Say nothing of a client that went away; a traceback is for our own mistakes."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _HttpHandler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def _serve(self) -> None:
        size_bytes = int(self.headers.get("content-length") or 0)
        if size_bytes > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(_json(413, {"error": "too_large"}))
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(url.path, url.query, headers, self.rfile.read(size_bytes))
        self._send(self.server.ims.answer(self.command, request))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def _send(self, reply: Reply) -> None:
        if reply is NO_ANSWER:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("x-debug-id", reply.debug_id)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log nothing: query strings hold secrets when a client is careless."""


def main() -> int:
    """Serve on a free port until standard input ends."""
    ims = LocalIms()
    return serve_until_eof(ims, ims.urls.announcement())


if __name__ == "__main__":
    sys.exit(main())
