"""What one provider's calls are, as data and small functions, and who makes them.

An adapter says which request lists, adds, retires and deletes a client secret, and what its
response means. `HttpClientAdmin` sends it once: an `add` can't be repeated safely.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rotator.errors import ClientAdminError, replace_error
from rotator.model.clock import SYSTEM_CLOCK
from rotator.model.fields import load_object
from rotator.transport.clock_skew import explain_clock_skew
from rotator.transport.redaction import Redactor, debug_id
from rotator.transport.request import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.model.client_admin import AdminSettings
    from rotator.model.clock import Clock
    from rotator.model.secret import Secret
    from rotator.model.secret_rotation import NewSecret, ProviderSecret
    from rotator.transport.bounded import HttpResponse

    Send = Callable[[HttpRequest], HttpResponse]

__all__ = ["Adapter", "Call", "HttpClientAdmin", "Target", "parse_items", "send_once"]

T = TypeVar("T")

MAX_BODY_BYTES = 1_000_000
MAX_DESCRIPTION_CHARS = 200
TOO_MANY_REQUESTS = 429
NOT_FOUND = 404
FIRST_FAILURE = 300
FIRST_SERVER_FAILURE = 500
UNAUTHORIZED = 401
PERMISSIONS = frozenset({UNAUTHORIZED, 403})


@dataclass(frozen=True, slots=True)
class Target:
    """Whose client secrets: the client, and the settings that say where.

    `client_secrets` are the stored ones, which no error may show: the provider knows them.
    """

    client_id: str
    settings: AdminSettings
    client_secrets: tuple[Secret, ...] = ()

    @property
    def ids(self) -> Mapping[str, str]:
        """The ids that the provider needs besides the client's."""
        return self.settings.ids


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the provider's interface: `path` follows the base URL, `body` becomes JSON."""

    does: str
    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Adapter:
    """One provider. What it doesn't have is None.

    `grants` says which right the management credentials need, for who is refused.
    """

    grants: str
    list: Callable[[Target], Call] | None = None
    parse_list: Callable[[Mapping[str, Any]], tuple[ProviderSecret, ...]] | None = None
    add: Callable[[Target, str, datetime], Call] | None = None
    parse_added: Callable[[Mapping[str, Any]], NewSecret] | None = None
    retire: Callable[[Target, str], Call] | None = None
    delete: Callable[[Target, str], Call] | None = None
    replace: Callable[[Target, Secret], Call] | None = None
    sends_client_id_as: str | None = None


