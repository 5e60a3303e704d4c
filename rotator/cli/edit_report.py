"""What `rotator credentials` prints after an edit: what changed, how to undo it, what is next.

It names fields and numbers, never a value.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rotator.model.secret import StoredSecret
    from rotator.rotation.publish import Published

__all__ = [
    "advise_removal",
    "describe_added",
    "describe_changes",
    "describe_removed",
    "edited_fields",
    "explain_client_id",
    "report_edit",
]

_NOT_FOR_MINTING = frozenset(
    {"client_admin", "client_secret_rotation", "token_secrets", "admin_of"}
)
_NEXT_RUN = "the next `rotator run` that is due mints with it; {force} tries it now"
_NEXT_RUN_REMOVED = (
    "the next `rotator run` that is due mints with what was number 2; {force} tries it now"
)
_NEXT_RUN_IS_DUE = "the next `rotator run` mints with it, because the token request has changed"
_UNREADABLE = (
    "the previous value could not be read and was replaced as a whole; until the next write it is"
    " still in the version AWSPREVIOUS of this secret"
)
_LATER = "once {which} is deleted at the provider, {command} takes it out"
_LATER_MOVED = (
    "number 2 is what was number 1; once that is deleted at the provider, {command} takes it out"
)
_LOST = "not carried over: {names}; pass them again"
_PROVIDER = "the provider is now {name}, the token endpoint {endpoint}"
_PREVIOUS = (
    "{what} still in the version AWSPREVIOUS of this secret; to keep using what it has, undo"
    " this and run `rotator credentials add {secret_id}`"
)


def edited_fields(published: Published) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields before and after an edit; a value that could not be read has none."""
    return _fields(published.replaced) or {}, _fields(published.current) or {}


def describe_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The fields that differ: `changed scope; removed audience`."""
    return "; ".join(
        f"{verb} {', '.join(_safe_names(names))}"
        for verb, names in _changed_names(before, after).items()
        if names
    )


def describe_added(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Whether the client secret that is now the first one is new, or was behind others."""
    from rotator.rotation.credentials import stored_client_secrets

    texts, now = stored_client_secrets(before), stored_client_secrets(after)
    if now[0] in texts:
        number = texts.index(now[0]) + 1
        return f"moved a client secret that was stored already from number {number} to number 1"
    return f"added a client secret as number 1 of {len(now)}, which is tried first,"


def explain_client_id(secret_id: str, problem: str) -> str:
    """What to do about a stored client id that must not be shown."""
    from rotator.model.commands import set_command

    return (
        f"rotator: client_id: {problem}, and is not shown; pass both as the provider shows them, as"
        ' {"client_id": "...", "client_secret": "..."}, on standard input to'
        f" {set_command(secret_id)}"
    )


