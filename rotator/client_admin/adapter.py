"""Sends the requests of a provider's adapter, and parses the responses.

Each request is sent once: an `add` can't be repeated safely.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from rotator.client_admin.refusals import Refusal
from rotator.client_admin.values import parse_items
from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ClientAdminError, ConfigError, replace_error
from rotator.model.secret import Secret
from rotator.model.secret_rotation import NewSecret, ProviderSecret
from rotator.transport.clock_skew import seconds_ahead
from rotator.transport.redaction import Redactor
from rotator.transport.request import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from rotator.client_admin.calls import Adapter, Call, Target
    from rotator.clock import Clock
    from rotator.transport.bounded import HttpResponse

    Send = Callable[[HttpRequest], HttpResponse]

__all__ = ["HttpClientAdmin", "send_once"]

T = TypeVar("T")

MAX_BODY_BYTES = 1_000_000
VALUE_FIELDS = ("client_secret", "secretText")
"""The fields in which the supported providers return the value of a client secret."""


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
        """`token` mints a management token, and returns it with the client id of its client."""
        self._adapter = adapter
        self._target = target
        self._token = token
        self._send = send
        self._clock = clock
        self._minted: tuple[Secret, str] | None = None
        self._known_values: set[Secret] = set()
        self._ahead_s = 0.0

    @property
    def clock_ahead(self) -> timedelta:
        """By how much this host's clock is ahead of the provider's, as the `Date` headers show."""
        return timedelta(seconds=self._ahead_s)

    @property
    def can_retire(self) -> bool:
        """Whether a client secret can be switched off before it is deleted."""
        return self._adapter.retire is not None

    def authenticate(self) -> None:
        """Mint the management token now, before anything is stored."""
        self._minted = self._minted or self._token()

    def list(self) -> tuple[ProviderSecret, ...]:
        """The client secrets that the provider has, without their values."""
        assert self._adapter.list is not None  # noqa: S101 - as the kind says
        assert self._adapter.parse_list is not None  # noqa: S101
        call = self._adapter.list(self._target)
        return self._parse(call, partial(self._adapter.parse_list, self._target), self._call(call))

    def add(self, label: str, ends_at: datetime) -> NewSecret:
        """Make one more client secret.

        It is called `label` and ends at `ends_at` where the provider wants to know.
        """
        assert self._adapter.add is not None  # noqa: S101 - as the kind says
        assert self._adapter.parse_added is not None  # noqa: S101
        call = self._adapter.add(self._target, label, ends_at)
        response = self._call(call, has_value=True)
        return self._parse(call, self._adapter.parse_added, response)

    def retire(self, secret_id: str) -> None:
        """Switch a client secret off; it can be switched on again."""
        if self._adapter.retire is not None:
            call = self._adapter.retire(
                self._target, _check_id(self._adapter, self._target, secret_id)
            )
            self._switch(call, is_active=False)

    def restore(self, secret_id: str) -> None:
        """Switch a client secret on again."""
        if self._adapter.restore is not None:
            call = self._adapter.restore(
                self._target, _check_id(self._adapter, self._target, secret_id)
            )
            self._switch(call, is_active=True)

    def delete(self, secret_id: str) -> None:
        """Delete a client secret, if the provider still has it, and check that it isn't listed.

        Raises ClientAdminError (retryable) while it is still listed.
        """
        assert self._adapter.delete is not None  # noqa: S101 - as the kind says
        call = self._adapter.delete(self._target, _check_id(self._adapter, self._target, secret_id))
        response = self._call(call, also_accepts=HTTPStatus.NOT_FOUND)
        if response.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
            raise _explain_undocumented(self._target, call, response)
        if any(each.id == secret_id for each in self.list()):
            raise ClientAdminError(
                f"{self._target.settings.kind.name}: still lists {secret_id} after deleting it; its"
                " value is kept. Run this again",
                retryable=True,
            )

    def replace(self, value: Secret) -> None:
        """Make this value the client's only secret."""
        assert self._adapter.replace is not None  # noqa: S101 - as the kind says
        self._known_values.add(value)
        call = self._adapter.replace(self._target, value)
        response = self._call(call)
        if self._adapter.parse_replaced is not None:
            self._parse(call, partial(self._adapter.parse_replaced, self._target), response)

    def _switch(self, call: Call, *, is_active: bool) -> None:
        assert self._adapter.parse_switched is not None  # noqa: S101 - as the kind says
        response = self._call(call)
        if self._parse(call, self._adapter.parse_switched, response).is_active is not is_active:
            raise _explain_undocumented(self._target, call, response)

    def _call(
        self, call: Call, *, also_accepts: int | None = None, has_value: bool = False
    ) -> HttpResponse:
        """Send the request and return the response; raises ClientAdminError for a refusal.

        If a response can contain a new value (`has_value`), that error shows only a code.
        """
        token, client_id = self._minted or self._token()
        self._minted = token, client_id
        request = _request(self._adapter, self._target, call, token, client_id)
        asked_at = self._clock.now()
        response = _send_request(
            self._send, request, f"{self._target.settings.kind.name}: cannot {call.action}"
        )
        self._ahead_s = max(self._ahead_s, -seconds_ahead(response.headers, asked_at=asked_at))
        if response.status >= HTTPStatus.MULTIPLE_CHOICES and response.status != also_accepts:
            hidden = (token, *self._target.client_secrets, *self._known_values)
            raise Refusal(
                response, Redactor.of(*hidden, sent=request), asked_at, code_alone=has_value
            ).explain(self._adapter, self._target, call)
        return response

    def _parse(
        self, call: Call, parse: Callable[[Mapping[str, Any]], T], response: HttpResponse
    ) -> T:
        """The parsed response; errors quote nothing of it, as it may contain a client secret."""

        def read() -> T:
            if response.is_cut:
                raise ValueError("is longer than any that is documented")
            fields = parse_items(response.body)
            self._known_values.update(_values_in(fields))  # which a later refusal may repeat
            parsed = parse(fields)
            ids = _ids_in(parsed)
            if not all(_is_id(self._adapter, each) for each in ids):
                raise ValueError("has an id that is not of the provider's form")
            _refuse_ids_with_values(ids, *self._target.client_secrets, *self._known_values)
            return parsed

        return replace_error(
            read,
            (ValueError, KeyError, TypeError, OverflowError),
            lambda _: _explain_undocumented(self._target, call, response),
        )


