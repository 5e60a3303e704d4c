"""The current token, for every service that needs one: `TokenReader`, and `get_token` for scripts.

    reader = TokenReader("photoshop/token")
    requests.get(url, headers=reader.headers())

A warm read is an attribute load and a clock comparison. What the secret says drives the rest: once
`next_rotation_at` has passed, a read sets off a refresh beside it; the token in hand is served
until it truly expires, whatever happens to AWS meanwhile; only then does a read wait.

Only built-in modules and our errors are imported here: `typing`, `threading`, `datetime` or `json`
would each cost more than this module does.
"""

from __future__ import annotations

import _thread
import os
import time

from rotator.errors import ConfigError, RotatorError, TokenUnavailable
from rotator.reader.snapshot import Snapshot, instant_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self

    import httpx  # type: ignore[import-not-found, unused-ignore]  # only its users have it

    from rotator.reader.adapters import RequestsAuth
    from rotator.reader.sources import Source


__all__ = ["Snapshot", "TokenReader", "get_token"]

# Shares of the time from the next rotation to the expiry (an hour for a token of a day). The
# rotator publishes at its first tick after the rotation is due: the first look comes soon, the
# second finds nearly all new tokens, and so a consumer makes about two calls a day.
_FIRST_LOOK = (1 / 60, 1 / 20)
_POLL = (1 / 8, 1 / 5)
_RETRY_FIRST, _RETRY_LAST = 1 / 240, 1 / 12

# Without a usable token each read would ask upstream. The second attempt may follow the first at
# once, as most failures are a blip; from then on the pauses double.
_UNAVAILABLE_PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

# One re-read for however many rejections arrive in this time.
_INVALIDATE_INTERVAL_S = 30.0

# A refresh that has not ended after this long is taken for lost, and the next read starts another.
_REFRESH_LEASE_S = 60.0


class _Held:
    """What reads are served from. Replaced as a whole and never changed, so no read is torn.

    `fresh_until` is when a read next has something to do besides serving, `due` when a new token
    is expected, `expires` the end: epoch seconds of this machine's clock.
    """

    __slots__ = ("due", "expires", "fresh_until", "read_at", "snapshot", "token")

    def __init__(
        self, snapshot: Snapshot, *, fresh_until: float, due: float, expires: float, read_at: float
    ) -> None:
        self.token = snapshot.token
        self.snapshot = snapshot
        self.fresh_until = min(fresh_until, expires)
        self.due = due
        self.expires = expires
        self.read_at = read_at

    def fresh(self, until: float) -> _Held:
        return _Held(
            self.snapshot,
            fresh_until=until,
            due=self.due,
            expires=self.expires,
            read_at=self.read_at,
        )

    def window(self) -> float:
        return self.expires - self.due


class _Process:
    """What belongs to one process: a lock or a connection from before a fork is of no use after."""

    __slots__ = ("attempts", "failure", "failures", "flight", "reread_at", "retry_at", "sources")

    def __init__(self) -> None:
        self.flight = _thread.allocate_lock()  # held by whoever asks upstream, or replaces _held
        self.sources: tuple[Source, ...] = ()
        self.attempts = 0
        self.failures = 0  # in a row
        self.failure: RotatorError | None = None
        self.retry_at = float("-inf")  # both of the monotonic clock
        self.reread_at = float("-inf")


