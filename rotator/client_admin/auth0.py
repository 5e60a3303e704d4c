"""Auth0: one client secret, which we choose.

https://auth0.com/docs/get-started/applications/rotate-client-secret: it may take 30 seconds until a
new value works everywhere, and it should be stored beside the old one before it is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from rotator.client_admin.adapter import Adapter, Call

if TYPE_CHECKING:
    from rotator.client_admin.adapter import Target
    from rotator.model.secret import Secret

__all__ = ["AUTH0"]


def _replace(target: Target, value: Secret) -> Call:
    path = f"/api/v2/clients/{quote(target.client_id, safe='')}"
    return Call("set the client secret", "PATCH", path, {"client_secret": value.reveal()})


AUTH0 = Adapter(
    grants="the scopes update:clients and update:client_keys of the Management API to the"
    " management credentials",
    replace=_replace,
)
