"""Restores an edit that was made between a read and the write that follows it.

PutSecretValue takes no condition on the version that it replaces, and the id of an edit by hand is
not derived. So each write is followed by a check of the version that it has replaced. The state
records which version that should have been, for the next run, if this one is killed before the
check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import RotatorError
from rotator.model.stored import parse_credentials, parse_fields
from rotator.rotation.credentials import credentials_text, replace_client_secrets
from rotator.rotation.publish import Published, compare_and_set, is_successor, repeat_reads

if TYPE_CHECKING:
    from rotator.clock import Clock
    from rotator.model.secret import Secret, StoredSecret
    from rotator.rotation.ports import HistoryStore

__all__ = ["find_lost_edit", "restore_edit", "restore_replaced_edit"]


def restore_replaced_edit(
    published: Published, *, store: HistoryStore, clock: Clock, keeps_first: bool
) -> bool:
    """Make an edit that was replaced current again; returns False if there was none.

    With `keeps_first`, the client secret that was published first is kept after those of the edit:
    it may by now be the only one that works.
    """
    edit = _find_replaced_edit(published, store=store, clock=clock)
    if edit is None:
        return False
    restore_edit(published.current, edit, store=store, clock=clock, keeps_first=keeps_first)
    return True


def find_lost_edit(
    current: StoredSecret, replaced_id: str | None, *, store: HistoryStore, clock: Clock
) -> StoredSecret | None:
    """The edit that a run replaced before it was killed, None if there is none.

    `replaced_id` is the version that the run had read. Only a version stored between that one and
    the current one counts, since people also move labels back and forth.
    """
    if replaced_id is None or not is_successor(current, replaced_id):
        return None
    lost = Published(current, won=True, replaced=current._replace(version_id=replaced_id))
    edit = _find_replaced_edit(lost, store=store, clock=clock)
    if edit is None:
        return None
    replaced = store.read_version(current.secret_id, replaced_id)
    stored_at = [each and each.created_at for each in (replaced, edit, current)]
    known = [at for at in stored_at if at is not None]
    return edit if len(known) == len(stored_at) and known == sorted(known) else None


def restore_edit(
    current: StoredSecret,
    edit: StoredSecret,
    *,
    store: HistoryStore,
    clock: Clock,
    keeps_first: bool = True,
) -> None:
    """Make the edit current again, with the first client secret of `current` after its own."""
    kept = parse_credentials(current).client_secrets[:1] if keeps_first else ()
    text = _put_in_front(edit, kept)
    compare_and_set(current, lambda _: text, store=store, yields_to=lambda _: True, clock=clock)


def _find_replaced_edit(
    published: Published, *, store: HistoryStore, clock: Clock
) -> StoredSecret | None:
    """The version before the published one, if that wasn't composed from it.

    Several reads have to show that, since a read may lag behind the write.
    """
    replaced, current = published.replaced, published.current
    expected = {replaced.version_id if replaced else None, current.version_id}
    previous = None
    for _ in repeat_reads(clock):
        previous = store.read_previous(current.secret_id)
        if previous is None or previous.text is None or previous.version_id in expected:
            return None
    return previous


def _put_in_front(edit: StoredSecret, kept: tuple[Secret, ...]) -> Secret:
    """The edit's text, with `kept` after its client secrets; unchanged if it can't be parsed."""
    assert edit.text is not None  # noqa: S101 - as it was found
    try:
        values = parse_credentials(edit).client_secrets
        behind = [each.reveal() for each in kept if each not in values]
        if not behind or not values:
            return edit.text
        texts = [*(each.reveal() for each in values), *behind]
        return credentials_text(replace_client_secrets(parse_fields(edit), texts), edit)
    except (RotatorError, ValueError):
        return edit.text
