"""The expectations of a token request, against which its response is validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.model.secret import Secret
    from rotator.transport.request import HttpRequest

__all__ = ["Expectation"]


class Expectation(NamedTuple):
    """The request, and what its response is validated against.

    `asked_at` (aware UTC) is before the request was sent. `lifetime_s` is the documented lifetime
    of tokens, `is_lifetime_assumed` whether it applies to a response without `expires_in`. `scope`
    is the requested one, None for the client's default. No error may show `secrets` or other
    confidential parts of `request`, and no token may contain one of `secrets`. `hint` ends the
    error for a refused client; if the client `signs` an assertion, which is valid for a minute, a
    hint about this host's clock does.
    """

    client_id: str
    token_url: str
    asked_at: datetime
    secrets: tuple[Secret, ...]
    request: HttpRequest | None = None
    scope: str | None = None
    lifetime_s: int | None = None
    is_lifetime_assumed: bool = False
    is_scope_binding: bool = False
    is_bearer_assumed: bool = False
    hint: str = ""
    signs: bool = False

    @classmethod
    def of(
        cls,
        credentials: ClientCredentials,
        provider: Provider,
        request: HttpRequest,
        *,
        asked_at: datetime,
    ) -> Self:
        """The expectations of these credentials of the response to this request."""
        return cls(
            client_id=credentials.client_id,
            token_url=request.url,
            asked_at=asked_at,
            secrets=credentials.secrets,
            request=request,
            scope=provider.scope_parameter(),
            lifetime_s=provider.lifetime_s,
            is_lifetime_assumed=credentials.lifetime_s is not None,
            is_scope_binding=credentials.scope_policy == "refuse",
            is_bearer_assumed=provider.token_type_policy == "assume_bearer",  # noqa: S105 - a policy
            hint=_basic_hint(credentials, provider),
            signs=provider.auth_method == "private_key_jwt",
        )


def _basic_hint(credentials: ClientCredentials, provider: Provider) -> str:
    """A hint for Basic credentials that differ when they are form-encoded; else empty."""
    if provider.auth_method != "client_secret_basic":
        return ""
    parts = [credentials.client_id, *(secret.reveal() for secret in credentials.client_secrets)]
    if all(quote_plus(part, errors="replace") == part for part in parts):
        return ""
    other = "raw" if provider.basic_encoding == "form" else "form"
    means = "does not decode" if other == "raw" else "decodes"
    return (
        f"; client_id or client_secret holds reserved characters: if the server {means} Basic"
        f" credentials, set basic_encoding to {other}"
    )
