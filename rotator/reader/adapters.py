"""How the reader's token gets into the requests of HTTP clients.

Each adapter sets the headers, and after a 401 (never a 403, which a new token does not mend) it
repeats the request once, if the reader has a newer token and the body can be sent again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from typing import Any

    import httpx  # type: ignore[import-not-found, unused-ignore]  # only its users have it
    from requests import PreparedRequest, Response

    from rotator.reader import Snapshot, TokenReader

__all__ = ["RequestsAuth", "httpx_auth"]

_UNAUTHORIZED = 401


class RequestsAuth:
    """`auth` for requests, which takes any callable and calls it with the prepared request."""

    def __init__(self, reader: TokenReader) -> None:
        self._reader = reader

    def __call__(self, request: PreparedRequest) -> PreparedRequest:  # noqa: D102
        from functools import partial

        snapshot = self._reader.current()
        request.headers.update(snapshot.headers())
        retry = partial(self._retry, rejected=snapshot, position=_position(request.body))
        request.register_hook("response", retry)
        return request

    def _retry(
        self, response: Response, *, rejected: Snapshot, position: int | None, **options: Any
    ) -> Response:
        """Called for each response, those of redirects included.

        Where requests dropped the token on the way to another host, this one was not rejected, and
        the new one must not go there either.
        """
        if response.status_code != _UNAUTHORIZED or not _carried(response.request, rejected):
            return response
        if not self._reader.invalidate(rejected.token) or position is None:
            return response
        request = response.request.copy()
        if position >= 0:
            request.body.seek(position)  # type: ignore[union-attr]  # it told the position
        request.headers.update(self._reader.headers())
        # Not read to its end: an answer that is thrown away may be of any length.
        response.close()
        again: Response = response.connection.send(request, **options)
        again.history.append(response)
        again.request = request
        return again


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


def httpx_auth(reader: TokenReader) -> httpx.Auth:
    """`auth` for httpx, which takes a subclass of its own class only."""
    import httpx

    auth: httpx.Auth = type("TokenReaderAuth", (_HttpxFlow, httpx.Auth), {})(reader)
    return auth


class _HttpxFlow:
    """The two flows that httpx asks for; redirects happen inside of a `yield`."""

    def __init__(self, reader: TokenReader) -> None:
        self._reader = reader

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        sent = self._reader.current()
        request.headers.update(sent.headers())
        response = yield request
        if _rejected(response, sent) and self._reader.invalidate(sent.token) and _whole(request):
            request.headers.update(self._reader.headers())
            yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        import asyncio

        sent = await self._reader.current_async()
        request.headers.update(sent.headers())
        response = yield request
        if not _rejected(response, sent):
            return
        if await asyncio.to_thread(self._reader.invalidate, sent.token) and _whole(request):
            request.headers.update((await self._reader.current_async()).headers())
            yield request


def _rejected(response: httpx.Response, sent: Snapshot) -> bool:
    return response.status_code == _UNAUTHORIZED and _carried(response.request, sent)


def _whole(request: httpx.Request) -> bool:
    import httpx

    return isinstance(request.stream, httpx.ByteStream)


def _carried(request: PreparedRequest | httpx.Request, snapshot: Snapshot) -> bool:
    return request.headers.get("Authorization") == f"Bearer {snapshot.token}"
