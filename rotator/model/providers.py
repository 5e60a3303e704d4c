"""The token endpoints of known providers, as plain data."""

from __future__ import annotations

import re
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import CredentialsError, name_hint
from rotator.model.key_limits import problem_with_key_size
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from rotator.model.client_credentials import ClientCredentials

__all__ = [
    "AUTH_METHODS",
    "CERTIFICATE_METHODS",
    "CLIENT_REFUSALS",
    "DEFAULT_PRESET",
    "PRESETS",
    "SECRET_METHODS",
    "Provider",
    "implied_provider",
    "refuses_client",
    "refuses_every_request",
    "resolve",
]

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
CERTIFICATE_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
AUTH_METHODS = (*SECRET_METHODS, "private_key_jwt", *CERTIFICATE_METHODS)
"""The methods of client authentication: RFC 6749 section 2.3.1, RFC 7523, RFC 8705; named as in the
registry of RFC 7591 section 2."""


class Provider(NamedTuple):
    """One token endpoint, and how it deviates from the standard.

    `token_url` is empty in a preset whose customers each have their own, of the form
    `token_url_pattern`. `scope_separator` separates scopes in requests; `basic_encoding` is `form`
    where Basic credentials are form-encoded, else `raw`. `assertion_audience` is the audience of a
    signed assertion: the `issuer`, if it is known, or the `token_url`; `rsa_algorithm` is the
    signature algorithm for RSA keys. `lifetime_s` is the documented lifetime of tokens (None if it
    varies), `needs` the fields that the endpoint requires, `documentation` the page with all this.
    `token_type_policy` is `assume_bearer` where the endpoint issues bearer tokens without naming
    the type. `single_active`: minting ends the previous token. `hands_out_cached_tokens`: minting
    returns the same token until shortly before its expiry.
    """

    name: str
    token_url: str = ""
    token_url_pattern: str = ""
    scope: str | None = None
    scope_separator: str = " "
    auth_method: str = "client_secret_basic"
    basic_encoding: str = "form"
    assertion_audience: str = "issuer"
    rsa_algorithm: str = "RS256"
    lifetime_s: int | None = None
    needs: tuple[str, ...] = ()
    token_type_policy: str | None = None
    single_active: bool = False
    hands_out_cached_tokens: bool = False
    documentation: str = ""

    def scope_parameter(self) -> str | None:
        """The form field `scope` in the provider's spelling, None if there is none to send."""
        scopes = re.split(r"[,\s]+", self.scope or "")
        return self.scope_separator.join(filter(None, scopes)) or None


CLIENT_REFUSALS = frozenset(
    {"access_denied", "invalid_client", "unauthorized", "unauthorized_client"}
)
"""Error codes for a wrong client secret: RFC 6749 section 5.2, Auth0 (`access_denied`), Keycloak
(`unauthorized_client`) and UAA (`unauthorized`)."""


def refuses_client(status: int | None, code: str | None) -> bool:
    """Whether a response refuses the client; some servers say so by the status 401 alone."""
    return status == HTTPStatus.UNAUTHORIZED or code in CLIENT_REFUSALS


def refuses_every_request(status: int | None, code: str | None) -> bool:
    """Whether a refusal may be that of the client, whatever it requests.

    The other codes of `CLIENT_REFUSALS` mean that with status 401 only: Auth0 says `access_denied`
    with 403 to a client without access to the API.
    """
    is_unauthorized = status == HTTPStatus.UNAUTHORIZED
    return code == "invalid_client" or (is_unauthorized and code in {None, *CLIENT_REFUSALS})


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
                name="apigee",
                token_url_pattern="https://{host}/{path}",  # noqa: S106
                token_type_policy="assume_bearer",  # noqa: S106 - a policy
                documentation="https://docs.cloud.google.com/apigee/docs/api-platform/reference/"
                "policies/oauthv2-policy",
            ),
            Provider(
                name="auth0",
                token_url_pattern="https://{domain}/oauth/token",  # noqa: S106
                auth_method="client_secret_post",
                needs=("audience",),
                documentation="https://auth0.com/docs/get-started/authentication-and-authorization"
                "-flow/client-credentials-flow/call-your-api-using-the-client-credentials-flow",
            ),
            Provider(
                name="cognito",
                token_url_pattern="https://{domain}.auth.{region}.amazoncognito.com/oauth2/token",  # noqa: S106
                documentation="https://docs.aws.amazon.com/cognito/latest/developerguide/"
                "token-endpoint.html",
            ),
            Provider(
                name="commercetools",
                token_url_pattern="https://auth.{region}.commercetools.com/oauth/token",  # noqa: S106
                documentation="https://docs.commercetools.com/api/authorization",
            ),
            Provider(
                name="entra-id",
                token_url_pattern="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106
                auth_method="client_secret_post",
                assertion_audience="token_url",
                rsa_algorithm="PS256",
                needs=("scope",),
                documentation="https://learn.microsoft.com/en-us/entra/identity-platform/"
                "v2-oauth2-client-creds-grant-flow",
            ),
            Provider(
                name="keycloak",
                token_url_pattern="https://{host}/realms/{realm}/protocol/openid-connect/token",  # noqa: S106
                documentation="https://www.keycloak.org/securing-apps/oidc-layers",
            ),
            Provider(
                name="marketo",
                token_url_pattern="https://{munchkin-id}.mktorest.com/identity/oauth/token",  # noqa: S106
                auth_method="client_secret_post",
                lifetime_s=3_600,
                hands_out_cached_tokens=True,
                documentation="https://experienceleague.adobe.com/en/docs/marketo-developer/marketo"
                "/rest/authentication",
            ),
            Provider(
                name="okta",
                token_url_pattern="https://{domain}/oauth2/{server}/v1/token",  # noqa: S106
                assertion_audience="token_url",
                needs=("scope",),
                documentation="https://developer.okta.com/docs/guides/implement-grant-type/"
                "clientcreds/main/",
            ),
            Provider(
                name="shopify",
                token_url_pattern="https://{shop}.myshopify.com/admin/oauth/access_token",  # noqa: S106
                auth_method="client_secret_post",
                lifetime_s=86_399,
                token_type_policy="assume_bearer",  # noqa: S106 - a policy
                documentation="https://shopify.dev/docs/apps/build/authentication-authorization/"
                "access-tokens/client-credentials-grant",
            ),
            # Up to version 74 it does not decode Basic credentials, so they go into the form.
            Provider(
                name="uaa",
                token_url_pattern="https://{host}/oauth/token",  # noqa: S106
                auth_method="client_secret_post",
                documentation="https://docs.cloudfoundry.org/api/uaa/",
            ),
            Provider(
                name="generic",
                documentation="https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
            ),
        )
    }
)
"""The providers that the field `provider` of a credentials secret can name."""

