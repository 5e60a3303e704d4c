"""What is known about token endpoints, as plain data."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from rotator.errors import CredentialsError, did_you_mean

__all__ = ["AUTH_METHODS", "PRESETS", "Provider", "problem_with_url", "resolve"]

AUTH_METHODS = ("client_secret_post", "client_secret_basic")
"""How the client can prove itself (RFC 6749 section 2.3.1; names of RFC 7591 section 2)."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One token endpoint and its habits.

    `token_url` is empty in a preset whose customers have an address each.
    `scope_separator` is what the endpoint wants between scopes, `lifetime_s` how long its tokens
    are documented to live (None if it says nothing), `documentation` the page that says so.
    """

    name: str
    token_url: str = ""
    scope: str | None = None
    scope_separator: str = " "
    auth_method: str = "client_secret_basic"
    lifetime_s: int | None = None
    documentation: str = ""

    def scope_parameter(self) -> str | None:
        """The `scope` form value in the provider's own spelling, None if there is none to send."""
        scopes = re.split(r"[,\s]+", self.scope or "")
        return self.scope_separator.join(filter(None, scopes)) or None


PRESETS = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Provider(
                name="adobe-ims",
                token_url="https://ims-na1.adobelogin.com/ims/token/v3",  # noqa: S106 - an address
                scope="openid,AdobeID,read_organizations",
                scope_separator=",",
                auth_method="client_secret_post",
                lifetime_s=86_399,
                documentation="https://developer.adobe.com/developer-console/docs/guides/"
                "authentication/ServerToServerAuthentication/ims",
            ),
            Provider(
                name="generic",
                documentation="https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
            ),
        )
    }
)
"""The providers that the field `provider` of the credentials secret can name."""

DEFAULT_PRESET = "adobe-ims"


def resolve(
    name: str | None,
    *,
    token_url: str | None = None,
    scope: str | None = None,
    auth_method: str | None = None,
) -> Provider:
    """The provider to use: a preset with the credentials' own fields laid over it.

    Without a name, a `token_url` means any standard provider, and nothing at all means Adobe IMS.
    Raises CredentialsError for an unknown provider or method, or a URL that must not be used.
    """
    preset = PRESETS.get(name or ("generic" if token_url else DEFAULT_PRESET))
    if preset is None:
        meant = did_you_mean(name or "", PRESETS)
        hint = f"did you mean {meant}?" if meant else f"known are {', '.join(PRESETS)}"
        raise CredentialsError(f"provider: unknown; {hint}")
    if auth_method is not None and auth_method not in AUTH_METHODS:
        raise CredentialsError(f"auth_method: unknown; known are {', '.join(AUTH_METHODS)}")
    provider = replace(
        preset,
        token_url=token_url or preset.token_url,
        scope=scope or preset.scope,
        auth_method=auth_method or preset.auth_method,
    )
    if not provider.token_url:
        raise CredentialsError(f"token_url: missing; provider {preset.name} has no default")
    problem = problem_with_url(provider.token_url)
    if problem is not None:
        raise CredentialsError(f"token_url: {problem}")
    return provider


def problem_with_url(url: str) -> str | None:
    """Why a secret must not be sent to `url`, None if it may.

    `https` only; plain `http` to this machine alone. User info in a URL would end up in logs and
    in the token secret, and a fragment is never sent.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    # Parsers disagree about where a host with other characters ends, or decode it.
    plain = re.fullmatch(r"[0-9a-z._:-]+", host or "")
    if parts is None or not host or not plain or parts.scheme not in {"http", "https"}:
        return "is not an https URL"
    if parts.username is not None or parts.password is not None:
        return "holds user info; credentials belong in client_id and client_secret"
    if parts.fragment:
        return "holds a fragment"
    if parts.scheme == "http" and not _is_loopback(host):
        return "must use https (plain http is for this machine only)"
    if not (url.isascii() and url.isprintable()) or " " in url:
        return "holds white space, or characters other than printable ASCII"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
