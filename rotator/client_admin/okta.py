"""Okta: the client secrets of an application, which can be switched off before they are deleted.

https://developer.okta.com/docs/guides/client-secret-rotation-key/main/, and the operations
listOAuth2ClientSecrets, createOAuth2ClientSecret and related ones of the management API. Its list
contains the value itself (`client_secret`), or a hash of it (`secret_hash`), or both.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.client_admin.calls import Adapter, Call
from rotator.client_admin.values import parse_date_time, parse_text, parse_value
from rotator.model.secret_rotation import NewSecret, ProviderSecret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.client_admin.calls import Target
    from rotator.model.secret import Secret

__all__ = ["OKTA"]


def _path(target: Target, *rest: str) -> tuple[str, ...]:
    return ("api", "v1", "apps", target.ids["app_id"], "credentials", "secrets", *rest)


def _list(target: Target) -> Call:
    return Call("list client secrets", "GET", _path(target))


def _add(target: Target, _: str, __: datetime) -> Call:
    return Call("add a client secret", "POST", _path(target), {})


def _retire(target: Target, secret_id: str) -> Call:
    path = _path(target, secret_id, "lifecycle", "deactivate")
    return Call("deactivate a client secret", "POST", path)


def _restore(target: Target, secret_id: str) -> Call:
    path = _path(target, secret_id, "lifecycle", "activate")
    return Call("activate a client secret", "POST", path)


def _delete(target: Target, secret_id: str) -> Call:
    return Call("delete a client secret", "DELETE", _path(target, secret_id))


def _parse_list(_: Target, fields: Mapping[str, Any]) -> tuple[ProviderSecret, ...]:
    return tuple(_parse_secret(each) for each in fields["items"])


def _parse_added(fields: Mapping[str, Any]) -> NewSecret:
    return NewSecret(_parse_secret(fields), parse_value(fields.get("client_secret")))


def _parse_secret(fields: Mapping[str, Any]) -> ProviderSecret:
    return ProviderSecret(
        id=parse_text(fields["id"]),
        created_at=parse_date_time(fields.get("created")),
        updated_at=parse_date_time(fields.get("lastUpdated")),
        is_active=parse_text(fields["status"]) == "ACTIVE",
        matches=partial(_matches, fields.get("client_secret"), fields.get("secret_hash")),
    )


def _matches(listed: object, listed_hash: object, value: Secret) -> bool | None:
    text = value.reveal()
    if listed == text or listed_hash == _hash(text):
        return True
    # The reference doesn't say which hash it is, so a different one proves nothing.
    return False if isinstance(listed, str) and listed else None


def _hash(text: str) -> str:
    """The first half of SHA-256 in base64url, as in an example of Okta's reference."""
    half = hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


OKTA = Adapter(
    grants="the scope okta.apps.manage, and an admin role that may manage the application, to the"
    " management client",
    list=_list,
    parse_list=_parse_list,
    add=_add,
    parse_added=_parse_added,
    retire=_retire,
    restore=_restore,
    parse_switched=_parse_secret,
    delete=_delete,
)
