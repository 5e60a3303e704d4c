"""Refreshes a reader's token: single flight, with a lease, and pauses after failures."""

from __future__ import annotations

import _thread

from rotator.errors import (
    ConfigError,
    RotatorError,
    StoreError,
    TokenUnavailable,
    clear_frames,
    copy_error,
    signal_error,
)
from rotator.reader.cached_token import EMPTY, TokenCache
from rotator.reader.process_state import (
    ProcessState,
    importing,
    process_key,
    state_of,
    take_refresh_lock,
    try_refresh_lock,
)
from rotator.reader.snapshot import instant_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rotator.clock import Clock
    from rotator.reader.cached_token import CachedToken
    from rotator.reader.snapshot import Snapshot
    from rotator.reader.sources import Found

    Start = Callable[[Callable[[], None]], object]

__all__ = ["Refresher", "start_thread"]

# Pauses after failures without a usable token, when every read would go upstream. The second read
# may follow at once, as most failures are brief.
_UNAVAILABLE_PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

# All rejections within this time share one read.
_INVALIDATE_INTERVAL_S = 30.0

# A refresh that takes longer counts as lost, and the next read starts another.
_REFRESH_LEASE_S = 60.0


class Refresher:
    """The slow path of a `TokenReader`, with the same settings.

    `serve` is called with the token to serve, and until when reads need no refresher.
    """

    def __init__(
        self,
        token_secret: str,
        *,
        serve: Callable[[Snapshot, float], None],
        clock: Clock,
        background: bool | Start,
        **source_options: Any,
    ) -> None:
        self.background = background
        self.cache = TokenCache(serve, clock)
        self._clock = clock
        self.token_secret = token_secret
        self._source_options = source_options
        self._states: dict[tuple[int, int], ProcessState] = {}
        self._rereading: set[int] = set()  # the threads in `invalidate`

    def close(self) -> None:
        """Forget the token, and close the connections that were opened in this process."""
        state = self._states.get(process_key())
        self.cache.clear()
        self._states = {}
        if state is not None and state.sources:
            from rotator.reader.sources import close_sources

            close_sources(state.sources)

    def state(self) -> ProcessState:
        """The state of this process."""
        return state_of(self._states)

    def read(self) -> Snapshot:
        """The slow read, for when a refresh may be due or the token has expired."""
        try:
            return self.serve_valid(_starter(self.background)) or self._fetch_or_wait(self.state())
        except RotatorError:
            raise
        except BaseException as error:  # of a signal handler
            clear_frames(error)
            raise

    def serve_valid(self, start: Start) -> Snapshot | None:
        """The cached token if it is still valid; a refresh that is due is passed to `start`.

        Blocks only if `start` does.
        """
        if self.cache.valid() is not None:
            self._refresh(self.state(), start)
        return self.cache.valid()

    def invalidate(self, rejected_token: str) -> bool:
        """As `TokenReader.invalidate`."""
        thread = _thread.get_ident()
        if thread in self._rereading:  # called by a signal handler, which would wait for itself
            return _has_other_than(self.cache, rejected_token)
        try:
            self._rereading.add(thread)
            self._reread(rejected_token)
            return _has_other_than(self.cache, rejected_token)
        except BaseException as error:  # of a signal handler
            clear_frames(error)
            raise
        finally:
            self._rereading.discard(thread)
            del rejected_token

    def _reread(self, rejected_token: str) -> None:
        state = self.state()
        if not self.cache.needs_read_after(rejected_token) or state.owner == _thread.get_ident():
            return
        state = take_refresh_lock(self._states)
        try:
            at = state.reread_at if self.cache.reject(rejected_token) else state.retry_at
            is_reason = self.cache.needs_read_after(rejected_token)
            if is_reason and self._clock.monotonic() >= at:
                self.fetch(state, fresh=True)
                state.reread_at = self._clock.monotonic() + _reread_pause_s(state.failures)
        finally:
            state.refresh_lock.release()

    def _refresh(self, state: ProcessState, start: Start) -> None:
        """Start a refresh that is due, unless another thread does; never waits for it."""
        if not try_refresh_lock(state):
            return
        try:
            if not self.cache.lease_refresh(_REFRESH_LEASE_S):
                return
        finally:
            state.refresh_lock.release()
        _start_leased(start, lambda: _refresh_now(self, state), cache=self.cache)

    def _fetch_or_wait(self, state: ProcessState) -> Snapshot:
        """Read upstream, or wait for the thread that does and share its token or error."""
        joined = state, state.attempts
        if state.owner == _thread.get_ident():
            # A signal or logging handler that needs the token would wait for itself.
            raise TokenUnavailable(f"secret {self.token_secret}: this thread already reads it")
        state = take_refresh_lock(self._states)
        try:
            if self.cache.valid() is None:
                shared = (state, state.attempts) != joined and state.failure is not None
                if not shared and self._clock.monotonic() >= state.retry_at:
                    self.fetch(state, urgent=True)
            valid = self.cache.valid()
            if valid is not None:
                return valid
            error = _unavailable(self.token_secret, self.cache.cached, state.failure)
        finally:
            state.refresh_lock.release()
        raise error

    def fetch(self, state: ProcessState, *, fresh: bool = False, urgent: bool = False) -> None:
        """Read upstream under the refresh lock; `urgent` (a caller waits) retries once."""
        state.owner = _thread.get_ident()
        try:
            found = self._find(state, fresh=fresh)
            if urgent and isinstance(found, StoreError) and found.retryable:
                found = self._find(state, fresh=fresh)
        finally:
            state.owner = 0
        state.attempts += 1
        is_current = self._states.get(process_key()) is state  # False once closed or replaced
        if isinstance(found, RotatorError):
            if is_current:
                self.cache.retry_later(failures=state.failures)
            _note_failure(state, found, now=self._clock.monotonic())
            return
        state.retry_at = float("-inf")
        state.failure = None
        state.failures = 0
        if is_current:
            snapshot, skew_s, source = found
            self.cache.install(self.cache.plan(snapshot, skew_s=skew_s, source=source))

    def _find(self, state: ProcessState, *, fresh: bool) -> Found | RotatorError:
        with importing:
            from rotator.reader.sources import find_token, open_sources

        try:
            state.sources = state.sources or open_sources(**self._source_options)
        except ConfigError as error:
            return error
        times: dict[str, Any] = {"now": self.cache.now, "ends_at": self.cache.ends_at}
        return find_token(state.sources, self.token_secret, fresh=fresh, **times)


