"""What the token requests of several bindings have in common, and which of them were refused."""

from __future__ import annotations

import threading
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

from rotator.model.providers import refuses_every_request, resolve

if TYPE_CHECKING:
    from collections.abc import Hashable

    from rotator.errors import MintError
    from rotator.model.client_credentials import ClientCredentials

__all__ = ["NOT_SENT", "Refusals", "TokenRequest"]

NOT_SENT = "; refused for another binding of this run, and not sent again"
"""The end of an error for a request that was not sent."""


class TokenRequest(NamedTuple):
    """The content of a token request, by which those of several bindings are compared.

    `client` is the token endpoint and the client id, `authentication` is all that authenticates the
    client, `requested` the kind of token.
    """

    client: tuple[str, str]
    authentication: tuple[Hashable, ...]
    requested: tuple[Hashable, ...]

    @classmethod
    def of(cls, credentials: ClientCredentials) -> TokenRequest:
        """The request for these credentials; raises ValueError if they name no usable provider."""
        provider = resolve(credentials)
        url = provider.token_url or credentials.issuer or ""
        return cls(
            (url, credentials.client_id),
            (
                credentials.secrets,
                credentials.key_id,
                credentials.certificate,
                credentials.issuer,
                provider.auth_method,
                provider.basic_encoding,
                provider.assertion_audience,
                provider.rsa_algorithm,
            ),
            (
                provider.scope_parameter(),
                credentials.audience,
                credentials.resources,
                tuple(sorted(credentials.parameters.items())),
            ),
        )


class Refusals:
    """The requests that token endpoints refused in this run, so that none is sent again.

    Sending a refused client secret again for each binding could make the provider throttle or lock
    the client, and others at the same host. A refusal of the client counts for all requests with
    the same authentication, any other one for equal requests.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: dict[Hashable, MintError] = {}

    def find(self, request: TokenRequest) -> MintError | None:
        """A copy of the error with which this request was refused before; None if it wasn't."""
        with self._lock:
            error = self._errors.get(request[:2]) or self._errors.get(request)
        if error is None:
            return None
        repeated = copy(error)
        repeated.details = {}
        repeated.args = (f"{error}{NOT_SENT}",)
        return repeated

    def note(self, request: TokenRequest, error: MintError) -> None:
        """Note a permanent error, if it is a refusal."""
        if error.retryable or error.status is None:
            return
        with self._lock:
            if refuses_every_request(error.status, error.oauth_error):
                self._errors[request[:2]] = error
            elif error.oauth_error is not None or 400 <= error.status < 500:  # noqa: PLR2004 - HTTP
                self._errors[request] = error

    def forget(self, request: TokenRequest) -> None:
        """Forget what was refused of this request, as it was granted."""
        with self._lock:
            self._errors.pop(request[:2], None)
            self._errors.pop(request, None)