DEFAULT_PRESET = "adobe-ims"

_ADOBE = re.compile(r"https://[0-9a-z-]+\.adobelogin\.com(?::443)?(?:/|$)", re.IGNORECASE)
"""Hosts of Adobe IMS: production, its regions and its stages."""


def resolve(credentials: ClientCredentials) -> Provider:
    """The provider to use: a preset, overridden by the fields of the credentials.

    If they name none, `implied_provider` chooses it. `token_url` stays empty if it has to be looked
    up in the issuer's metadata. Raises CredentialsError for an unknown name, a missing field, or a
    URL that must not be used.
    """
    preset = _preset(credentials)
    method = credentials.auth_method or (
        # Without a client secret, the only method that needs nothing but a key.
        preset.auth_method if credentials.client_secrets else "private_key_jwt"
    )
    if method not in AUTH_METHODS:
        raise CredentialsError(f"auth_method: unknown; known are {', '.join(AUTH_METHODS)}")
    provider = preset._replace(
        token_url=credentials.token_url or preset.token_url,
        scope=credentials.scope or preset.scope,
        auth_method=method,
        basic_encoding=credentials.basic_encoding or preset.basic_encoding,
        lifetime_s=credentials.lifetime_s or preset.lifetime_s,
        single_active=credentials.single_active
        or (preset.single_active and credentials.single_active is None),
        token_type_policy=credentials.token_type_policy or preset.token_type_policy,
    )
    problem = _find_problem(credentials, provider) or _find_key_problem(credentials, provider)
    if problem is not None:
        raise CredentialsError(problem)
    return provider


def _preset(credentials: ClientCredentials) -> Provider:
    name = credentials.provider or implied_provider(credentials.token_url or credentials.issuer)
    preset = PRESETS.get(name)
    if preset is None:
        raise CredentialsError(f"provider: unknown; {name_hint(name, PRESETS)}")
    return preset


def implied_provider(address: str | None) -> str:
    """The preset for credentials that name none: `address` is their `token_url` or `issuer`.

    An address of Adobe IMS, or none at all, means Adobe IMS, any other a standard provider.
    """
    is_standard = address is not None and not _ADOBE.match(address)
    return "generic" if is_standard else DEFAULT_PRESET


def _find_key_problem(credentials: ClientCredentials, provider: Provider) -> str | None:
    if credentials.private_key is None or provider.auth_method in SECRET_METHODS:
        return None
    problem = problem_with_key_size(credentials.private_key.reveal())
    return problem and f"private_key: {problem}"


def _find_problem(credentials: ClientCredentials, provider: Provider) -> str | None:
    """Why these credentials cannot be used with this provider, None if they can."""
    method = provider.auth_method
    given = {
        "audience": credentials.audience,
        "scope": provider.scope,
        "client_secret": credentials.client_secrets,
        "private_key": credentials.private_key,
        "certificate": credentials.certificate,
    }
    needed: tuple[str, ...] = ("private_key",)
    if method in SECRET_METHODS:
        needed = ("client_secret",)
    elif method in CERTIFICATE_METHODS:
        needed = ("certificate", "private_key")
    for name in needed:
        if not given[name]:
            return f"{name}: missing; {method} needs it"
    for name in provider.needs:
        if not given[name]:
            return f"{name}: missing; {provider.name} needs it"
    if not provider.token_url and not credentials.issuer:
        pattern = provider.token_url_pattern
        hint = f"for {provider.name} it is {pattern}" if pattern else "or set issuer to look it up"
        return f"token_url: missing; {hint}"
    for name, url in (("token_url", provider.token_url), ("issuer", credentials.issuer)):
        problem = problem_with_url(url) if url else None
        if problem is not None:
            return f"{name}: {problem}"
    return None