def _has_other_than(cache: TokenCache, rejected_token: str) -> bool:
    valid = cache.valid()
    return valid is not None and valid.token != rejected_token


def _refresh_now(refresher: Refresher, state: ProcessState) -> None:
    if not try_refresh_lock(state):
        return
    try:
        refresher.fetch(state)
    finally:
        state.refresh_lock.release()
    if state.failure is not None:
        _log(state.failure, refresher.cache.cached)


def _start_leased(start: Start, work: Callable[[], None], *, cache: TokenCache) -> None:
    try:
        start(work)
    except BaseException as error:
        if not isinstance(error, Exception) or signal_error(error) is not None:
            cache.refresh_on_next_read()  # a signal handler raised: end the lease
            raise
        if not isinstance(error, RuntimeError):
            raise
        # No thread could be started: a read tries again after the lease.


def _starter(background: bool | Start) -> Start:  # noqa: FBT001 - as `TokenReader` takes it
    if background is False:
        return lambda work: work()
    return start_thread if background is True else background


def start_thread(work: Callable[[], None]) -> None:
    """Run `work` in a daemon thread."""
    import threading

    threading.Thread(target=work, name="rotator-reader", daemon=True).start()


def _note_failure(state: ProcessState, failure: RotatorError, *, now: float) -> None:
    """Record the failure, and plan a pause from `now` on the monotonic clock."""
    pause_s = _UNAVAILABLE_PAUSES_S[min(state.failures, len(_UNAVAILABLE_PAUSES_S) - 1)]
    state.retry_at = now + pause_s
    state.failure = copy_error(failure)
    state.failures += 1


def _reread_pause_s(failures: int) -> float:
    """The pause after a re-read; shorter after failures, as there may be a newer token."""
    if not failures:
        return _INVALIDATE_INTERVAL_S
    return min(2.0 ** min(failures, 5), _INVALIDATE_INTERVAL_S)


def _unavailable(
    token_secret: str, cached: CachedToken, failure: RotatorError | None
) -> RotatorError:
    """The error of a read without a token; a new object each time, or its traceback would grow."""
    if cached is EMPTY and failure is not None:
        return copy_error(failure)
    if cached is EMPTY:
        return TokenUnavailable(f"secret {token_secret}: its reader was closed")
    from datetime import UTC, datetime

    expires_at = cached.snapshot.expires_at
    read_at = datetime.fromtimestamp(cached.read_at, UTC)
    return TokenUnavailable(
        f"secret {token_secret}: the token expired at {instant_text(expires_at)}, it was"
        f" read last at {instant_text(read_at)}; no newer one: {failure}",
        expires_at=expires_at,
        retryable=failure is None or failure.retryable,
    )


def _log(failure: RotatorError, cached: CachedToken) -> None:
    """Log the failure of a background refresh, which has no caller to raise to.

    What a logging handler raises is dropped: the token that is being read is valid.
    """
    with importing:
        import logging

    try:
        logging.getLogger("rotator.reader").warning(
            "rotator.refresh_failed: %s; the cached token is served until %s",
            failure,
            instant_text(cached.snapshot.expires_at),
        )
    except Exception as error:  # noqa: BLE001 - a handler or filter of the program may raise anything
        own = signal_error(error)
    else:
        return
    if own is not None:
        raise own
