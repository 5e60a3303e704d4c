"""The current token, for every service that needs one: `TokenReader`, and `get_token` for scripts.

    reader = TokenReader("photoshop/token")
    requests.get(url, headers=reader.headers())

A warm read is a clock read and a comparison. What the secret says drives the rest: once
`next_rotation_at` has passed, a read sets off a refresh beside it; the token in hand is served
until it truly expires, whatever happens to AWS meanwhile; only then does a read wait.

Only built-in modules and our errors are imported here: `typing`, `threading`, `datetime` or `json`
would each cost more than this module does.
"""

from __future__ import annotations

import _thread
import os
import time

from rotator.errors import ConfigError, RotatorError, StoreError, TokenUnavailable
from rotator.reader.cached_token import COLD, hold, uniform
from rotator.reader.process_state import Process, importing, let_forks_wait_for_imports, renewed
from rotator.reader.snapshot import Snapshot, instant_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self, TypeVar

    import httpx

    from rotator.reader.adapters import RequestsAuth
    from rotator.reader.cached_token import Held
    from rotator.reader.refusals import Advice
    from rotator.reader.source import Source

    T = TypeVar("T")

__all__ = ["Snapshot", "TokenReader", "get_token"]

# Without a usable token each read would ask upstream. The second may follow the first at once, as
# most failures are a blip; from then on the pauses double.
_UNAVAILABLE_PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

# One re-read for however many rejections arrive in this time.
_INVALIDATE_INTERVAL_S = 30.0

# A refresh that has not ended after this long is taken for lost, and the next read starts another.
_REFRESH_LEASE_S = 60.0

# The hot path takes the clock from here: as an attribute of the reader it would cost a tenth more.
# A reader with a clock of its own is `rotator.reader.clocked.ClockedReader`.
_wall_clock = time.time


