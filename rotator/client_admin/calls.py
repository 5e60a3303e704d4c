"""One provider's calls as data and small functions: what an adapter is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.model.client_admin import AdminSettings
    from rotator.model.secret import Secret
    from rotator.model.secret_rotation import NewSecret, ProviderSecret

__all__ = ["Adapter", "Call", "Target"]

SAFE = "()='"
"""Beside letters, digits and `-._~`: what a key predicate of OData has in a segment."""

OPAQUE_ID = r"[A-Za-z0-9_-]{1,128}"
"""What Adobe's (32 hexadecimal digits) and Okta's (20 letters and digits) look like on their pages,
which promise no form."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose client secrets: the client, and the settings that say where.

    `client_secrets` are the stored ones, which no error may show: the provider knows them.
    """

    client_id: str
    settings: AdminSettings
    client_secrets: tuple[Secret, ...] = ()

    @property
    def ids(self) -> Mapping[str, str]:
        """The ids that the provider needs in addition to the client's."""
        return self.settings.ids


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the provider's interface.

    The segments of `path` follow the base URL, each of them encoded. `body` becomes JSON.
    """

    does: str
    method: str
    path: tuple[str, ...]
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: str = ""

    def url(self, base: str) -> str:
        """Where it goes; raises ValueError for a segment that would lead elsewhere."""
        if not {"", ".", ".."}.isdisjoint(self.path):  # RFC 3986 section 3.3: no names
            raise ValueError("has an empty path segment, or one of dots")
        path = "/".join(quote(segment, safe=SAFE) for segment in self.path)
        return f"{base}/{path}{'?' if self.query else ''}{self.query}"


@dataclass(frozen=True, slots=True)
class Adapter:
    """One provider. What it doesn't have is None.

    `grants` says which right the management credentials need, for a refusal. A parser takes
    the JSON of a response and raises ValueError for what isn't documented, since a page of a proxy
    is no success; a delete has none, and is documented to be answered by 204. `secret_id` is a
    pattern for the ids of client secrets.
    """

    grants: str
    secret_id: str = OPAQUE_ID
    list: Callable[[Target], Call] | None = None
    parse_list: Callable[[Target, Mapping[str, Any]], tuple[ProviderSecret, ...]] | None = None
    add: Callable[[Target, str, datetime], Call] | None = None
    parse_added: Callable[[Mapping[str, Any]], NewSecret] | None = None
    retire: Callable[[Target, str], Call] | None = None
    restore: Callable[[Target, str], Call] | None = None
    parse_switched: Callable[[Mapping[str, Any]], ProviderSecret] | None = None
    delete: Callable[[Target, str], Call] | None = None
    replace: Callable[[Target, Secret], Call] | None = None
    parse_replaced: Callable[[Target, Mapping[str, Any]], None] | None = None
    sends_client_id_as: str | None = None
