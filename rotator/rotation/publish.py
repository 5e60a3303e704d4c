"""Publishes a value by compare-and-set, without a lock.

The id of the next version is derived from the version that was read, so all rotators that read the
same one request the same id, and Secrets Manager accepts one of them.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import StoreError, VersionConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.clock import Clock
    from rotator.model.secret import Secret, StoredSecret
    from rotator.rotation.ports import Store

__all__ = [
    "CONSISTENCY_WAITS_S",
    "Published",
    "compare_and_set",
    "is_successor",
    "make_conflict",
    "repeat_reads",
    "successor_id",
]

NAMESPACE = uuid.UUID("7d1ed0a4-5a4f-5b0c-9b0e-6f6c0a3f2c11")
"""The namespace of derived version ids; all releases must use the same."""

MAX_ATTEMPTS = 8
"""How often a put is tried, each time to replace another version or under another id."""

MAX_ORDINALS = 100
"""How many derived ids may be taken by versions that are no longer current because somebody moved
the label by hand: about as many as Secrets Manager keeps."""

CONSISTENCY_WAITS_S = (0.1, 0.3, 0.6, 1.0, 2.0)
"""Pauses between repeated reads: Secrets Manager is eventually consistent."""

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 8.0


class Published(NamedTuple):
    """The version that is now current, and whether this run published it (`won`).

    `replaced` is the version from which it was then composed.
    """

    current: StoredSecret
    won: bool
    replaced: StoredSecret | None = None


def repeat_reads(clock: Clock) -> Iterator[None]:
    """Yield once for each read that may lag behind a write; sleeps between two of them."""
    yield
    for wait_s in CONSISTENCY_WAITS_S:
        clock.sleep(wait_s)
        yield


def successor_id(secret: StoredSecret, ordinal: int = 0) -> str:
    """The id of the version that every rotator that has read this one publishes next.

    A UUID of 36 characters; ClientRequestToken allows 32 to 64 (API reference, PutSecretValue).
    `ordinal` counts the derived ids that belong to versions that are not current.
    """
    return str(uuid.uuid5(NAMESPACE, f"{secret.arn}:{secret.version_id or 'empty'}:{ordinal}"))


def is_successor(version: StoredSecret, version_id: str) -> bool:
    """Whether rotator published this version to replace the version with that id."""
    seen = version._replace(version_id=version_id)
    return any(version.version_id == successor_id(seen, each) for each in range(MAX_ORDINALS))


def compare_and_set(
    seen: StoredSecret,
    compose: Callable[[StoredSecret], Secret],
    *,
    store: Store,
    yields_to: Callable[[StoredSecret], bool],
    clock: Clock,
    patience_s: float = 0.0,
    before_put: Callable[[], None] = lambda: None,
) -> Published:
    """Publish `compose(seen)` as the current version, unless another run was faster.

    If another version has become current, it is kept if `yields_to` returns True for it; otherwise
    the value is composed from it and replaces it. A put that fails temporarily is repeated for
    `patience_s` seconds; `before_put` is called before each, and can stop it by raising an
    exception. Raises VersionConflict if the secret keeps changing, StoreError as the store does,
    and any exception of `compose`.
    """
    gives_up_at_s = clock.monotonic() + patience_s
    put = partial(
        _put, store=store, clock=clock, gives_up_at_s=gives_up_at_s, before_put=before_put
    )
    ordinal = 0
    for _ in range(MAX_ATTEMPTS):
        version_id, text = successor_id(seen, ordinal), compose(seen)
        if put(seen, text, version_id):
            ours = seen._replace(
                version_id=version_id,
                text=text,
                stages=("AWSCURRENT",),
                is_binary=False,
                created_at=None,
            )
            return Published(ours, won=True, replaced=seen)
        current = _read_winner(seen, version_id, store=store, clock=clock)
        if current is None:
            ordinal, current = _skip_taken(seen, ordinal + 1, store=store)
        if current is None:
            continue
        if yields_to(current):
            return Published(current, won=False)
        seen, ordinal = current, 0
    raise make_conflict(seen.secret_id)


def make_conflict(secret_id: str) -> VersionConflict:
    """The error if a run has given up, because other runs are always faster."""
    return VersionConflict(
        f"secret {secret_id}: its versions keep changing during this run",
        operation="PutSecretValue",
        secret_id=secret_id,
        retryable=True,
    )


def _put(
    seen: StoredSecret,
    text: Secret,
    version_id: str,
    *,
    store: Store,
    clock: Clock,
    gives_up_at_s: float,
    before_put: Callable[[], None],
) -> bool:
    """Put the version; False if its id is taken by other content.

    A repeated put has the same id and content, so it does nothing if the first one did succeed.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        before_put()
        try:
            store.put(seen, text, version_id=version_id)
        except VersionConflict:
            return False
        except StoreError as error:
            if not error.retryable or clock.monotonic() + pause_s > gives_up_at_s:
                raise
        else:
            return True
        clock.sleep(clock.uniform(pause_s / 2, pause_s))
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def _read_winner(
    seen: StoredSecret, version_id: str, *, store: Store, clock: Clock
) -> StoredSecret | None:
    """The version that has become current in place of `seen`.

    None if `seen` is still current although its successor's id is taken, because somebody moved the
    labels by hand. Several reads have to show that, since a read may lag behind the winner's write;
    reading the version by its id may show it sooner.
    """
    for _ in repeat_reads(clock):
        holder = store.read_version(seen.secret_id, version_id)
        if holder is not None and "AWSCURRENT" in holder.stages:
            return holder
        [current] = store.read(seen.secret_id)
        if current.version_id != seen.version_id:
            return current
    return None


def _skip_taken(
    seen: StoredSecret, ordinal: int, *, store: Store
) -> tuple[int, StoredSecret | None]:
    """The first ordinal, from `ordinal` on, whose id is free or current, and its current version.

    Without the waits of `_read_winner`: if somebody repeatedly moves AWSCURRENT back to the same
    version, they would make each run longer than the one before.
    """
    while ordinal < MAX_ORDINALS:
        holder = store.read_version(seen.secret_id, successor_id(seen, ordinal))
        if holder is None:
            break
        if "AWSCURRENT" in holder.stages:
            return ordinal, holder
        ordinal += 1
    return ordinal, None
