"""Entra ID: the passwords of an application in Microsoft Graph.

https://learn.microsoft.com/en-us/graph/api/application-addpassword and the related pages. A
password always expires, and has a name by which a later run recognizes it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.client_admin.calls import Adapter, Call
from rotator.client_admin.values import parse_date_time, parse_text, parse_value
from rotator.model.instants import format_instant
from rotator.model.secret_rotation import NewSecret, ProviderSecret, matches_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.client_admin.calls import Target
    from rotator.model.secret import Secret

__all__ = ["ENTRA_ID"]


GUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""The documented type of `keyId` (resource type passwordCredential)."""

POLICY_SUFFIX = "AsPerAppPolicy"
"""The end of the codes by which a tenant's app management policy refuses, such as
CredentialTypeNotAllowedAsPerAppPolicy (microsoft-365-agents-toolkit handles these two)."""

LIFETIME_REFUSED = f"CredentialInvalidLifetime{POLICY_SUFFIX}"
"""azure-cli issue 28522 has a response: status 400, with this code."""


def _path(target: Target, *action: str) -> tuple[str, ...]:
    key = target.client_id.replace("'", "''")  # OData 4.01, part 2, section 5.1.1.6.1
    return ("v1.0", f"applications(appId='{key}')", *action)


def _list(target: Target) -> Call:
    return Call("list client secrets", "GET", _path(target), query="$select=passwordCredentials")


def _add(target: Target, label: str, ends_at: datetime) -> Call:
    password = {"displayName": label, "endDateTime": format_instant(ends_at)}
    return Call(
        "add a client secret",
        "POST",
        _path(target, "addPassword"),
        {"passwordCredential": password},
    )


def _delete(target: Target, secret_id: str) -> Call:
    path = _path(target, "removePassword")
    return Call("delete a client secret", "POST", path, {"keyId": secret_id})


def _parse_list(_: Target, fields: Mapping[str, Any]) -> tuple[ProviderSecret, ...]:
    return tuple(_parse_secret(each) for each in fields["passwordCredentials"])


def _parse_added(fields: Mapping[str, Any]) -> NewSecret:
    return NewSecret(_parse_secret(fields), parse_value(fields.get("secretText")))


def _parse_secret(fields: Mapping[str, Any]) -> ProviderSecret:
    hint, label = fields.get("hint"), fields.get("displayName")
    return ProviderSecret(
        id=parse_text(fields["keyId"]),
        created_at=parse_date_time(fields.get("startDateTime")),
        expires_at=parse_date_time(fields.get("endDateTime")),
        matches=matches_unknown if hint is None else partial(_begins, parse_text(hint)),
        label=None if label is None else str(label),
    )


def _advise(target: Target, code: str) -> str | None:
    if code == LIFETIME_REFUSED:
        return (
            "the tenant's app management policy wants a shorter life: set lifetime_days in"
            f" client_admin, which is {target.settings.lifetime_days} now, to what it allows"
        )
    if code.endswith(POLICY_SUFFIX):
        return (
            "the tenant's app management policy forbids it, whatever was granted: have an"
            " administrator exempt this application, or make the client secret by hand"
        )
    return None


def _begins(hint: str, value: Secret) -> bool:
    return value.reveal().startswith(hint)


ENTRA_ID = Adapter(
    secret_id=GUID,
    grants="the application permission Application.ReadWrite.OwnedBy to the management credentials,"
    " and make their service principal an owner of the application",
    list=_list,
    parse_list=_parse_list,
    add=_add,
    parse_added=_parse_added,
    delete=_delete,
    advise=_advise,
)
