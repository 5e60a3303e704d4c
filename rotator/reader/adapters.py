"""How the reader's token gets into the requests of `requests`."""

from __future__ import annotations

import time

from rotator.reader.cached_token import uniform
from rotator.reader.hosts import AllowedHosts, pause_s
from rotator.reader.refusals import MOST_BODY_BYTES, TELLING_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from requests import PreparedRequest, Response

    from rotator.reader import Snapshot, TokenReader

__all__ = ["RequestsAuth"]


class RequestsAuth:
    """`auth` for requests, which takes any callable and calls it with the prepared request."""

    def __init__(
        self,
        reader: TokenReader,
        hosts: Sequence[str],
        *,
        sleep: Callable[[float], None] = time.sleep,
        share: Callable[[], float] = uniform,
    ) -> None:
        self._reader = reader
        self._hosts = AllowedHosts(hosts)
        self._sleep = sleep
        self._share = share

    def __call__(self, request: PreparedRequest) -> PreparedRequest:  # noqa: D102
        from functools import partial

        if not self._allows(request):
            return request
        snapshot = self._reader.current()
        request.headers.update(snapshot.headers())
        retry = partial(self._retry, sent=snapshot, position=_position(request.body))
        request.register_hook("response", retry)
        return request

    def _allows(self, request: PreparedRequest) -> bool:
        # The parser that decides where requests connects to: two could read a URL in two ways.
        from urllib3.util import parse_url

        url = parse_url(request.url or "")
        return self._hosts.hold(url.scheme, url.host)

    def _retry(
        self, response: Response, *, sent: Snapshot, position: int | None, **options: Any
    ) -> Response:
        """Called for each response, those of redirects included.

        Where requests dropped the token on the way to another host, this one was not rejected, and
        the new one must not go there either.
        """
        request = response.request
        carried = request.headers.get("Authorization") == f"Bearer {sent.token}"
        if response.status_code not in TELLING_STATUSES or not carried:
            return response
        advice = self._reader.refused(sent.token, response.status_code, _body(response, options))
        if advice == "keep" or position is None:
            return response
        if advice == "back_off":
            wait_s = pause_s(response.headers.get("Retry-After"), self._share())
            if wait_s is None:
                return response
            self._sleep(wait_s)
        request = request.copy()
        if position >= 0 and request.body is not None:  # a 303 leaves the body behind
            request.body.seek(position)  # type: ignore[union-attr]  # it told the position
        request.headers.update(self._reader.headers())
        # Not read to its end: an answer that is thrown away may be of any length.
        response.close()
        again: Response = response.connection.send(request, **options)
        again.history.append(response)
        again.request = request
        return again


def _body(response: Response, options: dict[str, Any]) -> bytes:
    """The body, if it is read anyway or is short: a caller who streams may not want it read."""
    length = response.headers.get("Content-Length", "")
    if options.get("stream") and not (length.isdigit() and int(length) <= MOST_BODY_BYTES):
        return b""
    return response.content or b""


def _position(body: Any) -> int | None:  # noqa: ANN401 - requests takes many kinds
    """Where to go back to for sending the body again: -1 if it needs not, None if it cannot."""
    if body is None or isinstance(body, bytes | str):
        return -1
    try:
        position: int = body.tell()
        body.seek(position)
    except (AttributeError, OSError):
        return None
    return position
