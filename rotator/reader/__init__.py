"""The current token, for every service that needs one: `TokenReader`, and `get_token` for scripts.

    reader = TokenReader("photoshop/token")
    requests.get(url, headers=reader.headers())

A warm read compares the clock with one number. The refresh schedule follows the secret: once
`next_rotation_at` has passed, a read starts a refresh in the background. The cached token is served
until it expires, even if AWS is down; only then does a read wait.

Imports built-in modules and our errors only: `typing`, `threading`, `datetime` or `json` would each
take longer than this module.
"""

from __future__ import annotations

import os
import time

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError
from rotator.reader.cached_token import EMPTY
from rotator.reader.process_state import importing, make_forks_wait_for_imports
from rotator.reader.refresher import Refresher
from rotator.reader.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Self

    import httpx

    from rotator.clock import Clock
    from rotator.reader.adapters import RequestsAuth
    from rotator.reader.refusals import Advice, Body
    from rotator.reader.source import Source

__all__ = ["Snapshot", "TokenReader", "get_token"]

# A global, because an attribute of the reader would make a warm read a tenth slower. A reader with
# another clock is `rotator.reader.clocked.ClockedReader`.
_wall_clock = time.time


class TokenReader:
    """Reads one token secret, and caches its current token for any number of threads.

    `token_secret` is the secret's name or ARN (an ARN also names the region). Nothing is read
    before the first use. `source` says where to read: "agent", "extension", "direct", "sdk", your
    own `rotator.reader.source.Source`, or a sequence of these, each used if those before it have no
    token; by default the environment decides. `regions` are those of the secret and its replicas,
    in order of preference. `client` is a botocore or boto3 client to use instead.

    `background` says where a refresh runs while the cached token is valid: True (the default) in a
    short-lived daemon thread; False (the default on Lambda, which freezes threads) in the read that
    finds it due; a callable is called with the work (`executor.submit`).

    If there is no token to serve, all reads raise. Before one was read: ConfigError,
    SecretNotFound, StoreError (`retryable` if throttled or unreachable) or TokenUnavailable (no
    usable value); later TokenUnavailable, with the last `expires_at` and the reason.

    Safe in threads and across forks, which share what you pass. A pickle leaves the token out.
    """

    __slots__ = ("__dict__", "__weakref__", "_fresh_until", "_token")
    _clock: Clock = SYSTEM_CLOCK
    _now: Callable[[], float] = staticmethod(_wall_clock)

    def __init__(
        self,
        token_secret: str,
        *,
        source: str | Source | Sequence[str | Source] | None = None,
        regions: Sequence[str] = (),
        client: object = None,
        background: bool | Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        if not token_secret or not isinstance(token_secret, str):
            raise ConfigError("token secret: missing; pass its name or ARN")
        if isinstance(regions, str):
            raise ConfigError("token reader: regions must be a sequence of names")
        if client is not None and (source is not None or regions):
            raise ConfigError("token reader: pass a client, or a source and regions")
        if background is None:
            background = "AWS_LAMBDA_FUNCTION_NAME" not in os.environ
        self.token_secret = token_secret
        options = {"source": source, "regions": tuple(regions), "client": client}
        self._options: dict[str, Any] = options | {"background": background}
        self._reset()

    def _reset(self) -> None:
        self._serve(EMPTY.snapshot, float("-inf"))
        options = {"serve": self._serve, "clock": self._clock, **self._options}
        self._refresher = Refresher(self.token_secret, **options)
        make_forks_wait_for_imports()

    def _serve(self, snapshot: Snapshot, until: float) -> None:
        # The instant last: a read that sees it gets the token that belongs to it.
        self._token = snapshot.token
        self._snapshot = snapshot
        self._fresh_until = until  # until then reads only serve the token

    def token(self) -> str:
        """The current access token; raises as the class says if there is none."""
        if _wall_clock() < self._fresh_until:
            return self._token
        return self._refresher.read().token

    def current(self) -> Snapshot:
        """The current token with its expiry, client id and more; raises as `token`."""
        if _wall_clock() < self._fresh_until:
            return self._snapshot
        return self._refresher.read()

    def headers(self) -> dict[str, str]:
        """The request headers, a new dict each time: `Authorization` and `x-api-key`."""
        return self.current().headers()

    async def token_async(self) -> str:
        """The current access token; calls to AWS run in the loop's executor."""
        return (await self.current_async()).token

    async def current_async(self) -> Snapshot:
        """As `current`, for asyncio; returns at once while the token is valid."""
        if self._now() < self._fresh_until:
            return self._snapshot
        from rotator.reader import async_reads

        return await async_reads.read(self._refresher)

    def invalidate(self, rejected_token: str) -> bool:
        """Report that an API rejected this token (401); True if there is another to retry with.

        Reads the secret again only if this token is the cached one, and at most once in 30 s. Does
        not raise if that read fails.
        """
        try:
            return self._refresher.invalidate(rejected_token)
        finally:
            del rejected_token  # the traceback of a signal handler's exception would show it

    def refused(self, token: str, status: int, body: Body = b"") -> Advice:
        """After a response: "retry" with the new token, "back_off" a moment, or "keep" it."""
        with importing:
            from rotator.reader.refusals import assess_refusal, to_advice

        assessment = assess_refusal(status, body)
        return to_advice(assessment, retry=assessment == "refetch" and self.invalidate(token))

    async def refused_async(self, token: str, status: int, body: Body = b"") -> Advice:
        """As `refused`, for asyncio; calls to AWS run in the loop's executor."""
        from rotator.reader import async_reads  # without `importing`, which would block the loop
        from rotator.reader.refusals import assess_refusal, to_advice

        assessment = assess_refusal(status, body)
        retry = assessment == "refetch" and await async_reads.invalidate(self._refresher, token)
        return to_advice(assessment, retry=retry)

    def requests_auth(self, *hosts: str) -> RequestsAuth:
        """An `auth` for requests: sets the headers; after a 401 retries once with a newer token.

        Hosts are names, or "*.example.com" for its subdomains; requests to others stay unchanged.
        """
        from rotator.reader.adapters import RequestsAuth

        return RequestsAuth(self, hosts)

    def httpx_auth(self, *hosts: str) -> httpx.Auth:
        """An `auth` for httpx, for Client and AsyncClient (on asyncio); as `requests_auth`."""
        from rotator.reader.adapters_httpx import HttpxAuth

        return HttpxAuth(self, hosts)

    def close(self) -> None:
        """Forget the token and close the connection; the next read starts over."""
        self._fresh_until = float("-inf")
        self._refresher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.token_secret!r})"

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_snapshot": None, "_refresher": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()


def get_token(secret_id: str) -> str:
    """Read the current access token once, for scripts; each call reads the secret.

    Raises as `TokenReader.token` does. Longer-running programs keep a TokenReader.
    """
    with TokenReader(secret_id, background=False) as reader:
        return reader.token()
