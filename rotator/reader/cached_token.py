"""The reader's cached token, its refresh plan, and which token may replace it."""

from __future__ import annotations

from rotator.reader.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rotator.clock import Clock

__all__ = ["EMPTY", "CachedToken", "TokenCache"]

# Shares of the time from the next rotation to the expiry (an hour if a token lives 24 hours). The
# rotator publishes at its first run after the rotation is due. So the first refresh comes soon, the
# second finds nearly every new token, and a consumer makes about two calls a day.
_FIRST_REFRESH_SHARE = (1 / 60, 1 / 20)
_POLL_SHARE = (1 / 8, 1 / 5)
_FIRST_RETRY_SHARE, _LAST_RETRY_SHARE = 1 / 240, 1 / 12
_RETRY_JITTER = (0.75, 1.25)

# If the source returns an older token this often in a row, somebody has moved the label. A single
# read may have met a replica that lags behind.
_BELIEVED_READS = 2


class CachedToken:
    """A token with its refresh plan; never changed once it is cached, only replaced.

    `due` is when a new token is expected, `expires` the end, `read_at` when it was read, in epoch
    seconds by this machine's clock. `first_read_at` is when it was first read, in seconds of the
    monotonic clock. `source` is the index of the source that returned it.
    """

    __slots__ = ("due", "expires", "first_read_at", "read_at", "snapshot", "source")
    first_read_at: float

    def __init__(
        self, snapshot: Snapshot, *, due: float, expires: float, read_at: float, source: int
    ) -> None:
        self.snapshot = snapshot
        self.due = due
        self.expires = expires
        self.read_at = read_at
        self.source = source

    def first_refresh_at(self, clock: Clock) -> float:
        """When to refresh first, with jitter for processes that have the same token."""
        return self.due + self._share_of_margin(clock.uniform(*_FIRST_REFRESH_SHARE))

    def poll_at(self, now: float, clock: Clock) -> float:
        """When to refresh again, after a read at `now` returned the same token."""
        return now + max(1.0, self._share_of_margin(clock.uniform(*_POLL_SHARE)))

    def retry_at(self, now: float, clock: Clock, *, failures: int) -> float:
        """When to try again after a failure that `failures` in a row preceded."""
        pause = min(_FIRST_RETRY_SHARE * 2.0 ** min(failures, 16), _LAST_RETRY_SHARE)
        return now + max(1.0, self._share_of_margin(pause * clock.uniform(*_RETRY_JITTER)))

    def is_newer_than(self, found: Snapshot) -> bool:
        """Whether `found` is an older token, as a replica or a cache may return.

        The token issued later is newer; if one lacks `issued_at`, the one that ends later.
        """
        mine = self.snapshot
        if mine.issued_at is not None and found.issued_at is not None:
            return found.issued_at < mine.issued_at
        return found.expires_at < mine.expires_at

    def _share_of_margin(self, share: float) -> float:
        return (self.expires - self.due) * share


def plan_refresh(
    snapshot: Snapshot, *, skew_s: float, now: float, source: int = 0, known_s: float = 0.0
) -> CachedToken:
    """Plan by the secret's instants, on this machine's clock (AWS's is `skew_s` ahead of it).

    `now` is in epoch seconds. The token has been known for `known_s` seconds.
    """
    expires = snapshot.expires_at.timestamp() - skew_s
    issued = snapshot.issued_at.timestamp() - skew_s if snapshot.issued_at else now
    due = snapshot.next_rotation_at.timestamp() - skew_s if snapshot.next_rotation_at else None
    if due is None or due >= expires:
        due = expires - (expires - min(issued, now)) / 24
    early_s = issued - (now - known_s)
    if snapshot.issued_at is not None and early_s > 0 and issued < expires:
        # It cannot have been issued after its first read, so its issuer's clock is ahead by at
        # least this much, and its stated expiry too late by as much.
        expires -= early_s
        due -= early_s
    return CachedToken(snapshot, due=due, expires=expires, read_at=now, source=source)