def _is_id(adapter: Adapter, text: str) -> bool:
    return re.fullmatch(adapter.secret_id, text) is not None


def _check_id(adapter: Adapter, target: Target, secret_id: str) -> str:
    """The id; raises ConfigError if it is not of the provider's form."""
    if _is_id(adapter, secret_id):
        return secret_id
    raise ConfigError(
        f"{target.settings.kind.name}: client_secret_rotation has an id of a client secret that is"
        " not of the provider's form; nothing was changed there. Remove that field from the"
        " credentials secret, then run this again"
    )


def _request(
    adapter: Adapter, target: Target, call: Call, token: Secret, client_id: str
) -> HttpRequest:
    """The request; in a separate function, so that no traceback has its frame."""
    headers = {"Accept": "application/json", "Authorization": f"Bearer {token.reveal()}"}
    if adapter.sends_client_id_as is not None:
        headers[adapter.sends_client_id_as] = client_id
    body = ""
    if call.body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(call.body)
    url = replace_error(
        lambda: call.url(target.settings.url),
        ValueError,
        lambda problem: ConfigError(
            f"{target.settings.kind.name}: cannot {call.action}: its URL {problem}; correct"
            " client_id and the ids in client_admin"
        ),
    )
    return HttpRequest(url, call.method, headers, body)


def _send_request(send: Send, request: HttpRequest, subject: str) -> HttpResponse:
    from rotator.transport.bounded import TransportError

    return replace_error(
        lambda: send(request),
        TransportError,
        lambda error: ClientAdminError(f"{subject}: {error}", retryable=True),
    )


def _explain_undocumented(target: Target, call: Call, response: HttpResponse) -> ClientAdminError:
    return ClientAdminError(
        f"{target.settings.kind.name}: its response to a request to {call.action} is not the"
        f" documented one (HTTP {response.status}); check what responds at {target.settings.url},"
        " then run this again",
        status=response.status,
    )


def send_once(request: HttpRequest) -> HttpResponse:
    """Send a request within half a minute; raises TransportError."""
    from rotator.transport.bounded import Timeouts, send_bounded

    timeouts = Timeouts(connect_s=5.0, read_s=20.0, total_s=30.0)
    return send_bounded(request, timeouts=timeouts, max_body_bytes=MAX_BODY_BYTES)


def _values_in(document: object) -> Iterator[Secret]:
    """Every value of a client secret anywhere in a response."""
    if isinstance(document, list):
        for each in document:
            yield from _values_in(each)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name in VALUE_FIELDS and isinstance(value, str) and value.strip():
                yield Secret(value)
            yield from _values_in(value)


def _refuse_ids_with_values(ids: Iterable[str], *values: Secret) -> None:
    """Raise ValueError for an id that contains a value: ids are shown, and stored in clear text."""
    redactor = Redactor.of(*values)
    if any(redactor.finds_whole(each) for each in ids):
        raise ValueError


def _ids_in(parsed: object) -> list[str]:
    """The ids of the client secrets in a parsed response."""
    if isinstance(parsed, NewSecret):
        parsed = (parsed.listed,)
    elif isinstance(parsed, ProviderSecret):
        parsed = (parsed,)
    several = parsed if isinstance(parsed, tuple) else ()
    return [each.id for each in several if isinstance(each, ProviderSecret)]
