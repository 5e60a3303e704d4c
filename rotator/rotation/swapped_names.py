"""Detects a token secret that is named as the credentials secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import StoreError
from rotator.model.binding import BINDING_TAG
from rotator.model.stored import (
    holds_only_token,
    parse_fields,
    refuse_other_tag,
    token_as_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.model.secret import StoredSecret
    from rotator.rotation.ports import Descriptions

__all__ = ["read_tags", "refuse_token_secret"]


def refuse_token_secret(version: StoredSecret, *, store: Descriptions) -> None:
    """Raise CredentialsError if the secret is a token secret by its tag or its value.

    A secret may hold both: then its tag names itself, or its value has client credentials too.
    """
    tags = read_tags(version, store=store)
    refuse_other_tag(version.secret_id, version.arn, tags)
    try:
        fields = parse_fields(version)
    except ValueError:
        return
    if BINDING_TAG not in tags and holds_only_token(fields):
        raise token_as_credentials(version.secret_id)


def read_tags(version: StoredSecret, *, store: Descriptions) -> Mapping[str, str]:
    """The secret's tags; none if the role may not read them."""
    try:
        return store.describe(version.secret_id).tags if version.tags is None else version.tags
    except StoreError as error:
        if error.retryable:
            raise
    return {}
