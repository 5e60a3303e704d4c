"""Edits of the credentials secret, by compare-and-set, so that no concurrent edit is lost."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from rotator.errors import (
    ConfigError,
    CredentialsError,
    RotatorError,
    SecretNotFound,
)
from rotator.model.client_admin import parse_admin_settings
from rotator.model.client_credentials import (
    PROVIDER_FIELDS,
    ClientCredentials,
    canonical_name,
    meant_name,
)
from rotator.model.clock import SYSTEM_CLOCK
from rotator.model.commands import init_command
from rotator.model.consent import has_consent
from rotator.model.json_text import write_object
from rotator.model.providers import resolve
from rotator.model.secret import MAX_SECRET_BYTES, Secret
from rotator.model.stored import parse_fields
from rotator.model.unreadable import seems_to_hold_more, unreadable_credentials
from rotator.rotation.publish import compare_and_set
from rotator.rotation.swapped_names import refuse_token_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.model.clock import Clock
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import SetupStore

__all__ = [
    "add_client_secret",
    "asks_for_another",
    "consent_to",
    "credentials_text",
    "edit_credentials",
    "is_complete",
    "merge_settings",
    "replace_client_secrets",
    "replaces_client_secret",
]

CLIENT_SECRET_KEYS = ("client_secret", "CLIENT_SECRET", "CLIENT_SECRETS")
"""Ours, and those of the file that Adobe's console offers for download."""


def edit_credentials(
    secret_id: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    store: SetupStore,
    clock: Clock = SYSTEM_CLOCK,
    on_unreadable: Callable[[], object] | None = None,
) -> bool:
    """Store `change(fields)`; False if the secret has that content already.

    After a concurrent edit, `change` is applied to its result. With `on_unreadable`, which is then
    called, a value that cannot be parsed counts as one without fields, unless it seems to hold more
    than client credentials. Raises CredentialsError if this is a token secret or the result could
    not be used; SecretNotFound, StoreError.
    """
    [seen] = store.read(secret_id)
    refuse_token_secret(seen, store=store)

    def is_needless(version: StoredSecret) -> bool:
        fields = _stored_fields(version, on_unreadable)
        return _with_plain_secret(change(dict(fields))) == _with_plain_secret(fields)

    if is_needless(seen):
        return False
    published = compare_and_set(
        seen,
        lambda version: credentials_text(change(_stored_fields(version, on_unreadable)), version),
        store=store,
        yields_to=is_needless,
        clock=clock,
    )
    return published.won


