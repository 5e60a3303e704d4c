"""Adobe: the console's API for the secrets of OAuth server-to-server credentials.

https://developer.adobe.com/developer-console/docs/guides/authentication/ServerToServerAuthentication/ims
Instants are milliseconds since 1970, in strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.client_admin.calls import Adapter, Call
from rotator.client_admin.values import parse_milliseconds, parse_text, parse_value
from rotator.errors import ConfigError
from rotator.model.client_id import mask_client_id
from rotator.model.secret_rotation import NewSecret, ProviderSecret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.client_admin.calls import Target

__all__ = ["ADOBE"]


def _path(target: Target, *secret_id: str) -> tuple[str, ...]:
    organization, credential = target.ids["organization_id"], target.ids["credential_id"]
    collection = ("console", "organizations", organization, "credentials", credential, "secrets")
    return (*collection, *secret_id)


def _list(target: Target) -> Call:
    return Call("list client secrets", "GET", _path(target))


def _add(target: Target, _: str, __: datetime) -> Call:
    return Call("add a client secret", "POST", _path(target))


def _delete(target: Target, secret_id: str) -> Call:
    return Call("delete a client secret", "DELETE", _path(target, secret_id))


def _parse_list(target: Target, fields: Mapping[str, Any]) -> tuple[ProviderSecret, ...]:
    client_id = parse_text(fields["client_id"])
    if client_id != target.client_id:
        raise ConfigError(
            f"adobe: credential_id {target.ids['credential_id']} belongs to the client"
            f" {mask_client_id(client_id)}, not to {mask_client_id(target.client_id)}; nothing was"
            " changed. Correct the field client_admin of this client's credentials secret"
        )
    return tuple(_parse_secret(each) for each in fields["client_secrets"])


def _parse_added(fields: Mapping[str, Any]) -> NewSecret:
    return NewSecret(_parse_secret(fields), parse_value(fields.get("client_secret")))


def _parse_secret(fields: Mapping[str, Any]) -> ProviderSecret:
    usages = fields.get("secret_usages") or []
    used_at = [parse_milliseconds(each["last_used_at"]) for each in usages]
    ends = fields.get("expires_at")
    return ProviderSecret(
        id=parse_text(fields["uuid"]),
        created_at=parse_milliseconds(fields["created_at"]),
        expires_at=None if ends in (None, "PERMANENT") else parse_milliseconds(ends),
        last_used_at=max(used_at, default=None),
    )


ADOBE = Adapter(
    grants="the scopes read_client_secret and manage_client_secrets to the management credentials,"
    " and add the I/O Management API to the project",
    list=_list,
    parse_list=_parse_list,
    add=_add,
    parse_added=_parse_added,
    delete=_delete,
    sends_client_id_as="x-api-key",
)
