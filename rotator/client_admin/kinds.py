"""The adapter of each kind that `client_admin` can name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rotator.client_admin.adobe import ADOBE
from rotator.client_admin.auth0 import AUTH0
from rotator.client_admin.entra_id import ENTRA_ID
from rotator.client_admin.okta import OKTA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.client_admin.calls import Adapter

__all__ = ["ADAPTERS"]

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {"adobe": ADOBE, "auth0": AUTH0, "entra-id": ENTRA_ID, "okta": OKTA}
)
