"""Okta: the client secrets of an application, which can be switched off before they are deleted.

https://developer.okta.com/docs/guides/client-secret-rotation-key/main/, and the operations
listOAuth2ClientSecrets, createOAuth2ClientSecret and their neighbours of the management API. What
the list says of a value (in the clear, or hashed) is not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rotator.client_admin.adapter import Adapter, Call
from rotator.client_admin.values import parse_date_time, parse_text
from rotator.model.secret import Secret
from rotator.model.secret_rotation import NewSecret, ProviderSecret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.client_admin.adapter import Target

__all__ = ["OKTA"]


def _path(target: Target, secret_id: str | None = None) -> str:
    collection = f"/api/v1/apps/{quote(target.ids['app_id'], safe='')}/credentials/secrets"
    return collection if secret_id is None else f"{collection}/{quote(secret_id, safe='')}"


def _list(target: Target) -> Call:
    return Call("list client secrets", "GET", _path(target))


def _add(target: Target, _: str, __: datetime) -> Call:
    return Call("add a client secret", "POST", _path(target), {})


def _retire(target: Target, secret_id: str) -> Call:
    path = f"{_path(target, secret_id)}/lifecycle/deactivate"
    return Call("deactivate a client secret", "POST", path)


def _delete(target: Target, secret_id: str) -> Call:
    return Call("delete a client secret", "DELETE", _path(target, secret_id))


def _parse_list(fields: Mapping[str, Any]) -> tuple[ProviderSecret, ...]:
    return tuple(_parse_secret(each) for each in fields["items"])


def _parse_added(fields: Mapping[str, Any]) -> NewSecret:
    return NewSecret(_parse_secret(fields), Secret(parse_text(fields["client_secret"])))


def _parse_secret(fields: Mapping[str, Any]) -> ProviderSecret:
    return ProviderSecret(
        id=parse_text(fields["id"]),
        created_at=parse_date_time(fields.get("created")),
        is_active=parse_text(fields["status"]) == "ACTIVE",
    )


OKTA = Adapter(
    grants="the scope okta.apps.manage, and an admin role that may manage the application, to the"
    " management client",
    list=_list,
    parse_list=_parse_list,
    add=_add,
    parse_added=_parse_added,
    retire=_retire,
    delete=_delete,
)
