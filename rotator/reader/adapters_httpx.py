"""The `auth` for httpx, which sends the reader's token; imported only if httpx is used."""

from __future__ import annotations

import asyncio

import httpx

from rotator.clock import SYSTEM_CLOCK
from rotator.reader.hosts import AllowedHosts, pause_s, put_headers
from rotator.reader.refusals import MAX_BODY_BYTES, RELEVANT_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence

    from rotator.clock import Clock
    from rotator.reader import Snapshot, TokenReader
    from rotator.reader.refusals import Advice

__all__ = ["HttpxAuth"]


class HttpxAuth(httpx.Auth):
    """`auth` for httpx, sync and async; httpx follows redirects within a `yield`."""

    def __init__(
        self,
        reader: TokenReader,
        hosts: Sequence[str],
        *,
        clock: Clock = SYSTEM_CLOCK,
        sleep_async: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reader = reader
        self._hosts = AllowedHosts(hosts)
        self._clock = clock
        self._sleep_async = sleep_async

    def sync_auth_flow(  # noqa: D102
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        if not self._allows(request):
            yield request
            return
        sent = self._reader.current()
        keeps_key = put_headers(request.headers, sent)
        response = yield request
        if not _concerns(response, sent):
            return
        try:
            body = response.read() if _is_short(response) else b""
        except httpx.HTTPError:
            # The caller gets this error, as without `auth`; the reader still needs the status.
            self._reader.refused(sent.token, response.status_code)
            raise
        advice = self._reader.refused(sent.token, response.status_code, body)
        wait_s = self._retry_after_s(response, advice)
        if wait_s is None:
            return
        if wait_s:
            self._clock.sleep(wait_s)
        request = response.request  # the refused one, not the first of a chain of redirects
        put_headers(request.headers, self._reader.current(), keeps_key=keeps_key)
        yield request

    async def async_auth_flow(  # noqa: D102
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if not self._allows(request):
            yield request
            return
        sent = await self._reader.current_async()
        keeps_key = put_headers(request.headers, sent)
        response = yield request
        if not _concerns(response, sent):
            return
        try:
            body = await response.aread() if _is_short(response) else b""
        except httpx.HTTPError:
            # The caller gets this error, as without `auth`; the reader still needs the status.
            await self._reader.refused_async(sent.token, response.status_code)
            raise
        advice = await self._reader.refused_async(sent.token, response.status_code, body)
        wait_s = self._retry_after_s(response, advice)
        if wait_s is None:
            return
        if wait_s:
            await self._sleep_async(wait_s)
        request = response.request  # the refused one, not the first of a chain of redirects
        put_headers(request.headers, await self._reader.current_async(), keeps_key=keeps_key)
        yield request

    def _allows(self, request: httpx.Request) -> bool:
        return self._hosts.allows(request.url.scheme, request.url.host)

    def _retry_after_s(self, response: httpx.Response, advice: Advice) -> float | None:
        """The pause before the request is repeated; None if it isn't."""
        if advice == "keep" or not isinstance(response.request.stream, httpx.ByteStream):
            return None
        return pause_s(response.headers.get("Retry-After"), self._clock) if advice != "retry" else 0


def _concerns(response: httpx.Response, sent: Snapshot) -> bool:
    # httpx drops the token on a redirect to another host, which then didn't reject it.
    carried: bool = response.request.headers.get("Authorization") == f"Bearer {sent.token}"
    return carried and response.status_code in RELEVANT_STATUSES


def _is_short(response: httpx.Response) -> bool:
    """Whether the body is short enough to read, even if the caller streams it."""
    length: str = response.headers.get("Content-Length", "")
    if length.isdigit():
        return int(length) <= MAX_BODY_BYTES
    return "json" in response.headers.get("Content-Type", "")
