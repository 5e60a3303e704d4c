"""Edits a credentials secret by compare-and-set, so that no concurrent edit is lost."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError, CredentialsError, RotatorError
from rotator.model.client_admin import parse_admin_settings
from rotator.model.client_credentials import (
    PROVIDER_FIELDS,
    ClientCredentials,
    canonical_name,
    meant_name,
)
from rotator.model.client_id import holds_any
from rotator.model.commands import set_command
from rotator.model.consent import is_named
from rotator.model.json_text import write_object
from rotator.model.providers import resolve
from rotator.model.secret import MAX_SECRET_BYTES, Secret
from rotator.model.stored import (
    no_credentials,
    parse_fields,
    refuse_foreign_fields,
    unusable_credentials,
)
from rotator.model.unreadable import (
    refuse_lost_provider,
    seems_to_hold_more,
    unreadable_credentials,
)
from rotator.rotation.publish import Published, compare_and_set
from rotator.rotation.swapped_names import refuse_token_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.clock import Clock
    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import SetupStore

__all__ = [
    "NOTHING_GIVEN",
    "add_client_secret",
    "asks_for_another",
    "consent_to",
    "count_replaced_secrets",
    "credentials_text",
    "edit_credentials",
    "explain_swap",
    "is_complete",
    "merge_settings",
    "normalize_fields",
    "refuse_secret_as_id",
    "remove_client_secret",
    "replace_client_secrets",
    "stored_client_secrets",
    "validate_edit",
]

NOTHING_GIVEN = Secret("{}")

CLIENT_SECRET_KEYS = ("client_secret", "CLIENT_SECRET", "CLIENT_SECRETS")
"""The key of this format, and those of the file that Adobe's console offers for download."""


def edit_credentials(
    secret_id: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    store: SetupStore,
    given: Secret = NOTHING_GIVEN,
    clock: Clock = SYSTEM_CLOCK,
    replacement: Mapping[str, Any] | None = None,
    token_secret: str | None = None,
) -> Published | None:
    """Store `change(fields)`; returns None if the secret already has that content.

    `given` is the JSON that `change` takes fields from. After a concurrent edit, `change` is
    applied to its result. With `replacement`, which are complete client credentials, a value that
    cannot be parsed counts as one without fields, unless it seems to hold more than client
    credentials, or a provider that `replacement` does not name. `token_secret`, if it is known, is
    for the advice. Raises CredentialsError if this is a token secret or the result could not be
    used; SecretNotFound, StoreError.
    """
    [seen] = store.read(secret_id)
    refuse_token_secret(seen, store=store)
    if seen.text is None:
        raise no_credentials(secret_id, token_secret)

    def is_needless(version: StoredSecret) -> bool:
        fields = _stored_fields(version, replacement)
        return normalize_fields(change(dict(fields))) == normalize_fields(fields)

    if is_needless(seen):
        return None
    published = compare_and_set(
        seen,
        lambda version: credentials_text(
            change(_stored_fields(version, replacement)), version, given=given
        ),
        store=store,
        yields_to=is_needless,
        clock=clock,
    )
    return published if published.won else None


