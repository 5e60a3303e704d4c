"""The `auth` for requests, which sends the reader's token."""

from __future__ import annotations

from rotator.clock import SYSTEM_CLOCK
from rotator.reader.hosts import AllowedHosts, pause_s, put_headers
from rotator.reader.refusals import MAX_BODY_BYTES, RELEVANT_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from requests import PreparedRequest, Response

    from rotator.clock import Clock
    from rotator.reader import Snapshot, TokenReader

__all__ = ["RequestsAuth"]


class RequestsAuth:
    """`auth` for requests, which takes any callable and calls it with the prepared request."""

    def __init__(
        self, reader: TokenReader, hosts: Sequence[str], *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.reader = reader
        self.clock = clock
        self._hosts = AllowedHosts(hosts)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:  # noqa: D102
        if self._allows(request):
            snapshot = self.reader.current()
            keeps_key = put_headers(request.headers, snapshot)
            hook = _RetryHook(self, snapshot, _position(request.body), keeps_key=keeps_key)
            request.register_hook("response", hook)
        return request

    def _allows(self, request: PreparedRequest) -> bool:
        # The parser that requests connects by; another one might parse the URL differently.
        from urllib3.util import parse_url

        url = parse_url(request.url or "")
        return self._hosts.allows(url.scheme, url.host)


class _RetryHook:
    """Called for each response, including redirects.

    If requests dropped the token on a redirect to another host, that host has not rejected it, and
    must not get the new token either.
    """

    def __init__(
        self, auth: RequestsAuth, sent: Snapshot, position: int | None, *, keeps_key: bool
    ) -> None:
        self._auth = auth
        self._sent = sent
        self._position = position
        self._keeps_key = keeps_key

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        # A pickled response includes its request, whose hooks are not needed any more.
        return _make_spent_hook, ()

    def __call__(self, response: Response, **options: Any) -> Response:
        request = response.request
        carried = request.headers.get("Authorization") == f"Bearer {self._sent.token}"
        if response.status_code not in RELEVANT_STATUSES or not carried:
            return response
        reader, position = self._auth.reader, self._position
        from requests import RequestException

        try:
            body = _read_body(response, options)
        except RequestException:
            # The caller gets this error, as without `auth`; the reader still needs the status.
            reader.refused(self._sent.token, response.status_code)
            raise
        advice = reader.refused(self._sent.token, response.status_code, body)
        if advice == "keep" or position is None:
            return response
        if advice == "back_off":
            wait_s = pause_s(response.headers.get("Retry-After"), self._auth.clock)
            if wait_s is None:
                return response
            self._auth.clock.sleep(wait_s)
        request = request.copy()
        if position >= 0 and request.body is not None:  # a 303 drops the body
            request.body.seek(position)  # type: ignore[union-attr]  # it told the position
        put_headers(request.headers, reader.current(), keeps_key=self._keeps_key)
        # Closed unread, because the body may be long.
        response.close()
        again: Response = response.connection.send(request, **options)
        again.history.append(response)
        again.request = request
        return again


def _spent_hook(_response: Response, **_options: Any) -> None:
    """Do nothing: the hook of an unpickled response."""


def _make_spent_hook() -> Callable[..., None]:
    return _spent_hook


def _read_body(response: Response, options: dict[str, Any]) -> bytes:
    """The body; empty if the caller streams it, unless it is known to be short."""
    length = response.headers.get("Content-Length", "")
    if options.get("stream") and not (length.isdigit() and int(length) <= MAX_BODY_BYTES):
        return b""
    return response.content or b""


def _position(body: Any) -> int | None:  # noqa: ANN401 - requests takes many kinds
    """Where to seek before sending the body again: -1 for nowhere, None if it cannot be sent."""
    if body is None or isinstance(body, bytes | str):
        return -1
    try:
        position: int = body.tell()
        body.seek(position)
    except (AttributeError, OSError):
        return None
    return position
