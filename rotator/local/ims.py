"""A local token endpoint that responds as Adobe IMS documents, with an API that takes its tokens.

Run by `python -m rotator.local.ims`, which prints its URLs as one line of JSON and serves until
its standard input ends, or within a process as `LocalIms`. It logs nothing, because requests and
responses contain secrets.

Sources: "OAuth Server-to-Server credential API Reference" of the Adobe Developer Console guides
(request and response), RFC 6749 section 5.2 (errors), "Using the Asynchronous Adobe Firefly APIs"
(what a call that starts a job returns). Not documented, but what the service does:
`invalid_client` with 400, `x-debug-id` on every response, times in the token as strings of
milliseconds.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from rotator.local.ims_control import CONTROL_PATH, HELLO_PATH, TOKEN_PATH, ImsUrls
from rotator.local.ims_http import NO_ANSWER, LocalServer, Reply, Request, json_reply
from rotator.local.ims_settings import ImsSettings
from rotator.local.ims_tokens import TokenMint
from rotator.local.ims_worlds import REFUSAL_RESPONSES
from rotator.local.server_process import serve_until_eof

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["GREETING", "LocalIms"]

GREETING = "Welcome to the Photoshop API!"
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_REMEMBERED_REQUESTS = 10_000
COUNTERS = ("tokens_minted", "token_requests", "api_calls", "api_calls_ok")


def _oauth_error(code: str, description: str) -> Reply:
    return json_reply(400, {"error": code, "error_description": description})


class LocalIms(LocalServer):
    """The server within this process, on a free port of 127.0.0.1.

    `now` returns the time in seconds since 1970; `settings` are fields of `ImsSettings`.
    """

    def __init__(self, *, now: Callable[[], float] = time.time, **settings: Any) -> None:
        super().__init__()
        self._now = now
        self._initial = ImsSettings().apply(settings)
        self._settings = self._initial
        self._mint = TokenMint()
        self._last: dict[str, tuple[str, int]] = {}  # by client id: token and its expiry (ms)
        self._lock = threading.Lock()
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._requests: deque[dict[str, Any]] = deque(maxlen=MAX_REMEMBERED_REQUESTS)
        self.urls = ImsUrls(self.base_url)

    def configure(self, **changes: Any) -> None:
        """Change settings (`ImsSettings`) from the next request on; raises ValueError."""
        with self._lock:
            self._settings = self._settings.apply(changes)

    def reset(self) -> None:
        """Restore the initial settings, and clear counters and requests."""
        with self._lock:
            self._settings = self._initial
            self._last.clear()
            self._requests.clear()
            self._counters = dict.fromkeys(self._counters, 0)

    def observed(self) -> dict[str, int]:
        """How many `tokens_minted`, `token_requests`, `api_calls` and `api_calls_ok` there were."""
        with self._lock:
            return dict(self._counters)

    def token_requests(self) -> list[dict[str, Any]]:
        """Every request to the token endpoint, with its response.

        Each has `path`, `query`, `content_type`, `authorization` (whether it had this header),
        `fields` (names in order), `form` (pairs of name and value, in order), and the response's
        `status` and `debug_id`.
        """
        with self._lock:
            return list(self._requests)

    def answer(self, method: str, request: Request) -> Reply:
        """Route one request."""
        routes: dict[str, dict[str, Callable[[Request], Reply]]] = {
            TOKEN_PATH: {"POST": self._token},
            HELLO_PATH: dict.fromkeys(("GET", "POST"), self._hello),
            CONTROL_PATH: {"GET": self._show, "POST": self._change, "DELETE": self._forget},
            f"{CONTROL_PATH}/token-requests": {"GET": self._show_token_requests},
        }
        handlers = routes.get(request.path)
        if handlers is None:
            return json_reply(404, {"error": "not_found"})
        if method not in handlers:
            return json_reply(405, {"error": "method_not_allowed"}, Allow=", ".join(handlers))
        return handlers[method](request)

    def _token(self, request: Request) -> Reply:
        with self._lock:
            settings = self._settings
            self._settings = settings.advance()
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
        # IMS rounds the remaining life down to whole seconds, so a token of 24 h has 86399.
        body: dict[str, Any] = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": (left_ms - 1) // 1000,
        }
        body |= dict(settings.answer)
        members = {name: value for name, value in body.items() if value is not None}
        return json_reply(settings.success_status, members, Cache_Control="no-store")

    def _issue(self, settings: ImsSettings, client_id: str, scope: str) -> tuple[str, int]:
        """A token and its remaining life in milliseconds; the cached one if the settings ask."""
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
        if kind.lower() != "bearer" or claims is None or self._is_revoked(settings, claims, token):
            return json_reply(401, {"error_code": "401013", "message": "Oauth token is not valid"})
        if request.headers.get("x-api-key") != claims["client_id"]:
            return json_reply(403, {"error_code": "403000", "message": "Api Key is invalid"})
        with self._lock:
            self._counters["api_calls_ok"] += 1
        return _start_job(self.urls) if request.body else _greet()

    def _is_revoked(self, settings: ImsSettings, claims: Mapping[str, Any], token: str) -> bool:
        last, _ = self._last.get(claims["client_id"], (token, 0))
        return settings.single_active and last != token

    def _show(self, _: Request) -> Reply:
        with self._lock:
            settings = self._settings
        return json_reply(200, {"settings": settings.to_fields(), "observed": self.observed()})

    def _change(self, request: Request) -> Reply:
        try:
            changes = json.loads(request.body)
            self.configure(**changes)
        except (ValueError, TypeError) as error:
            return json_reply(400, {"error": "wrong_setting", "error_description": str(error)})
        return self._show(request)

    def _forget(self, request: Request) -> Reply:
        self.reset()
        return self._show(request)

    def _show_token_requests(self, _: Request) -> Reply:
        return json_reply(200, self.token_requests())

    def _now_ms(self, settings: ImsSettings) -> int:
        return int((self._now() + settings.clock_offset_s) * 1000)


def _greet() -> Reply:
    return Reply(200, GREETING.encode(), content_type="text/plain;charset=UTF-8")


def _start_job(urls: ImsUrls) -> Reply:
    """The response to a call with data; the status of every job is the greeting."""
    return json_reply(202, {"jobId": "urn:ff:jobs:demo", "statusUrl": urls.hello})


def _form(request: Request) -> list[tuple[str, str]]:
    """The parameters in order; IMS accepts them in the query as well as in the body."""
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
            return json_reply(503, unavailable)
        case "throttled":
            retry_after = str(settings.retry_after_s)
            return json_reply(429, {"error": "too_many_requests"}, Retry_After=retry_after)
        case "closed" | "hang":
            return NO_ANSWER
        case _:
            return None


def _refusal(
    settings: ImsSettings, form: list[tuple[str, str]], requested: set[str]
) -> Reply | None:
    """The error response for a request that is refused, None for one that is granted."""
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
            return json_reply(*REFUSAL_RESPONSES[settings.refuses_like])
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


def main() -> int:
    """Serve on a free port until standard input ends."""
    ims = LocalIms()
    return serve_until_eof(ims, ims.urls.announcement())


if __name__ == "__main__":
    sys.exit(main())