class HttpClientAdmin:
    """The calls of one provider for one client, with a management token that is never stored."""

    def __init__(
        self,
        adapter: Adapter,
        target: Target,
        *,
        token: Callable[[], tuple[Secret, str]],
        send: Send,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`token` mints a management token; it comes with the client id that it was minted for."""
        self._adapter = adapter
        self._target = target
        self._token = token
        self._send = send
        self._clock = clock
        self._minted: tuple[Secret, str] | None = None

    @property
    def can_retire(self) -> bool:
        """Whether a client secret can be switched off before it is deleted."""
        return self._adapter.retire is not None

    def list(self) -> tuple[ProviderSecret, ...]:
        """The client secrets that the provider has, without their values."""
        assert self._adapter.list is not None  # noqa: S101 - as the kind says
        assert self._adapter.parse_list is not None  # noqa: S101
        call = self._adapter.list(self._target)
        return self._parse(call, self._adapter.parse_list, self._call(call))

    def add(self, label: str, ends_at: datetime) -> NewSecret:
        """Make one more client secret.

        It is called `label` and ends at `ends_at` where the provider wants to know.
        """
        assert self._adapter.add is not None  # noqa: S101 - as the kind says
        assert self._adapter.parse_added is not None  # noqa: S101
        call = self._adapter.add(self._target, label, ends_at)
        return self._parse(call, self._adapter.parse_added, self._call(call))

    def retire(self, secret_id: str) -> None:
        """Switch a client secret off, so that it could be switched on again."""
        if self._adapter.retire is not None:
            self._call(self._adapter.retire(self._target, secret_id))

    def delete(self, secret_id: str) -> None:
        """Delete a client secret for good; one that is gone already is deleted."""
        assert self._adapter.delete is not None  # noqa: S101 - as the kind says
        self._call(self._adapter.delete(self._target, secret_id), also_accepts=NOT_FOUND)

    def replace(self, value: Secret) -> None:
        """Make this value the client's only secret."""
        assert self._adapter.replace is not None  # noqa: S101 - as the kind says
        self._call(self._adapter.replace(self._target, value), hides=value)

    def _call(
        self, call: Call, *, hides: Secret | None = None, also_accepts: int | None = None
    ) -> HttpResponse:
        if self._minted is None:
            self._minted = self._token()
        token, client_id = self._minted
        request = self._request(call, token, client_id)
        response = self._sent(call, request)
        if response.status >= FIRST_FAILURE and response.status != also_accepts:
            hidden = (token, *self._target.client_secrets, *([hides] if hides else []))
            redactor = Redactor.of(*hidden, sent=request)
            raise self._refusal(call, response, redactor)
        return response

    def _request(self, call: Call, token: Secret, client_id: str) -> HttpRequest:
        """In a frame of its own: no error that is raised later comes through it."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token.reveal()}"}
        if self._adapter.sends_client_id_as is not None:
            headers[self._adapter.sends_client_id_as] = client_id
        body = ""
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(call.body)
        return HttpRequest(self._target.settings.url + call.path, call.method, headers, body)

    def _sent(self, call: Call, request: HttpRequest) -> HttpResponse:
        from rotator.transport.bounded import TransportError

        name = self._target.settings.kind.name
        return replace_error(
            lambda: self._send(request),
            TransportError,
            lambda error: ClientAdminError(f"{name}: cannot {call.does}: {error}", retryable=True),
        )

    def _refusal(self, call: Call, response: HttpResponse, redactor: Redactor) -> ClientAdminError:
        status = response.status
        name = self._target.settings.kind.name
        text = redactor.redact_line(_description(response.body), max_chars=MAX_DESCRIPTION_CHARS)
        text, request_id = redactor.redact_together(text, debug_id(response.headers, redactor))
        hint = f"; grant {self._adapter.grants}" if status in PERMISSIONS else ""
        if status == UNAUTHORIZED:
            hint = explain_clock_skew(response.headers, now=self._clock.now()) + hint
        return ClientAdminError(
            f"{name}: refused to {call.does} (HTTP {status}{f': {text}' if text else ''}){hint}",
            status=status,
            debug_id=request_id,
            retryable=status == TOO_MANY_REQUESTS or status >= FIRST_SERVER_FAILURE,
        )

    def _parse(
        self, call: Call, parse: Callable[[Mapping[str, Any]], T], response: HttpResponse
    ) -> T:
        """What the response says; it holds a client secret, so that its error quotes nothing."""

        def read() -> T:
            if response.is_cut:
                raise ValueError("is longer than any that is documented")
            return parse(parse_items(response.body))

        name = self._target.settings.kind.name
        return replace_error(
            read,
            (ValueError, KeyError, TypeError, OverflowError),
            lambda _: ClientAdminError(
                f"{name}: its response to a request to {call.does} is not the documented one",
                status=response.status,
            ),
        )


def send_once(request: HttpRequest) -> HttpResponse:
    """Send a request within half a minute; raises TransportError."""
    from rotator.transport.bounded import Timeouts, send_bounded

    timeouts = Timeouts(connect_s=5.0, read_s=20.0, total_s=30.0)
    return send_bounded(request, timeouts=timeouts, max_body_bytes=MAX_BODY_BYTES)


def parse_items(body: bytes) -> Mapping[str, Any]:
    """A JSON object, or an array as the member `items`; raises ValueError."""
    if body.lstrip().startswith(b"["):
        return load_object(b'{"items":' + body + b"}")
    return load_object(body)


def _description(body: bytes) -> object:
    """What the provider says of a refusal: the members that these four use for it."""
    try:
        fields = parse_items(body)
    except ValueError:
        return None
    nested = fields.get("error")
    candidates = [nested, fields] if isinstance(nested, dict) else [fields]
    for each in candidates:
        for name in ("errorSummary", "message", "error_description", "error"):
            if isinstance(each.get(name), str):
                return each[name]
    return None
