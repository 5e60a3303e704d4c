"""Sets up a binding: both secrets, and the tag of the token secret that names its credentials."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError, SecretNotFound, StoreError
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.commands import (
    create_command,
    empty_command,
    init_command,
    run_command,
    set_command,
)
from rotator.model.secret import StoredSecret
from rotator.model.stored import refuse_other_tag
from rotator.rotation.credentials import consent_to, credentials_text, edit_credentials
from rotator.rotation.overwrite import describe_replacement, has_content
from rotator.rotation.publish import compare_and_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.model.json_text import JsonInput
    from rotator.model.secret import Secret, SecretInfo
    from rotator.rotation.ports import SetupStore

__all__ = ["set_up_binding"]


def set_up_binding(
    credentials_secret: str,
    token_secret: str,
    *,
    store: SetupStore,
    ask: Callable[[], JsonInput] | None,
    kms_key_id: str | None = None,
) -> list[str]:
    """Create missing secrets, bind them, and store the credentials; returns a line for each change.

    `ask` returns the credentials, and is called only if they can be stored;
    None changes only the consent (`token_secrets`) of an existing credentials secret. Nothing is
    overwritten: a credentials secret with a value, or a token secret of another binding, raises
    ConfigError. Safe to repeat after a failure, as the credentials are written last.
    """
    is_shared = token_secret == credentials_secret
    options = "--bind-only" if ask is None else ""
    create = partial(create_command, credentials_secret, token_secret, options)
    credentials_info = _find(credentials_secret, store, create)
    token_info = credentials_info if is_shared else _find(token_secret, store, create)
    _refuse_to_overwrite(credentials_info, credentials_secret, token_secret, wanted=ask is not None)
    if token_info is not None:
        arn = credentials_info.arn if credentials_info else credentials_secret
        _refuse_foreign_token_secret(
            token_secret,
            token_info,
            credentials_secret,
            arn,
            store=store,
            is_replaceable=ask is None or is_shared,
        )
    text = _ask_text(ask, None if is_shared else token_secret) if ask is not None else None

    done = []
    tags = {BINDING_TAG: credentials_secret}
    if ask is None and credentials_info is not None and credentials_info.has_value:
        done.append(_add_consent(credentials_secret, token_secret, store=store))
    if ask is None or not is_shared:
        bind = partial(_bind_token_secret, store=store, kms_key_id=kms_key_id)
        done.append(bind(token_secret, token_info, tags))
    if text is not None:
        keep = partial(_store_credentials, store=store, kms_key_id=kms_key_id)
        done.append(keep(credentials_secret, credentials_info, text, tags if is_shared else {}))
    if ask is None and token_info is not None and token_info.has_value and not is_shared:
        done += _describe_replacement(token_secret, store)
    done += _describe_place(credentials_info or token_info, credentials_secret, store)
    return [*done, f"next: {run_command(credentials_secret, token_secret)}"]


def _describe_replacement(token_secret: str, store: SetupStore) -> list[str]:
    """What the next run does with the value; nothing if it may not be read, as by `--bind-only`."""
    with suppress(StoreError):
        [version] = store.read(token_secret)
        replacement = describe_replacement(version)
        return [] if replacement is None else [replacement]
    return []


def _describe_place(info: SecretInfo | None, secret_id: str, store: SetupStore) -> list[str]:
    """The account and region of both secrets, by an ARN."""
    with suppress(StoreError):  # both are there
        # arn:partition:secretsmanager:region:account:secret:name
        arn = (info or store.describe(secret_id)).arn.split(":")
        return [f"both are in the account {arn[4]}, region {arn[3]}"] if len(arn) > 6 else []  # noqa: PLR2004
    return []


def _ask_text(ask: Callable[[], JsonInput], consumer: str | None) -> Secret:
    """The credentials; in a separate function without variables, as tracebacks have its frame."""
    return credentials_text(**_prepare_input(ask(), consumer))


def _prepare_input(asked: JsonInput, consumer: str | None) -> dict[str, Any]:
    fields = asked.fields if consumer is None else consent_to(asked.fields, consumer)
    return {"fields": fields, "given": asked.text}


def _find(
    secret_id: str, store: SetupStore, create_command: Callable[..., str]
) -> SecretInfo | None:
    try:
        return store.describe(secret_id)
    except SecretNotFound:
        pass
    if secret_id.startswith("arn:"):
        raise ConfigError(
            f"secret {secret_id}: does not exist; an ARN cannot be created, but a name can:"
            f" {create_command(missing=secret_id)}"
        )
    return None


def _refuse_to_overwrite(
    info: SecretInfo | None, secret_id: str, token_secret: str, *, wanted: bool
) -> None:
    if info is not None and secret_id != token_secret:
        refuse_other_tag(secret_id, info.arn, info.tags)
    if wanted and info is not None and info.has_value:
        raise ConfigError(
            f"secret {secret_id}: holds a value, which init does not overwrite; bind it as it is"
            f" with {init_command(secret_id, token_secret, '--bind-only')}, or change it with"
            f" {set_command(secret_id)}"
        )
    if not wanted and info is None:
        raise ConfigError(f"secret {secret_id}: does not exist; leave --bind-only out to create it")


def _add_consent(credentials_secret: str, token_secret: str, *, store: SetupStore) -> str:
    changed = edit_credentials(
        credentials_secret, lambda fields: consent_to(fields, token_secret), store=store
    )
    verb = "added" if changed else "found"
    return f"{verb} {token_secret} in token_secrets of credentials secret {credentials_secret}"


def _refuse_foreign_token_secret(
    token_secret: str,
    info: SecretInfo,
    credentials_secret: str,
    credentials_arn: str,
    *,
    store: SetupStore,
    is_replaceable: bool,
) -> None:
    bound_to = info.tags.get(BINDING_TAG)
    if bound_to is not None and not is_name_of(bound_to, credentials_secret, credentials_arn):
        raise ConfigError(
            f"secret {token_secret}: is bound to the credentials secret {bound_to} by its tag"
            f" {BINDING_TAG}; name another token secret, or remove the tag"
        )
    if not info.has_value or bound_to is not None or is_replaceable:
        return
    [version] = store.read(token_secret)
    if has_content(version):
        raise ConfigError(
            f"secret {token_secret}: holds a value and is bound to nothing; name another token"
            " secret, or, if nobody needs the value, store {} in it with"
            f" {empty_command(version)} and run this again"
        )


def _bind_token_secret(
    token_secret: str,
    token_info: SecretInfo | None,
    tags: Mapping[str, str],
    *,
    store: SetupStore,
    kms_key_id: str | None,
) -> str:
    if token_info is not None:
        store.tag(token_secret, tags)
        return f"bound token secret {token_secret}, which existed"
    store.create(
        token_secret,
        description="Current OAuth 2.0 access token, kept fresh by rotator. Consumers read this.",
        tags=tags,
        kms_key_id=kms_key_id,
    )
    return f"created token secret {token_secret}, without a value yet"


def _store_credentials(
    credentials_secret: str,
    credentials_info: SecretInfo | None,
    text: Secret,
    tags: Mapping[str, str],
    *,
    store: SetupStore,
    kms_key_id: str | None,
) -> str:
    if credentials_info is None:
        store.create(
            credentials_secret,
            description="OAuth 2.0 client id and client secret. Only rotator reads this.",
            tags=tags,
            text=text,
            kms_key_id=kms_key_id,
        )
        return f"created credentials secret {credentials_secret}"
    if tags:
        store.tag(credentials_secret, tags)
    empty = StoredSecret(secret_id=credentials_secret, arn=credentials_info.arn)
    published = compare_and_set(
        empty, lambda _: text, store=store, yields_to=lambda _: True, clock=SYSTEM_CLOCK
    )
    if not published.won:
        raise ConfigError(
            f"secret {credentials_secret}: was given a value by another process; kept that value"
        )
    return f"stored the client credentials in {credentials_secret}, which was empty"
