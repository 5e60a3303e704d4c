"""Parses the values of credentials secrets and token secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.errors import CredentialsError, SecretNotFound
from rotator.model.access_token import TOKEN_FIELDS, AccessToken
from rotator.model.binding import BINDING_TAG, is_name_of
from rotator.model.client_credentials import ClientCredentials, canonical_name, meant_name
from rotator.model.commands import empty_command, init_command, set_command
from rotator.model.fields import load_object
from rotator.model.unreadable import unreadable_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rotator.model.policy import NoTokenReason
    from rotator.model.secret import StoredSecret

__all__ = [
    "OWN_KEYS",
    "holds_client_credentials",
    "holds_only_token",
    "no_credentials",
    "parse_credentials",
    "parse_fields",
    "parse_token",
    "refuse_foreign_fields",
    "refuse_other_tag",
    "token_as_credentials",
    "unusable_credentials",
]

OWN_KEYS = frozenset({"schema", "access_token"})
"""Keys that only a token document has; its others may also be settings of a client."""

_CLIENT_KEYS = frozenset({"client_secret", "private_key"})
_SWAPPED = "are the names of the credentials secret and the token secret swapped?"


def parse_fields(secret: StoredSecret) -> dict[str, Any]:
    """The JSON object in `secret`, empty without a value; raises ValueError for anything else."""
    if secret.is_binary:
        raise ValueError("is binary (SecretBinary); store it as text (SecretString)")
    return load_object(secret.text.reveal() if secret.text is not None else "{}")


def parse_credentials(
    version: StoredSecret, *, token_secret: str | None = None
) -> ClientCredentials:
    """The client credentials in a secret; `token_secret` is named in advice, if it is known.

    Raises SecretNotFound if it has no value, CredentialsError if the value cannot be used.
    """
    if version.text is None:
        refuse_other_tag(version.secret_id, version.arn, version.tags or {})
        raise no_credentials(version.secret_id, token_secret)
    problem: object
    fields: dict[str, Any] = {}
    is_readable = False
    try:
        fields = parse_fields(version)
        is_readable = True
        return ClientCredentials.from_fields(fields)
    except ValueError as error:
        problem = error
    is_token, keys = holds_only_token(fields), tuple(fields)
    del fields  # a crash reporter would show them
    if is_token:
        raise token_as_credentials(version.secret_id)
    if not is_readable:
        raise unreadable_credentials(version, problem)
    refuse_foreign_fields(version, keys)
    raise unusable_credentials(version.secret_id, problem)


def no_credentials(secret_id: str, token_secret: str | None = None) -> SecretNotFound:
    """The error for a credentials secret without a value."""
    return SecretNotFound(
        f"credentials secret {secret_id}: has no value yet; store the client credentials with"
        f" {init_command(secret_id, token_secret)}",
        operation="GetSecretValue",
        secret_id=secret_id,
    )


def unusable_credentials(secret_id: str, problem: object) -> CredentialsError:
    """The error for a wrong field in a credentials secret, with the command that corrects it."""
    return CredentialsError(
        f"credentials secret {secret_id}: {problem}; correct it with {set_command(secret_id)},"
        " which takes a JSON object on standard input (null removes a key)"
    )


def refuse_foreign_fields(version: StoredSecret, keys: Iterable[str]) -> None:
    """Raise CredentialsError if these are the keys of another application, by a mistaken name."""
    meant = _meant_keys(keys)
    known = ClientCredentials.FIELDS | TOKEN_FIELDS
    if meant and meant.isdisjoint(known):
        raise CredentialsError(
            f"credentials secret {version.secret_id}: holds no field of client credentials, and"
            " looks like another application's; check the name; if nobody needs its value, store"
            f" {{}} in it with {empty_command(version)}, and then"
            f" the client credentials with {set_command(version.secret_id)}"
        )


def holds_only_token(keys: Iterable[str]) -> bool:
    """Whether these are keys of a token document, without any client credentials."""
    meant = _meant_keys(keys)
    return not meant.isdisjoint(OWN_KEYS) and meant.isdisjoint(_CLIENT_KEYS)


def holds_client_credentials(keys: Iterable[str]) -> bool:
    """Whether these keys include a client secret or a private key, even if misspelled."""
    return not _meant_keys(keys).isdisjoint(_CLIENT_KEYS)


def _meant_keys(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(meant_name(key) or canonical_name(key) for key in keys)


def token_as_credentials(secret_id: str) -> CredentialsError:
    """The error for a token document in place of client credentials."""
    return CredentialsError(
        f"credentials secret {secret_id}: holds a token, not client credentials; {_SWAPPED}"
    )


def refuse_other_tag(secret_id: str, arn: str, tags: Mapping[str, str]) -> None:
    """Raise CredentialsError if the secret's tag makes it the token secret of other credentials."""
    tag = tags.get(BINDING_TAG)
    if tag is not None and not is_name_of(tag, secret_id, arn):
        raise CredentialsError(
            f"credentials secret {secret_id}: is a token secret, as its tag {BINDING_TAG} names"
            f" {tag}; {_SWAPPED}"
        )


def parse_token(version: StoredSecret) -> AccessToken | NoTokenReason:
    """The token in a secret, or the reason that it has no usable one."""
    try:
        fields = parse_fields(version)
        return AccessToken.from_fields(fields) if "access_token" in fields else "token_missing"
    except ValueError:
        return "token_malformed"
