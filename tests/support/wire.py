"""One HTTP front for everything that a run calls, which tells each call and can spoil it.

Real processes reach it by `AWS_ENDPOINT_URL` and the token endpoint's URL. What answers behind it
is in this process, so that a test can look at it and steer it between two calls.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from rotator.local.ims import LocalIms
from rotator.local.ims_control import HELLO_PATH, TOKEN_PATH, ImsUrls
from rotator.local.ims_http import Request as ImsRequest
from tests.strict_aws.service import StrictSecretsManager
from tests.support.http_server import RESET, HttpServer, Reply, Request, json_reply

AMZ_JSON = "application/x-amz-json-1.1"
NAMES = {TOKEN_PATH: "ims:token", HELLO_PATH: "api:hello"}


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing call of a run: `name` is `sm:PutSecretValue`, `ims:token` or `api:hello`."""

    number: int
    name: str
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """How one call goes wrong.

    `processed` says whether the service has acted on it. `reply` is sent in place of the answer,
    or what `echo` makes of the request; with `reset` the connection is reset instead, with
    `cut_bytes` the answer ends there, with `delay_s` it comes late.
    """

    name: str
    processed: bool = False
    reply: Reply | None = None
    echo: Callable[[Request], Reply] | None = None
    reset: bool = False
    cut_bytes: int | None = None
    delay_s: float = 0.0


class Wire:
    """The front, on a free port of 127.0.0.1: Secrets Manager and the local token endpoint.

    `spoil(call)` chooses the fault of each call, None for none. `before(call)` and `after(call)`
    run before the service acts on it and after, and may block. `calls` are those of all clients.
    `now` is what the `Date` of the answers says.
    """

    def __init__(self, secrets_manager: StrictSecretsManager, ims: LocalIms | None = None) -> None:
        self.secrets_manager = secrets_manager
        self.ims = ims
        self.spoil: Callable[[Call], Fault | None] = lambda _call: None
        self.before: Callable[[Call], None] = lambda _call: None
        self.after: Callable[[Call], None] = lambda _call: None
        self.now: Callable[[], float] = time.time
        self.calls: list[Call] = []
        self._lock = threading.Lock()
        self._server = HttpServer(self._serve, epoch=self._epoch)
        self.ended = self._server.stopped
        self.endpoint_url = self._server.url
        self.urls = ImsUrls(self.endpoint_url)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def healthy(self) -> None:
        """No more faults, and the calls so far forgotten."""
        self.spoil = lambda _call: None
        self.before = self.after = lambda _call: None
        with self._lock:
            self.calls = []

    def register(self, name: str, params: Mapping[str, Any]) -> Call:
        with self._lock:
            call = Call(len(self.calls), name, params)
            self.calls.append(call)
        return call

    def answer(self, request: Request) -> Reply:
        """What the service behind the front says."""
        if "x-amz-target" in request.headers:
            answer = self.secrets_manager.handle(request.headers, request.body)
            return json_reply(answer.status, answer.body, Content_Type=AMZ_JSON)
        if self.ims is None:
            return Reply(404)
        sent = ImsRequest(request.path, request.query, request.headers, request.body)
        reply = self.ims.answer(request.method, sent)
        named = {"Content-Type": reply.content_type, "x-debug-id": reply.debug_id}
        return Reply(reply.status, reply.body, {**reply.headers, **named})

    def _epoch(self) -> float:
        return self.now()

    def _serve(self, request: Request) -> Reply:
        call = self.register(*_named(request))
        fault = self.spoil(call)
        self.before(call)
        reply = RESET
        if fault is None or fault.processed:
            reply = self.answer(request)
        if fault is not None and fault.echo is not None:
            reply = fault.echo(request)
        self.after(call)
        return reply if fault is None else self._spoiled(reply, fault)

    def _spoiled(self, reply: Reply, fault: Fault) -> Reply:
        self.ended.wait(fault.delay_s)
        if fault.reset:
            return RESET
        return replace(fault.reply or reply, cut_bytes=fault.cut_bytes, close=True)


def _named(request: Request) -> tuple[str, dict[str, Any]]:
    """What kind of call this is, and its parameters where they are JSON."""
    target = request.headers.get("x-amz-target", "")
    params: dict[str, Any] = {}
    if target:
        with contextlib.suppress(ValueError):
            params = json.loads(request.body)
    name = target.replace("secretsmanager.", "sm:") or NAMES.get(request.path, request.path)
    return name, params
