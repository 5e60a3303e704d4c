"""The parts of an adapter, which describes a provider's interface as data and functions."""

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
"""Characters that are not encoded, as an OData key predicate has them in a path segment; letters,
digits and `-._~` never are."""

OPAQUE_ID = r"[A-Za-z0-9_-]{1,128}"
"""The form of Adobe's ids (32 hexadecimal digits) and Okta's (20 letters and digits) on their
pages, which don't specify one."""


@dataclass(frozen=True, slots=True)
class Target:
    """The client whose secrets are managed, and the settings of the provider's interface.

    `client_secrets` are the stored ones, which no error may show.
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
    """One request to the provider's interface; `action` describes it in messages.

    The segments of `path` are percent-encoded and follow the base URL. `body` is sent as JSON.
    """

    action: str
    method: str
    path: tuple[str, ...]
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: str = ""

    def url(self, base: str) -> str:
        """The URL of the request; raises ValueError for a segment that would lead elsewhere."""
        if not {"", ".", ".."}.isdisjoint(self.path):  # RFC 3986 section 3.3: no names
            raise ValueError("has an empty path segment, or one of dots")
        path = "/".join(quote(segment, safe=SAFE) for segment in self.path)
        return f"{base}/{path}{'?' if self.query else ''}{self.query}"


@dataclass(frozen=True, slots=True)
class Adapter:
    """The requests and parsers of one provider; None for an operation that it doesn't have.

    `grants` are the permissions that the management credentials need, for the error of a refusal. A
    parser takes the JSON of a response and raises ValueError if it isn't the documented one, since
    a proxy's page must not pass for a success. A delete has no parser: its documented response is
    an empty 204. `secret_id` is a pattern for the ids of client secrets. `advise` says what to do
    about an error code, None for one that it doesn't know.
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
    advise: Callable[[Target, str], str | None] | None = None
