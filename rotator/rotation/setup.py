"""Making a binding: both secrets, and the tag that ties the token secret to its credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.errors import ConfigError, SecretNotFound
from rotator.model.binding import BINDING_TAG
from rotator.model.secret import StoredSecret
from rotator.rotation.credentials import consent_to, credentials_text, edit_credentials
from rotator.rotation.publish import successor_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.model.secret import Secret, SecretInfo
    from rotator.rotation.ports import SetupStore

__all__ = ["bind"]


def bind(
    credentials_secret: str,
    token_secret: str,
    *,
    store: SetupStore,
    ask: Callable[[], dict[str, Any]] | None,
    kms_key_id: str | None = None,
) -> list[str]:
    """Create what is missing, bind it, store the credentials; answers with a line for each deed.

    `ask` gives the fields of the credentials secret, and is called only once nothing is in their
    way; None leaves an existing credentials secret as it is, but for its consent (`token_secrets`).
    Nothing is overwritten: a credentials secret with a value, or a token secret bound to others,
    raises ConfigError. Safe to repeat after a failure, as the credentials are written last.
    """
    held = _find(credentials_secret, store)
    target = held if token_secret == credentials_secret else _find(token_secret, store)
    _refuse_to_overwrite(held, credentials_secret, wanted=ask is not None)
    bound_to = target.tags.get(BINDING_TAG) if target else None
    if bound_to not in {None, credentials_secret, held.arn if held else None}:
        raise ConfigError(f"secret {token_secret}: is bound to another credentials secret by tag")
    is_strange = target is not None and target.has_value and bound_to is None
    if is_strange and ask is not None and token_secret != credentials_secret:
        raise ConfigError(
            f"secret {token_secret}: holds a value and is bound to nothing; with --bind-only it"
            " becomes the token secret, and the next run replaces the value"
        )
    is_shared = token_secret == credentials_secret
    text = None
    if ask is not None:
        fields = ask()
        text = credentials_text(fields if is_shared else consent_to(fields, token_secret))

    done = []
    if ask is None and not is_shared and held is not None and held.has_value:
        done.append(_let_credentials_agree(credentials_secret, token_secret, store=store))
    tags = {BINDING_TAG: credentials_secret}
    if token_secret != credentials_secret:
        done.append(
            _bind_token_secret(token_secret, target, tags, store=store, kms_key_id=kms_key_id)
        )
        tags = {}
    if text is not None:
        done.append(
            _store_credentials(
                credentials_secret, held, text, tags, store=store, kms_key_id=kms_key_id
            )
        )
    done.append(
        f"next: rotator run --credentials-secret {credentials_secret} --token-secret {token_secret}"
    )
    return done


def _find(secret_id: str, store: SetupStore) -> SecretInfo | None:
    try:
        return store.describe(secret_id)
    except SecretNotFound:
        pass
    if secret_id.startswith("arn:"):
        raise ConfigError(f"secret {secret_id}: does not exist; give a name to create it")
    return None


def _refuse_to_overwrite(held: SecretInfo | None, secret_id: str, *, wanted: bool) -> None:
    if wanted and held is not None and held.has_value:
        raise ConfigError(
            f"secret {secret_id}: holds a value, which init does not overwrite; bind it as it is"
            " with --bind-only, or change it with `rotator credentials set`"
        )
    if not wanted and held is None:
        raise ConfigError(f"secret {secret_id}: does not exist; leave --bind-only out to create it")


def _let_credentials_agree(credentials_secret: str, token_secret: str, *, store: SetupStore) -> str:
    changed = edit_credentials(
        credentials_secret, lambda fields: consent_to(fields, token_secret), store=store
    )
    deed = "added" if changed else "found"
    return f"{deed} {token_secret} in token_secrets of credentials secret {credentials_secret}"


def _bind_token_secret(
    token_secret: str,
    target: SecretInfo | None,
    tags: Mapping[str, str],
    *,
    store: SetupStore,
    kms_key_id: str | None,
) -> str:
    if target is not None:
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
    held: SecretInfo | None,
    text: Secret,
    tags: Mapping[str, str],
    *,
    store: SetupStore,
    kms_key_id: str | None,
) -> str:
    if held is None:
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
    empty = StoredSecret(secret_id=credentials_secret, arn=held.arn)
    # Of two that do this at once, the second is refused.
    store.put(empty, text, version_id=successor_id(empty))
    return f"stored the client credentials in {credentials_secret}, which was empty"
