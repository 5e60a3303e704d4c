"""How the local token endpoint behaves: lifetime, clients, scopes, outages."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rotator.local.ims_worlds import REFUSAL_RESPONSES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ImsSettings"]

BEHAVIOURS = ("ok", "outage", "closed", "throttled", "hang")
MAX_HANG_S = 60


@dataclass(frozen=True, slots=True)
class ImsSettings:
    """How the token endpoint behaves.

    `clients` maps a client id to its accepted client secrets. `behaviour` is `ok`, `outage` (503),
    `closed` (the connection, without a response), `throttled` (429 with `retry_after_s`) or `hang`
    (silent for `hang_s`, then closed); with `for_requests` it lasts for that many token requests,
    otherwise until changed. `token_lifetime_s` counts from the mint; the response says one second
    less, as IMS does. `clock_offset_s` moves the server's clock, so that tokens expire without
    waiting.

    For other providers (`rotator.local.ims_worlds`): `hands_out_cached_tokens` returns the client's
    last token until it expires, with its remaining life; `single_active` ends it at the next mint;
    `answer` replaces members of a success response, and removes those that are None;
    `success_status` is its status; `refuses_like` names the provider whose error refuses a client.
    """

    clients: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    scopes: frozenset[str] = frozenset(
        {
            *("openid", "AdobeID", "session", "additional_info", "read_organizations"),
            *("firefly_api", "ff_apis"),
        }
    )
    token_lifetime_s: int = 86_400
    behaviour: str = "ok"
    for_requests: int | None = None
    retry_after_s: int = 1
    hang_s: float = MAX_HANG_S  # longer than any client waits
    clock_offset_s: int = 0
    hands_out_cached_tokens: bool = False
    single_active: bool = False
    answer: Mapping[str, Any] = field(default_factory=dict)
    success_status: int = 200
    refuses_like: str = "adobe"

    def apply(self, changes: Mapping[str, Any]) -> ImsSettings:
        """These settings with some replaced, by Python values or values from JSON.

        A `behaviour` without `for_requests` lasts until changed. Raises ValueError for an unknown
        name or an invalid value.
        """
        unknown = sorted(changes.keys() - {setting.name for setting in fields(self)})
        if unknown:
            raise ValueError(f"{unknown[0]}: no such setting")
        values = dict(changes)
        if "behaviour" in values:
            values.setdefault("for_requests", None)
        if "clients" in values:
            values["clients"] = MappingProxyType(
                {client_id: tuple(accepted) for client_id, accepted in values["clients"].items()}
            )
        if "scopes" in values:
            values["scopes"] = frozenset(values["scopes"])
        settings = replace(self, **values)
        settings._check()  # noqa: SLF001 - our own
        return settings

    def _check(self) -> None:
        if self.behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour: must be one of {', '.join(BEHAVIOURS)}")
        if self.for_requests is not None and self.for_requests < 1:
            raise ValueError("for_requests: must be at least 1")
        if self.token_lifetime_s <= 1:
            raise ValueError("token_lifetime_s: must be more than 1")
        if self.refuses_like not in REFUSAL_RESPONSES:
            raise ValueError(f"refuses_like: must be one of {', '.join(REFUSAL_RESPONSES)}")
        if not 0 <= self.hang_s <= MAX_HANG_S:
            raise ValueError(f"hang_s: must be between 0 and {MAX_HANG_S}")

    def advance(self) -> ImsSettings:
        """The settings for the next token request."""
        if self.for_requests is None:
            return self
        if self.for_requests > 1:
            return replace(self, for_requests=self.for_requests - 1)
        return replace(self, for_requests=None, behaviour="ok")

    def to_fields(self) -> dict[str, Any]:
        """The settings as JSON values, without the client secrets."""
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        return values | {"clients": sorted(self.clients), "scopes": sorted(self.scopes)}
