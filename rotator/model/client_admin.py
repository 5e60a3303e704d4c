"""Providers with an interface for managing client secrets, and the settings of that interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rotator.errors import name_hint, replace_error
from rotator.model.fields import optional_text_field, text_field
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ADMIN_KINDS", "AdminKind", "AdminSettings", "parse_admin_settings"]

DEFAULT_LIFETIME_DAYS = 180
MAX_LIFETIME_DAYS = 730


@dataclass(frozen=True, slots=True)
class AdminKind:
    """One provider's interface for managing client secrets.

    `url` is its base URL, empty where each customer has another. `ids` are fields that identify the
    client there in addition to the client id. `scope` is the scope of the management token,
    `audience_path` what follows the base URL in its audience. `capacity` is how many client secrets
    a client may have, None for many; with `chooses_value` there is one, whose value rotator
    chooses. `sets_expiry`: the request says when a new one expires. `needs_credentials_secret`: the
    client itself cannot get this scope. `keeps_labels`: client secrets have a name.
    `wrong_secret_codes` are the OAuth error codes that mean a wrong client secret and nothing else.
    `console` is where people see and delete client secrets, `before_delete` what they do first
    there, `how_to_tell` how they find out which one is stored, and `documentation` the provider's
    page.
    """

    name: str
    url: str = ""
    ids: tuple[str, ...] = ()
    scope: str | None = None
    audience_path: str | None = None
    capacity: int | None = None
    chooses_value: bool = False
    needs_credentials_secret: bool = False
    keeps_labels: bool = False
    sets_expiry: bool = False
    wrong_secret_codes: frozenset[str] = frozenset({"invalid_client"})
    console: str = ""
    before_delete: str = ""
    how_to_tell: str = ""
    documentation: str = ""

    @property
    def where_to_delete(self) -> str:
        """Where people delete a client secret, and what they do first."""
        return f"{self.console}; {self.before_delete}" if self.before_delete else self.console


ADMIN_KINDS: Mapping[str, AdminKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            AdminKind(
                name="adobe",
                url="https://api.adobe.io",
                ids=("organization_id", "credential_id"),
                scope="AdobeID,openid,read_organizations,additional_info.projectedProductContext,"
                "additional_info.roles,adobeio_api,read_client_secret,manage_client_secrets",
                capacity=2,
                console="Developer Console: the project's OAuth Server-to-Server credential",
                documentation="https://developer.adobe.com/developer-console/docs/guides/"
                "authentication/ServerToServerAuthentication/ims",
            ),
            AdminKind(
                name="entra-id",
                url="https://graph.microsoft.com",
                scope="https://graph.microsoft.com/.default",
                keeps_labels=True,
                sets_expiry=True,
                console="Entra admin center: App registrations, Certificates & secrets",
                documentation="https://learn.microsoft.com/en-us/graph/api/application-addpassword",
            ),
            AdminKind(
                name="okta",
                ids=("app_id",),
                scope="okta.apps.manage",
                capacity=2,
                needs_credentials_secret=True,
                console="Admin Console: the application's tab General",
                before_delete="set it to Inactive first",
                how_to_tell="set one of them to Inactive, and run the job with --force: if that"
                " fails, it is the one, and has to be Active again",
                documentation="https://developer.okta.com/docs/guides/client-secret-rotation-key/"
                "main/",
            ),
            AdminKind(
                name="auth0",
                scope="update:client_keys",
                audience_path="/api/v2/",
                capacity=1,
                chooses_value=True,
                wrong_secret_codes=frozenset({"access_denied", "invalid_client"}),
                console="Dashboard: the application's tab Credentials",
                documentation="https://auth0.com/docs/get-started/applications/"
                "rotate-client-secret",
            ),
        )
    }
)
"""The values of the field `kind` of `client_admin`."""


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """The field `client_admin`: the provider, its base URL without a trailing slash, and ids.

    `credentials_secret` names other client credentials for the management calls; `lifetime_days` is
    how long a new client secret lives, where the request sets its expiry.
    """

    kind: AdminKind
    url: str
    ids: Mapping[str, str] = field(default_factory=dict)
    credentials_secret: str | None = None
    lifetime_days: int = DEFAULT_LIFETIME_DAYS


def parse_admin_settings(fields: Mapping[str, Any]) -> AdminSettings | None:
    """The settings in a credentials secret's fields; raises ValueError that names the wrong one."""
    value = fields.get("client_admin")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("client_admin must be an object")  # noqa: TRY004 - of a JSON object
    return replace_error(
        lambda: _parse(value), ValueError, lambda error: ValueError(f"client_admin: {error}")
    )


def _parse(value: dict[str, Any]) -> AdminSettings:
    name = text_field(value, "kind")
    kind = ADMIN_KINDS.get(name)
    if kind is None:
        raise ValueError(f"kind is unknown; {name_hint(name, ADMIN_KINDS)}")
    known = {"kind", "url", "credentials_secret", "lifetime_days", *kind.ids}
    for key in sorted(value.keys() - known):
        raise ValueError(f"has an unknown key; {name_hint(key, sorted(known))}")
    url = optional_text_field(value, "url") or kind.url
    if not url:
        raise ValueError(f"url is missing; for {name} it is https:// and your tenant's domain")
    problem = problem_with_url(url)
    if problem is not None:
        raise ValueError(f"url {problem}")
    credentials_secret = optional_text_field(value, "credentials_secret")
    if kind.needs_credentials_secret and credentials_secret is None:
        raise ValueError(
            f"credentials_secret is missing; {name} gives {kind.scope} only to clients that use"
            " private_key_jwt"
        )
    return AdminSettings(
        kind=kind,
        url=url.rstrip("/"),
        ids={id_: text_field(value, id_) for id_ in kind.ids},
        credentials_secret=credentials_secret,
        lifetime_days=_lifetime_days(value),
    )


def _lifetime_days(value: Mapping[str, Any]) -> int:
    days = value.get("lifetime_days", DEFAULT_LIFETIME_DAYS)
    if type(days) is not int or not 0 < days <= MAX_LIFETIME_DAYS:
        raise ValueError(f"lifetime_days must be a whole number from 1 to {MAX_LIFETIME_DAYS}")
    return days