def advise_removal(
    secret_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> str | None:
    """How to complete `add`; None if one client secret is left.

    After a move, and among more than two, nobody can tell which of the others is the old one.
    """
    from rotator.model.commands import remove_command
    from rotator.rotation.credentials import stored_client_secrets

    now = stored_client_secrets(after)
    if len(now) == 1:
        return None
    if now[0] in stored_client_secrets(before):
        return _LATER_MOVED.format(command=remove_command(secret_id, 2))
    which = f"number {len(now)}" if now[2:] else "the old one"
    return _LATER.format(which=which, command=remove_command(secret_id, len(now)))


def describe_removed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The number of the client secret that is not stored any more; all, if it had several."""
    from rotator.rotation.credentials import stored_client_secrets

    texts, now = stored_client_secrets(before), stored_client_secrets(after)
    numbers = [str(at) for at, text in enumerate(texts, 1) if text not in now]
    each = "client secret" if len(numbers) == 1 else "client secrets"
    return f"removed {each} number {' and '.join(numbers)} of {len(texts)}"


def report_edit(
    secret_id: str, published: Published, done: str, *, is_removal: bool = False
) -> Iterator[str]:
    """The lines to print of an edit: `done` describes it.

    With `is_removal`, nobody has to be told where the client secret is that isn't stored now.
    """
    from rotator.model.commands import undo_command
    from rotator.rotation.credentials import count_replaced_secrets

    before, after = edited_fields(published)
    yield f"{done} in credentials secret {secret_id}"
    if published.replaced is not None and _fields(published.replaced) is None:
        yield from _report_replaced(published.replaced, after)
    count = count_replaced_secrets(before, after)
    if count and not is_removal:
        what = "the previous client secret is"
        if count > 1:
            what = f"the {count} previous client secrets are"
        yield _PREVIOUS.format(what=what, secret_id=secret_id)
    if published.replaced is not None:
        command = undo_command(
            secret_id,
            version_id=published.replaced.version_id,
            undone_id=published.current.version_id,
            region=published.replaced.region,
        )
        yield f"to undo it, before the next write: {command}"
    next_step = _next_step(secret_id, before, after)
    if next_step is not None:
        yield next_step


def _report_replaced(replaced: StoredSecret, after: Mapping[str, Any]) -> Iterator[str]:
    """What a value that could not be read leaves behind, and who gets the client secret now."""
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import resolve
    from rotator.model.unreadable import find_lost_fields
    from rotator.model.urls import hide_query

    yield _UNREADABLE
    names = find_lost_fields(replaced, after)
    if names:
        yield _LOST.format(names=", ".join(names))
    provider = resolve(ClientCredentials.from_fields(dict(after)))
    endpoint = hide_query(provider.token_url) if provider.token_url else f"of {after['issuer']}"
    yield _PROVIDER.format(name=provider.name, endpoint=endpoint)


def _fields(version: StoredSecret | None) -> dict[str, Any] | None:
    from rotator.model.stored import parse_fields

    with contextlib.suppress(ValueError):
        return None if version is None else parse_fields(version)
    return None


def _changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of the fields that differ, by what has become of them."""
    from rotator.rotation.credentials import normalize_fields

    old, new = normalize_fields(before), normalize_fields(after)
    return {
        "changed": [name for name in old if name in new and old[name] != new[name]],
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
    }


def _safe_names(names: list[str]) -> list[str]:
    """The fields' names, or misspellings of one; of others, which may be secrets, the number."""
    from rotator.model.client_credentials import ClientCredentials, is_plain_key, meant_name

    safe = [
        name
        for name in names
        if name in ClientCredentials.KEYS or (is_plain_key(name) and meant_name(name))
    ]
    others = len(names) - len(safe)
    return safe + {0: [], 1: ["another key"]}.get(others, [f"{others} other keys"])


def _next_step(secret_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    from rotator.model.client_credentials import ClientCredentials, canonical_name
    from rotator.model.commands import run_command
    from rotator.rotation.credentials import asks_for_another, stored_client_secrets

    changes = _changed_names(before, after)
    names = {canonical_name(name) for changed in changes.values() for name in changed}
    if names.isdisjoint(ClientCredentials.FIELDS - _NOT_FOR_MINTING):
        is_set = "client_admin" in names and after.get("client_admin") is not None
        return f"`rotator rotate-client-secret {secret_id} --dry-run` tries it" if is_set else None
    if asks_for_another(before, after):
        return _NEXT_RUN_IS_DUE
    first, now_first = (stored_client_secrets(fields)[:1] for fields in (before, after))
    if names == {"client_secret"} and first == now_first:
        return None  # what a run mints with is the same
    is_removed = now_first and now_first[0] in stored_client_secrets(before)[1:2]
    text = _NEXT_RUN_REMOVED if names == {"client_secret"} and is_removed else _NEXT_RUN
    return text.format(
        force=run_command(secret_id, _find_token_secret(secret_id, after), "--force")
    )


def _find_token_secret(secret_id: str, fields: Mapping[str, Any]) -> str | None:
    """The token secret that these credentials serve; None if it is not known."""
    from rotator.config import environment_token_secret
    from rotator.model.consent import only_name

    names = fields.get("token_secrets") or []
    names = [str(name) for name in (names if isinstance(names, list) else [names])]
    return only_name(names) or environment_token_secret(secret_id, names)
