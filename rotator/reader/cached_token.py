"""A token in hand, and when to look for the next one."""

from __future__ import annotations

import os

from rotator.reader.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["COLD", "Held", "hold", "uniform"]

# Shares of the time from the next rotation to the expiry (an hour for a token of a day). The
# rotator publishes at its first tick after the rotation is due: the first look comes soon, the
# second finds nearly all new tokens, and so a consumer makes about two calls a day.
_FIRST_LOOK = (1 / 60, 1 / 20)
_POLL = (1 / 8, 1 / 5)
_RETRY_FIRST, _RETRY_LAST = 1 / 240, 1 / 12


class Held:
    """A token with its plan; never changed, only replaced.

    `due` is when a new token is expected, `expires` the end, `read_at` when it was read: epoch
    seconds of this machine's clock.
    """

    __slots__ = ("due", "expires", "read_at", "snapshot")

    def __init__(self, snapshot: Snapshot, *, due: float, expires: float, read_at: float) -> None:
        self.snapshot = snapshot
        self.due = due
        self.expires = expires
        self.read_at = read_at

    def first_look_at(self, share: float) -> float:
        """When to look first; `share` (0 to 1) spreads the processes that are told the same."""
        return self.due + self._after(_between(_FIRST_LOOK, share))

    def poll_at(self, now: float, share: float) -> float:
        """When to look again, if what was found at `now` is still this token."""
        return now + max(1.0, self._after(_between(_POLL, share)))

    def retry_at(self, now: float, share: float, *, failures: int) -> float:
        """When to try again after so many failures in a row."""
        pause = min(_RETRY_FIRST * 2.0 ** min(failures, 16), _RETRY_LAST)
        return now + max(1.0, self._after(pause * _between((0.75, 1.25), share)))

    def outdates(self, found: Snapshot) -> bool:
        """Whether this token is newer than `found`, as that of a replica or a cache may be older.

        Of two tokens the one issued later is newer; where one does not say, the one ending later.
        """
        mine = self.snapshot
        if mine.issued_at is not None and found.issued_at is not None:
            return found.issued_at < mine.issued_at
        return found.expires_at < mine.expires_at

    def _after(self, share: float) -> float:
        return (self.expires - self.due) * share


def hold(snapshot: Snapshot, *, skew_s: float, now: float) -> Held:
    """Plan by what the secret says, on this machine's clock (AWS's is `skew_s` ahead of it)."""
    expires = snapshot.expires_at.timestamp() - skew_s
    issued = snapshot.issued_at.timestamp() - skew_s if snapshot.issued_at else now
    due = snapshot.next_rotation_at.timestamp() - skew_s if snapshot.next_rotation_at else None
    if due is None or due >= expires:
        due = expires - (expires - min(issued, now)) / 24
    return Held(snapshot, due=due, expires=expires, read_at=now)


def uniform() -> float:
    """A random number in [0, 1), different in each process; `random` is dear to import."""
    return int.from_bytes(os.urandom(4)) / 2**32


def _between(bounds: tuple[float, float], share: float) -> float:
    low, high = bounds
    return low + (high - low) * share


_nothing: Any = None
COLD = Held(
    Snapshot("", version_id="none", expires_at=_nothing),
    due=float("-inf"),
    expires=float("-inf"),
    read_at=float("-inf"),
)
"""No token; its token is empty, and it has always been over."""