class TokenReader:
    """Reads one token secret, and keeps its current token at hand for any number of threads.

    `token_secret` is the secret's name or ARN (an ARN also names the region). Nothing is read
    before the first use. Where from is found out then: the Secrets Manager Agent or the Parameters
    and Secrets Lambda Extension if the environment announces it, else Secrets Manager itself
    through botocore with its standard settings. `source` decides it instead ("agent", "extension",
    "sdk", or a Source of your own: see `rotator.reader.sources`), as does `client`, a botocore or
    boto3 client.

    `background` says where a refresh runs while the token in hand is good: true (the default) in a
    short-lived daemon thread, about two a day; false (the default on Lambda, which freezes threads)
    in the read that finds it due, within the source's timeouts; a callable is given the work to run
    (`executor.submit`).

    Every way to the token raises, when there is none to serve:

    - before any token was read: ConfigError (no region, no AWS credentials, no SDK),
      SecretNotFound, StoreError (access denied; `retryable` if throttled or unreachable), or
      TokenUnavailable (the secret has no value yet, or one that is malformed or expired);
    - after that: TokenUnavailable, with the `expires_at` of the last token and the reason.

    Expiry is judged by the wall clock (`now`, epoch seconds), corrected where AWS's `Date` tells
    that it is 5 s to 5 min off; pauses by `monotonic`. Safe to use before and after a fork, except
    that a `client` or `source` object of yours is then shared, as you shared it.
    """

    def __init__(
        self,
        token_secret: str,
        *,
        source: str | Source | None = None,
        client: object = None,
        background: bool | Callable[[Callable[[], None]], object] | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] | None = None,
    ) -> None:
        if not token_secret or not isinstance(token_secret, str):
            raise ConfigError("token secret: give its name or ARN")
        if source is not None and client is not None:
            raise ConfigError("token reader: give it a source or a client, not both")
        if background is None:
            background = "AWS_LAMBDA_FUNCTION_NAME" not in os.environ
        self.token_secret = token_secret
        self._source = source
        self._client = client
        self._background = background
        self._now = now
        self._monotonic = monotonic
        self._uniform = uniform or _uniform
        self._held = _COLD
        self._processes: dict[int, _Process] = {}

    def token(self) -> str:
        """The current access token; see the class for what is raised if there is none."""
        held = self._held
        if self._now() < held.fresh_until:
            return held.token
        return self._look(held).token

    def current(self) -> Snapshot:
        """The current token with all that the secret says of it."""
        held = self._held
        if self._now() < held.fresh_until:
            return held.snapshot
        return self._look(held).snapshot

    def headers(self) -> dict[str, str]:
        """The request headers, a new dict each time: `Authorization` and `x-api-key`."""
        return self.current().headers()

    async def token_async(self) -> str:
        """The current access token; whatever may wait for AWS runs beside the event loop."""
        return (await self.current_async()).token

    async def current_async(self) -> Snapshot:
        """As `current`, for asyncio; whatever may wait for AWS runs beside the event loop."""
        held = self._held
        if self._now() < held.fresh_until:
            return held.snapshot
        import asyncio

        return await asyncio.to_thread(self.current)

    def invalidate(self, rejected_token: str) -> bool:
        """Tell that an API rejected this token (401); true if there is another one to retry with.

        The secret is read again only if this very token is still at hand, and once in 30 s however
        many threads ask; one that finds nothing newer leaves the token in service. Never raises
        for what goes wrong upstream.
        """
        process = self._process()
        if self._held.token == rejected_token:
            with process.flight:
                if self._held.token == rejected_token and self._monotonic() >= process.reread_at:
                    self._fetch(process, fresh=True)
                    process.reread_at = self._monotonic() + _INVALIDATE_INTERVAL_S
        held = self._held
        return held.token != rejected_token and self._now() < held.expires

    def requests_auth(self) -> RequestsAuth:
        """An `auth` for requests: sets the headers; after a 401 retries once with a newer token.

        The retry goes only where the rejected token went, and only with a body that can be sent
        twice. requests itself drops the token when it is redirected to another host.
        """
        from rotator.reader.adapters import RequestsAuth

        return RequestsAuth(self)

    def httpx_auth(self) -> httpx.Auth:
        """An `auth` for httpx, for Client and AsyncClient (on asyncio); as `requests_auth`."""
        from rotator.reader.adapters import httpx_auth

        return httpx_auth(self)

    def close(self) -> None:
        """Forget the token and drop the connection; a later read starts afresh."""
        processes, self._processes = self._processes, {}
        self._held = _COLD
        process = processes.get(os.getpid())
        if process is not None and process.sources:
            from rotator.reader.sources import close_sources

            close_sources(process.sources)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"TokenReader({self.token_secret!r})"

    def _process(self) -> _Process:
        pid = os.getpid()
        # Of the threads that come here at once, setdefault lets one win, without a lock of its own.
        return self._processes.get(pid) or self._processes.setdefault(pid, _Process())

    def _look(self, held: _Held) -> _Held:
        """The read that is not simply served: a refresh may be due, or the token is gone."""
        process = self._process()
        if self._now() < held.expires:
            self._refresh(process, held)
            held = self._held
        return held if self._now() < held.expires else self._fetch_or_wait(process)

    def _refresh(self, process: _Process, held: _Held) -> None:
        """Start to look for a newer token, unless another thread does; never waits for one."""
        if not process.flight.acquire(blocking=False):
            return
        try:
            if self._held is not held:
                return
            now = self._now()
            if held.fresh_until <= held.due:
                # The share of each process is drawn here and not at the fetch: workers forked
                # from a warm parent would all inherit the same instant.
                first_look_at = held.due + held.window() * _between(_FIRST_LOOK, self._uniform())
                if now < first_look_at:
                    self._held = held.fresh(first_look_at)
                    return
            self._held = held.fresh(now + _REFRESH_LEASE_S)
        finally:
            process.flight.release()
        self._start(lambda: self._refresh_now(process))

    def _start(self, work: Callable[[], None]) -> None:
        if self._background is False:
            work()
            return
        start = _start_thread if self._background is True else self._background
        try:
            start(work)
        except RuntimeError:
            # No thread to be had: the interpreter is ending, or a limit is reached. The token in
            # hand is good, and a read tries again when the lease is over.
            return

    def _refresh_now(self, process: _Process) -> None:
        if not process.flight.acquire(blocking=False):
            return
        try:
            self._fetch(process)
        finally:
            process.flight.release()
        if process.failure is not None:
            self._log(process.failure)

    def _fetch_or_wait(self, process: _Process) -> _Held:
        """Read upstream, or wait for the thread that does and share what it gets or fails with."""
        attempts = process.attempts
        with process.flight:
            if self._now() >= self._held.expires:
                shared = process.attempts != attempts and process.failure is not None
                if not shared and self._monotonic() >= process.retry_at:
                    self._fetch(process)
            held = self._held
            if self._now() < held.expires:
                return held
            error = self._unavailable(process)
        raise error

    def _fetch(self, process: _Process, *, fresh: bool = False) -> None:
        """Ask upstream once and hold what it gave; the caller has the flight."""
        held = self._held
        found = self._find(process, fresh=fresh)
        process.attempts += 1
        if isinstance(found, RotatorError):
            pause_s = _UNAVAILABLE_PAUSES_S[min(process.failures, len(_UNAVAILABLE_PAUSES_S) - 1)]
            process.retry_at = self._monotonic() + pause_s
            process.failure = _renewed(found)
            if held.token:
                held = held.fresh(self._now() + self._retry_pause(held, process.failures))
            process.failures += 1
        else:
            process.retry_at = float("-inf")
            process.failure = None
            process.failures = 0
            held = self._hold(*found)
        if self._processes.get(os.getpid()) is process:  # else it was closed meanwhile
            self._held = held

    def _find(self, process: _Process, *, fresh: bool) -> tuple[Snapshot, float] | RotatorError:
        from rotator.reader.sources import find_token, open_sources

        try:
            process.sources = process.sources or open_sources(self._source, client=self._client)
        except ConfigError as error:
            return error
        return find_token(process.sources, self.token_secret, fresh=fresh, now=self._now)

    def _retry_pause(self, held: _Held, failures: int) -> float:
        share = min(_RETRY_FIRST * 2.0 ** min(failures, 16), _RETRY_LAST)
        return max(1.0, held.window() * share * _between((0.75, 1.25), self._uniform()))

    def _hold(self, snapshot: Snapshot, skew_s: float) -> _Held:
        """Plan by what the secret says, on this machine's clock (AWS's is `skew_s` ahead of it)."""
        now = self._now()
        expires = snapshot.expires_at.timestamp() - skew_s
        issued = snapshot.issued_at.timestamp() - skew_s if snapshot.issued_at else now
        due = snapshot.next_rotation_at.timestamp() - skew_s if snapshot.next_rotation_at else None
        if due is None or due >= expires:
            due = expires - (expires - min(issued, now)) / 24
        poll_at = now + max(1.0, (expires - due) * _between(_POLL, self._uniform()))
        return _Held(
            snapshot,
            fresh_until=due if now < due else poll_at,
            due=due,
            expires=expires,
            read_at=now,
        )

    def _unavailable(self, process: _Process) -> RotatorError:
        """The error of a read that has nothing to serve: a new one each, as tracebacks grow."""
        failure, held = process.failure, self._held
        if not held.token and failure is not None:
            return _renewed(failure)
        if not held.token:
            return TokenUnavailable(f"secret {self.token_secret}: its reader was closed")
        from datetime import UTC, datetime

        expires_at = held.snapshot.expires_at
        read_at = datetime.fromtimestamp(held.read_at, UTC)
        return TokenUnavailable(
            f"secret {self.token_secret}: the token expired at {instant_text(expires_at)}, it was"
            f" read last at {instant_text(read_at)}; no newer one: {failure}",
            expires_at=expires_at,
            retryable=failure is None or failure.retryable,
        )

    def _log(self, failure: RotatorError) -> None:
        """A refresh has no caller to raise to, so its failure goes to the log."""
        import logging

        logging.getLogger(__name__).warning(
            "rotator.refresh_failed: %s; the token in hand is served until %s",
            failure,
            instant_text(self._held.snapshot.expires_at),
        )


def get_token(secret_id: str) -> str:
    """Read the current access token once, for scripts; each call asks upstream.

    Raises what `TokenReader.token` does. What runs for longer keeps a TokenReader.
    """
    with TokenReader(secret_id, background=False) as reader:
        return reader.token()


def _start_thread(work: Callable[[], None]) -> None:
    import threading

    # A daemon: the end of the program does not wait for AWS.
    threading.Thread(target=work, name="rotator-reader", daemon=True).start()


def _uniform() -> float:
    """A random number in [0, 1), different in each process; `random` is dear to import."""
    return int.from_bytes(os.urandom(4)) / 2**32


def _between(bounds: tuple[float, float], share: float) -> float:
    low, high = bounds
    return low + (high - low) * share


def _renewed(error: RotatorError) -> RotatorError:
    """The same error without its traceback: raised twice, one object would tell of both places."""
    twin = error.__class__.__new__(error.__class__, *error.args)
    twin.__dict__.update(error.__dict__)
    return twin


_nothing: Any = None
_COLD = _Held(
    Snapshot("", version_id="none", expires_at=_nothing),
    fresh_until=float("-inf"),
    due=float("-inf"),
    expires=float("-inf"),
    read_at=float("-inf"),
)