_nothing: Any = None
EMPTY = CachedToken(
    Snapshot("", version_id="none", expires_at=_nothing),
    due=float("-inf"),
    expires=float("-inf"),
    read_at=float("-inf"),
    source=0,
)
"""Stands for no token: an empty one that has always been expired."""


class TokenCache:
    """The cached token; only the holder of the refresh lock may change it.

    `serve` is called with the token to serve, and until when reads only serve it.
    """

    def __init__(self, serve: Callable[[Snapshot, float], None], clock: Clock) -> None:
        self._serve = serve
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget the token."""
        self.cached = EMPTY
        self._refresh_at = float("-inf")
        self._older_reads = 0
        self._rejected = ""

    def now(self) -> float:
        """The wall clock in epoch seconds."""
        return self._clock.now().timestamp()

    def valid(self) -> Snapshot | None:
        """The cached token, if it has not expired."""
        cached = self.cached
        return cached.snapshot if self.now() < cached.expires else None

    def plan(self, snapshot: Snapshot, *, skew_s: float, source: int = 0) -> CachedToken:
        """Plan for a token that was read; the cached one keeps the time of its first read."""
        mine, at = self.cached.snapshot, self._clock.monotonic()
        is_known = (mine.token, mine.issued_at) == (snapshot.token, snapshot.issued_at)
        first_read_at = self.cached.first_read_at if is_known else at
        known_s = at - first_read_at
        found = plan_refresh(
            snapshot, skew_s=skew_s, now=self.now(), source=source, known_s=known_s
        )
        found.first_read_at = first_read_at
        return found

    def ends_at(self, snapshot: Snapshot, skew_s: float) -> float:
        """When this token ends, in epoch seconds of this machine's clock."""
        return self.plan(snapshot, skew_s=skew_s).expires

    def reject(self, token: str) -> bool:
        """Note that an API rejected this token; True if it is the cached one."""
        if self.cached.snapshot.token != token:
            return False
        self._rejected = token
        return True

    def needs_read_after(self, rejected_token: str) -> bool:
        """Whether the secret must be read to find out if there is another token."""
        return self.reject(rejected_token) or self.valid() is None

    def lease_refresh(self, lease_s: float) -> bool:
        """Whether to refresh now; True for one caller only per lease."""
        now, cached = self.now(), self.cached
        if now < self._refresh_at:
            return False
        if self._refresh_at <= cached.due:
            # Jitter is drawn here, not at the fetch, because workers forked from a warm parent
            # would all inherit the same instant.
            first_refresh_at = cached.first_refresh_at(self._clock)
            if now < first_refresh_at:
                self._serve_until(first_refresh_at)
                return False
        self._serve_until(now + lease_s)
        return True

    def retry_later(self, *, failures: int) -> None:
        """Plan the next refresh after a failure that `failures` in a row preceded."""
        if self.cached is not EMPTY:
            now = self.now()
            self._serve_until(self.cached.retry_at(now, self._clock, failures=failures))

    def refresh_on_next_read(self) -> None:
        """Let the next read start a refresh."""
        self._serve_until(float("-inf"))

    def install(self, found: CachedToken) -> None:
        """Serve the token that was read, unless the cached one is newer; plan the next refresh."""
        now = self.now()
        if self._displaces(found, now):
            self.cached = found
            self._older_reads = 0
        planned = self.cached
        due = planned.due
        self._serve_until(due if now < due else planned.poll_at(now, self._clock))

    def _displaces(self, found: CachedToken, now: float) -> bool:
        cached = self.cached
        if now >= cached.expires or self._rejected == cached.snapshot.token:
            return True
        if found.snapshot.token == cached.snapshot.token:
            self._older_reads = 0
            # Any source may shorten its life; only the one that returned it may lengthen it.
            is_welcome = found.source == cached.source or found.expires < cached.expires
            found.source = cached.source
            return is_welcome
        if not cached.is_newer_than(found.snapshot):
            return True
        if found.source == cached.source:
            self._older_reads += 1
        return self._older_reads >= _BELIEVED_READS

    def _serve_until(self, at: float) -> None:
        self._refresh_at = min(at, self.cached.expires)
        self._serve(self.cached.snapshot, self._refresh_at)
