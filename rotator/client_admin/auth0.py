"""Auth0: one client secret, which we choose.

https://auth0.com/docs/get-started/applications/rotate-client-secret: a new value may take 30
seconds to work everywhere, and should be stored in addition to the old one before it is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.client_admin.calls import Adapter, Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.client_admin.calls import Target
    from rotator.model.secret import Secret

__all__ = ["AUTH0"]


def _replace(target: Target, value: Secret) -> Call:
    path = ("api", "v2", "clients", target.client_id)
    return Call("set the client secret", "PATCH", path, {"client_secret": value.reveal()})


def _parse_replaced(target: Target, fields: Mapping[str, Any]) -> None:
    if fields["client_id"] != target.client_id:
        raise ValueError


AUTH0 = Adapter(
    grants="the scopes update:clients and update:client_keys of the Management API to the"
    " management credentials",
    replace=_replace,
    parse_replaced=_parse_replaced,
)