class TokenReader:
    """Reads one token secret, and keeps its current token at hand for any number of threads.

    `token_secret` is the secret's name or ARN (an ARN also names the region). Nothing is read
    before the first use. Where from is found out then: the Secrets Manager Agent or the Parameters
    and Secrets Lambda Extension if the environment announces it, else Secrets Manager itself
    through botocore with its standard settings. `source` decides it instead: "agent", "extension",
    "sdk", a Source of your own (`rotator.reader.source`), or a sequence of these, of which
    each is asked when those before it have no token. `regions` are those of Secrets Manager to
    ask, best first: the secret's own and those of its replicas. `client` is a botocore or boto3
    client to use instead.

    `background` says where a refresh runs while the token in hand is good: true (the default) in a
    short-lived daemon thread, about two a day; false (the default on Lambda, which freezes threads)
    in the read that finds it due, within the source's timeouts; a callable is given the work to run
    (`executor.submit`).

    Every way to the token raises, when there is none to serve:

    - before any token was read: ConfigError (no region, no AWS credentials, no SDK),
      SecretNotFound, StoreError (access denied; `retryable` if throttled or unreachable), or
      TokenUnavailable (the secret has no value yet, or one that is malformed or expired);
    - after that: TokenUnavailable, with the `expires_at` of the last token and the reason.

    Expiry is judged by the wall clock, and by AWS's where its `Date` tells that this one is 5 s to
    5 min behind; pauses by the monotonic clock. Safe to use before and after a fork, except that a
    `client` or `source` object of yours is then shared, as you shared it. Pickled, it goes without
    the token, and reads anew where it arrives.
    """

    # The two that a warm read looks up; as slots they are a little faster.
    __slots__ = ("__dict__", "__weakref__", "_fresh_until", "_token")

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
            raise ConfigError("token secret: give its name or ARN")
        if isinstance(regions, str):
            raise ConfigError("token reader: its regions are a sequence of names")
        if client is not None and (source is not None or regions):
            raise ConfigError("token reader: give it a client, or a source and regions")
        if background is None:
            background = "AWS_LAMBDA_FUNCTION_NAME" not in os.environ
        self.token_secret = token_secret
        self._source = source
        self._regions = tuple(regions)
        self._client = client
        self._background = background
        self._now: Callable[[], float] = _wall_clock
        self._monotonic: Callable[[], float] = time.monotonic
        self._uniform: Callable[[], float] = uniform
        self._token = ""
        self._snapshot = COLD.snapshot
        self._forget()
        let_forks_wait_for_imports()

    def _forget(self) -> None:
        # The token itself stays for the reads that are past their check.
        self._fresh_until = float("-inf")  # when a read next has something to do besides serving
        self._held = COLD
        self._processes: dict[int, Process] = {}

    def token(self) -> str:
        """The current access token; see the class for what is raised if there is none."""
        # A new token is put in place before its `_fresh_until`: what is returned here is the token
        # that the check was for, or its successor, and neither has expired.
        if _wall_clock() < self._fresh_until:
            return self._token
        return self._look().token

    def current(self) -> Snapshot:
        """The current token with all that the secret says of it."""
        if _wall_clock() < self._fresh_until:
            return self._snapshot
        return self._look()

    def headers(self) -> dict[str, str]:
        """The request headers, a new dict each time: `Authorization` and `x-api-key`."""
        return self.current().headers()

    async def token_async(self) -> str:
        """The current access token; whatever may wait for AWS runs beside the event loop."""
        return (await self.current_async()).token

    async def current_async(self) -> Snapshot:
        """As `current`, for asyncio; whatever may wait for AWS runs beside the event loop.

        However many tasks wait, one thread of the loop's executor does.
        """
        while self._now() >= self._fresh_until:
            found = await self._read_beside_the_loop()
            held = self._held
            # A task gets its turn late, or joins a read that began before it: once more then.
            if found is held.snapshot and self._now() < held.expires:
                return found
        return self._snapshot

    async def _read_beside_the_loop(self) -> Snapshot:
        found = await self._beside_the_loop("read", self._current_or_error)
        if isinstance(found, RotatorError):
            raise renewed(found)
        return found

    async def _beside_the_loop(self, kind: str, work: Callable[..., T], *args: str) -> T:
        """Do the work in a thread of the loop's executor, one for all the tasks that want it."""
        import asyncio

        loop = asyncio.get_running_loop()
        beside, wanted = self._process().beside, (loop, args)
        begun = beside.get(kind)
        if begun is None or begun[0] != wanted or begun[1].done():
            begun = beside[kind] = wanted, loop.run_in_executor(None, work, *args)
        return await asyncio.shield(begun[1])

    def _current_or_error(self) -> Snapshot | RotatorError:
        try:
            return self.current()
        except RotatorError as error:
            return renewed(error)

    def invalidate(self, rejected_token: str) -> bool:
        """Tell that an API rejected this token (401); true if there is another one to retry with.

        The secret is read again only if this very token is still at hand, and once in 30 s however
        many threads ask; one that finds nothing newer leaves the token in service. Never raises
        for what goes wrong upstream.
        """
        process = self._process()
        if self._held.snapshot.token == rejected_token and process.owner != _thread.get_ident():
            with process.flight:
                still_held = self._held.snapshot.token == rejected_token
                if still_held and self._monotonic() >= process.reread_at:
                    self._fetch(process, fresh=True)
                    process.reread_at = self._monotonic() + _INVALIDATE_INTERVAL_S
        held = self._held
        return held.snapshot.token != rejected_token and self._now() < held.expires

    def refused(self, token: str, status: int, body: bytes | str = b"") -> Advice:
        """What to do after an API answered a request that carried `token`.

        "retry": it rejected the token, and there is a newer one, `token()`. "back_off": it could
        not check the token; the same request may succeed in a while. "keep": the answer has nothing
        to do with the token, or no newer one would help. `status` and `body` are the answer's.
        """
        with importing:
            from rotator.reader.refusals import judge

        verdict = judge(status, body)
        if verdict == "refetch":
            return "retry" if self.invalidate(token) else "keep"
        return verdict

    async def refused_async(self, token: str, status: int, body: bytes | str = b"") -> Advice:
        """As `refused`, for asyncio; what may wait for AWS runs beside the event loop.

        However many tasks wait, one thread of the loop's executor does.
        """
        # Not under `importing`: the loop would wait for an SDK that another thread sets up.
        from rotator.reader.refusals import judge

        verdict = judge(status, body)
        if verdict == "refetch":
            return "retry" if await self._invalidate_async(token) else "keep"
        return verdict

    async def _invalidate_async(self, rejected_token: str) -> bool:
        if self._held.snapshot.token != rejected_token:
            return self.invalidate(rejected_token)  # waits for nothing
        return await self._beside_the_loop("invalidate", self.invalidate, rejected_token)

    def requests_auth(self, *hosts: str) -> RequestsAuth:
        """An `auth` for requests: sets the headers; after a 401 retries once with a newer token.

        The token goes to these hosts only ("api.example.com", or "*.example.com" for all below
        it), over https or to loopback, and never along with a redirect to another host. A request
        to any other host goes out as it is. Nothing is sent again whose body cannot be sent twice.
        Raises ConfigError if no host is named.
        """
        from rotator.reader.adapters import RequestsAuth

        return RequestsAuth(self, hosts)

    def httpx_auth(self, *hosts: str) -> httpx.Auth:
        """An `auth` for httpx, for Client and AsyncClient (on asyncio); as `requests_auth`."""
        from rotator.reader.adapters_httpx import HttpxAuth

        return HttpxAuth(self, hosts)

    def close(self) -> None:
        """Drop the connection and start afresh with the next read."""
        process = self._processes.get(os.getpid())
        self._forget()
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
        return f"{type(self).__name__}({self.token_secret!r})"

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_snapshot": None, "_held": None, "_processes": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._token = ""
        self._snapshot = COLD.snapshot
        self._forget()
        let_forks_wait_for_imports()

    def _process(self) -> Process:
        pid = os.getpid()
        # Of the threads that come here at once, setdefault lets one win, without a lock of its own.
        return self._processes.get(pid) or self._processes.setdefault(pid, Process())

    def _look(self) -> Snapshot:
        """The read that is not simply served: a refresh may be due, or the token is gone."""
        process = self._process()
        seen = self._fresh_until
        if self._now() < self._held.expires:
            self._refresh(process, seen)
        held = self._held
        return held.snapshot if self._now() < held.expires else self._fetch_or_wait(process)

    def _refresh(self, process: Process, seen: float) -> None:
        """Start to look for a newer token, unless another thread does; never waits for one."""
        if not process.flight.acquire(blocking=False):
            return
        try:
            if self._fresh_until != seen:
                return
            now, held = self._now(), self._held
            if seen <= held.due:
                # The share of each process is drawn here and not at the fetch: workers forked
                # from a warm parent would all inherit the same instant.
                first_look_at = held.first_look_at(self._uniform())
                if now < first_look_at:
                    self._serve_until(first_look_at)
                    return
            self._serve_until(now + _REFRESH_LEASE_S)
        finally:
            process.flight.release()
        self._start(lambda: self._refresh_now(process))

    def _serve_until(self, at: float) -> None:
        self._fresh_until = min(at, self._held.expires)

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

    def _refresh_now(self, process: Process) -> None:
        if not process.flight.acquire(blocking=False):
            return
        try:
            self._fetch(process)
        finally:
            process.flight.release()
        if process.failure is not None:
            self._log(process.failure)

    def _fetch_or_wait(self, process: Process) -> Snapshot:
        """Read upstream, or wait for the thread that does and share what it gets or fails with."""
        attempts = process.attempts
        if process.owner == _thread.get_ident():
            # A signal handler, or a logging handler that needs the token to deliver a line about
            # reading it: to wait for oneself would be for ever.
            raise TokenUnavailable(f"secret {self.token_secret}: this very thread is reading it")
        with process.flight:
            if self._now() >= self._held.expires:
                shared = process.attempts != attempts and process.failure is not None
                if not shared and self._monotonic() >= process.retry_at:
                    self._fetch(process, urgent=True)
            held = self._held
            if self._now() < held.expires:
                return held.snapshot
            error = self._unavailable(process)
        raise error

    def _fetch(self, process: Process, *, fresh: bool = False, urgent: bool = False) -> None:
        """Ask upstream and hold what it gave; the caller has the flight.

        `urgent`: a reader waits for it, so most blips are worth a second attempt at once.
        """
        process.owner = _thread.get_ident()
        try:
            found = self._find(process, fresh=fresh)
            if urgent and isinstance(found, StoreError) and found.retryable:
                found = self._find(process, fresh=fresh)
        finally:
            process.owner = 0
        process.attempts += 1
        if isinstance(found, RotatorError):
            self._note_failure(process, found)
            return
        process.retry_at = float("-inf")
        process.failure = None
        process.failures = 0
        if self._processes.get(os.getpid()) is process:  # else it was closed meanwhile
            snapshot, skew_s = found
            self._install(hold(snapshot, skew_s=skew_s, now=self._now()), fresh=fresh)

    def _find(self, process: Process, *, fresh: bool) -> tuple[Snapshot, float] | RotatorError:
        with importing:
            from rotator.reader.sources import find_token, open_sources

        try:
            process.sources = process.sources or open_sources(
                self._source, client=self._client, regions=self._regions
            )
        except ConfigError as error:
            return error
        return find_token(process.sources, self.token_secret, fresh=fresh, now=self._now)

    def _note_failure(self, process: Process, failure: RotatorError) -> None:
        now, held = self._now(), self._held
        pause_s = _UNAVAILABLE_PAUSES_S[min(process.failures, len(_UNAVAILABLE_PAUSES_S) - 1)]
        process.retry_at = self._monotonic() + pause_s
        process.failure = renewed(failure)
        if held is not COLD:
            self._serve_until(held.retry_at(now, self._uniform(), failures=process.failures))
        process.failures += 1

    def _install(self, found: Held, *, fresh: bool) -> None:
        held, now = self._held, self._now()
        if not fresh and now < held.expires and held.outdates(found.snapshot):
            found = held
        self._token = found.snapshot.token
        self._snapshot = found.snapshot
        self._held = found
        planned = found.due if now < found.due else found.poll_at(now, self._uniform())
        self._serve_until(planned)

    def _unavailable(self, process: Process) -> RotatorError:
        """The error of a read that has nothing to serve: a new one each, as tracebacks grow."""
        failure, held = process.failure, self._held
        if held is COLD and failure is not None:
            return renewed(failure)
        if held is COLD:
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
        with importing:
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