def merge_settings(fields: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with `settings` in their place; an empty one, or None, removes the field.

    A setting also replaces its field under Adobe's name. Complete credentials also remove what
    looks like a misspelling. Raises ConfigError if nothing would name the provider any more, or if
    a setting that may be shown is the client secret.
    """
    kept = {
        name: value
        for name, value in fields.items()
        if name in settings
        or not (canonical_name(name) in settings or (is_complete(settings) and meant_name(name)))
    }
    merged = {
        name: value
        for name, value in (kept | dict(settings)).items()
        if name not in settings or value not in ("", None)
    }
    _refuse_client_secret_in(settings, _client_secrets(fields) | _client_secrets(merged))
    named, taken_away = (
        [name for name in PROVIDER_FIELDS if each.get(name)] for each in (merged, fields)
    )
    if taken_away and not named:
        raise ConfigError(
            f"{taken_away[0]}: without it the client secret would go to Adobe; pass --provider as"
            " well, adobe-ims if that is meant"
        )
    return merged


def is_complete(settings: Mapping[str, Any]) -> bool:
    """Whether these are complete client credentials without anything that is stored."""
    return bool(settings.get("client_id")) and bool(
        settings.get("client_secret") or settings.get("private_key")
    )


def add_client_secret(fields: dict[str, Any], text: str) -> dict[str, Any]:
    """The fields with `text` as the first in the list of client secrets."""
    stored = next((fields[key] for key in CLIENT_SECRET_KEYS if fields.get(key)), None)
    others = stored if isinstance(stored, list) else [stored] if stored else []
    kept = {name: value for name, value in fields.items() if name not in CLIENT_SECRET_KEYS}
    return kept | {"client_secret": [text, *(other for other in others if other != text)]}


def replace_client_secrets(fields: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """The fields with exactly these client secrets, under the one key of the format."""
    others = {name: value for name, value in fields.items() if name not in CLIENT_SECRET_KEYS}
    return others | {"client_secret": texts[0] if len(texts) == 1 else list(texts)}


def _with_plain_secret(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with one client secret as text, though it may be a list, or under another key."""
    keys = [key for key in CLIENT_SECRET_KEYS if fields.get(key)]
    if len(keys) != 1:
        return fields
    stored = fields[keys[0]]
    return replace_client_secrets(fields, stored if isinstance(stored, list) else [stored])


def _refuse_client_secret_in(settings: Mapping[str, Any], client_secrets: set[str]) -> None:
    """Raise ConfigError for a client secret that was pasted where settings are shown and logged."""
    for name, value in settings.items():
        is_shown = name not in {*CLIENT_SECRET_KEYS, "client_id", "CLIENT_ID", "private_key"}
        if is_shown and isinstance(value, str) and value in client_secrets:
            raise ConfigError(f"{name}: is the client secret, which belongs in no other field")


def asks_for_another(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the change makes a stored token due: other client, or other `fingerprint`."""
    asked_for: list[tuple[str, str] | None] = []
    for fields in (before, after):
        with contextlib.suppress(ValueError):
            credentials = ClientCredentials.from_fields(dict(fields))
            asked_for.append((credentials.client_id, credentials.fingerprint))
    return len(set(asked_for)) > 1


def replaces_client_secret(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a client secret of `before` is gone in `after`, which has another."""
    kept = _client_secrets(after)
    return bool(kept) and not _client_secrets(before) <= kept


def _client_secrets(fields: Mapping[str, Any]) -> set[str]:
    stored = next((fields[key] for key in CLIENT_SECRET_KEYS if fields.get(key)), None)
    every = stored if isinstance(stored, list) else [stored]
    return {each for each in every if isinstance(each, str)}


def consent_to(
    fields: dict[str, Any], token_secret: str, *, is_shared: bool = False
) -> dict[str, Any]:
    """The fields with `token_secret` (name or ARN) in `token_secrets`, if no entry covers it.

    With `is_shared` it is the secret of the fields themselves, which no pattern covers.
    """
    stored = fields.get("token_secrets")
    entries = stored if isinstance(stored, list) else [stored] if stored else []
    is_arn = token_secret.startswith("arn:")
    arn = token_secret if is_arn else f"{token_secret}-AbCdEf"  # shaped like the service's
    if token_secret in entries or (not is_shared and has_consent(entries, arn)):
        return fields
    return fields | {"token_secrets": [*entries, token_secret]}


def credentials_text(fields: Mapping[str, Any], replaced: StoredSecret | None = None) -> Secret:
    """The fields as JSON, with what did not change as it is in the version that they replace.

    Raises CredentialsError for what `rotator run` would refuse later.
    """
    subject = f"credentials secret {replaced.secret_id}" if replaced else "client credentials"
    before = replaced.text.reveal() if replaced and replaced.text is not None else "{}"
    problem: object
    text = ""
    try:
        resolve(ClientCredentials.from_fields(dict(fields)))
        parse_admin_settings(fields)
        text = write_object(fields, like=before)
        if len(text.encode()) <= MAX_SECRET_BYTES:
            return Secret(text)
        problem = f"are longer than the {MAX_SECRET_BYTES} bytes that Secrets Manager takes"
    except (ValueError, RotatorError) as error:
        problem = str(error)
    del fields, before, text  # a crash reporter would show them
    raise CredentialsError(f"{subject}: {problem}")


def _stored_fields(
    secret: StoredSecret, on_unreadable: Callable[[], object] | None
) -> dict[str, Any]:
    if secret.text is None:
        raise SecretNotFound(
            f"credentials secret {secret.secret_id}: has no value yet; store the client credentials"
            f" with {init_command(secret.secret_id, None)}",
            operation="GetSecretValue",
            secret_id=secret.secret_id,
        )
    problem: object
    try:
        return parse_fields(secret)
    except ValueError as error:
        problem = error
    if on_unreadable is None or seems_to_hold_more(secret):
        raise unreadable_credentials(secret, problem)
    on_unreadable()
    return {}