def validate_edit(
    version: StoredSecret, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Raise as `edit_credentials` would, if this edit of this version could not be stored."""
    credentials_text(change(_stored_fields(version, None)), version)


def merge_settings(
    fields: dict[str, Any], settings: Mapping[str, Any], *, secret_id: str | None = None
) -> dict[str, Any]:
    """The fields, replaced by those in `settings`; an empty string or None removes a field.

    A setting also replaces its field under Adobe's name and under misspelled ones, and complete
    credentials replace all that look misspelled. Raises ConfigError if no field would name the
    provider any more, or if a setting that may be shown is the client secret; `secret_id` as in
    `refuse_secret_as_id`.
    """
    kept = {
        name: value
        for name, value in fields.items()
        if name in settings
        or not (
            canonical_name(name) in settings
            or meant_name(name) in settings
            or (is_complete(settings) and meant_name(name))
        )
    }
    merged = {
        name: value
        for name, value in (kept | dict(settings)).items()
        if name not in settings or value not in ("", None)
    }
    _refuse_client_secret_in(settings, _client_secrets(fields) | _client_secrets(merged))
    if not settings.keys().isdisjoint({"client_id", "client_secret"}):
        refuse_secret_as_id(merged, secret_id=secret_id)
    before, after = (
        [name for name in each if each[name] and (meant_name(name) or name) in PROVIDER_FIELDS]
        for each in (fields, merged)
    )
    if before and not after:
        raise ConfigError(
            f"{before[0]}: without it the client secret would go to Adobe; pass --token-url, or"
            " --provider (adobe-ims for Adobe), too"
        )
    removed = [name for name in PROVIDER_FIELDS if fields.get(name) and not merged.get(name)]
    if removed and not any(settings.get(name) for name in PROVIDER_FIELDS):
        raise ConfigError(
            f"{removed[0]}: is a part of what names the provider; to remove it, name the provider"
            " by another field in the same command, such as --token-url or --provider"
        )
    return merged


def refuse_secret_as_id(fields: Mapping[str, Any], *, secret_id: str | None = None) -> None:
    """Raise ConfigError if the client id holds a client secret: consumers can read the client id.

    `secret_id` is the credentials secret that the fields change, None if they make a new one.
    """
    client_id = fields.get("client_id") or fields.get("CLIENT_ID")
    secrets = stored_client_secrets(fields)
    problem = None
    if client_id in secrets:
        problem = "client_id and client_secret: are the same"
    elif isinstance(client_id, str) and holds_any(client_id, secrets):
        problem = "client_id: holds the client secret, and consumers can read the client id"
    if problem is not None:
        way_out = "; pass each as the provider shows it" + explain_swap(secret_id)
        del fields, client_id, secrets  # a crash reporter would show them
        raise ConfigError(problem + way_out)


def explain_swap(secret_id: str | None) -> str:
    """What to do if both were stored the wrong way around; nothing without a credentials secret."""
    if secret_id is None:
        return ""
    return (
        '; if they were stored the wrong way around, pass {"client_id": "...", "client_secret":'
        f' "..."}} on standard input to {set_command(secret_id)}'
    )


def is_complete(settings: Mapping[str, Any]) -> bool:
    """Whether these settings alone are complete client credentials."""
    return bool(settings.get("client_id")) and bool(
        settings.get("client_secret") or settings.get("private_key")
    )


def add_client_secret(
    fields: dict[str, Any], text: str, *, secret_id: str | None = None
) -> dict[str, Any]:
    """The fields with `text` as the first in the list of client secrets.

    Raises as `refuse_secret_as_id`.
    """
    kept = {name: value for name, value in fields.items() if name not in CLIENT_SECRET_KEYS}
    others = [other for other in stored_client_secrets(fields) if other != text]
    refuse_secret_as_id(kept | {"client_secret": text}, secret_id=secret_id)
    return kept | {"client_secret": [text, *others]}


def remove_client_secret(fields: dict[str, Any], text: str) -> dict[str, Any]:
    """The fields without this client secret; raises ConfigError for the only one."""
    stored = stored_client_secrets(fields)
    others = [other for other in stored if other != text]
    if len(others) == len(stored):
        return fields
    if not others:
        raise ConfigError(
            "client_secret: is the only one, and rotator needs it; store the new one first"
        )
    return replace_client_secrets(fields, others)


def replace_client_secrets(fields: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """The fields with exactly these client secrets, under the key of this format."""
    others = {name: value for name, value in fields.items() if name not in CLIENT_SECRET_KEYS}
    return others | {"client_secret": texts[0] if len(texts) == 1 else list(texts)}


def _normalize_client_secrets(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with the client secrets in the simplest form, to compare them.

    Unchanged if they are under several keys, or there are none.
    """
    if len([key for key in CLIENT_SECRET_KEYS if fields.get(key)]) != 1:
        return fields
    return replace_client_secrets(fields, stored_client_secrets(fields))


def normalize_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields under the names of this format, with plain client secrets, to compare them.

    A field with other content under Adobe's name than under ours is there under both.
    """
    plain = _normalize_client_secrets(dict(fields))
    renamed = {name: value for name, value in plain.items() if canonical_name(name) == name}
    for name, value in plain.items():
        if renamed.setdefault(canonical_name(name), value) != value:
            renamed[name] = value
    return renamed


def _refuse_client_secret_in(settings: Mapping[str, Any], client_secrets: set[str]) -> None:
    """Raise ConfigError for a client secret in a setting that is shown and logged."""
    for name, value in settings.items():
        is_shown = name not in {*CLIENT_SECRET_KEYS, "client_id", "CLIENT_ID", "private_key"}
        if is_shown and isinstance(value, str) and holds_any(value, client_secrets):
            verb = "is" if value in client_secrets else "holds"
            raise ConfigError(f"{name}: {verb} the client secret, which belongs in no other field")


def asks_for_another(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the change makes a stored token due: another client, or another `fingerprint`."""
    requested: set[tuple[str, str]] = set()
    for fields in (before, after):
        with contextlib.suppress(ValueError):
            credentials = ClientCredentials.from_fields(dict(fields))
            requested.add((credentials.client_id, credentials.fingerprint))
    return len(requested) > 1


def count_replaced_secrets(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """How many client secrets of `before` are not in `after`, which has others."""
    kept = _client_secrets(after)
    return len(_client_secrets(before) - kept) if kept else 0


def _client_secrets(fields: Mapping[str, Any]) -> set[str]:
    return {each for each in stored_client_secrets(fields) if isinstance(each, str)}


def stored_client_secrets(fields: Mapping[str, Any]) -> list[Any]:
    """The client secrets as they are stored, in the order in which they are tried."""
    return _as_list(next((fields[key] for key in CLIENT_SECRET_KEYS if fields.get(key)), None))


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - as it was stored
    """The entries of a field that may be a list, a single value, empty or missing."""
    return value if isinstance(value, list) else [value] if value else []


def consent_to(fields: dict[str, Any], token_secret: str) -> dict[str, Any]:
    """The fields with `token_secret` (name or ARN) in `token_secrets`, if it isn't named there.

    A pattern does not replace the name: it covers fewer secrets.
    """
    entries = _as_list(fields.get("token_secrets"))
    is_arn = token_secret.startswith("arn:")
    arn = token_secret if is_arn else f"{token_secret}-AbCdEf"  # shaped like the service's
    if is_named(entries, arn):
        return fields
    return fields | {"token_secrets": [*entries, token_secret]}


def credentials_text(
    fields: Mapping[str, Any],
    replaced: StoredSecret | None = None,
    *,
    given: Secret = NOTHING_GIVEN,
) -> Secret:
    """The fields as JSON; unchanged members keep their text from the version that they replace.

    Those that come from `given` keep the text that they have there. Raises CredentialsError for
    anything that `rotator run` would refuse later.
    """
    before = replaced.text.reveal() if replaced and replaced.text is not None else "{}"
    problem: object
    text = ""
    try:
        _validate(fields)
        text = write_object(fields, like=before, given=given.reveal())
        if len(text.encode()) <= MAX_SECRET_BYTES:
            return Secret(text)
        problem = f"would be longer than the {MAX_SECRET_BYTES} bytes that Secrets Manager accepts"
    except (ValueError, RotatorError) as error:
        problem = str(error)
    del fields, before, text  # a crash reporter would show them
    if replaced is None:
        raise CredentialsError(f"client credentials: {problem}")
    if problem == _find_stored_problem(replaced):
        raise unusable_credentials(replaced.secret_id, problem)
    raise CredentialsError(f"credentials secret {replaced.secret_id}: {problem}")


def _validate(fields: Mapping[str, Any]) -> None:
    resolve(ClientCredentials.from_fields(dict(fields)))
    parse_admin_settings(fields)


def _find_stored_problem(version: StoredSecret) -> str | None:
    """Why the stored credentials can't be used, None if they can."""
    try:
        _validate(parse_fields(version))
    except (ValueError, RotatorError) as error:
        return str(error)
    return None


def _stored_fields(secret: StoredSecret, replacement: Mapping[str, Any] | None) -> dict[str, Any]:
    if secret.text is None:
        raise no_credentials(secret.secret_id)
    problem: object
    try:
        fields = parse_fields(secret)
    except ValueError as error:
        problem = error
    else:
        refuse_foreign_fields(secret, fields)
        return fields
    if replacement is None or seems_to_hold_more(secret):
        raise unreadable_credentials(secret, problem)
    refuse_lost_provider(secret, replacement)
    return {}
