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

MAX_REFUSED = 3
"""After this many different requests of a client were refused, and none granted, none is sent."""


class TokenRequest(NamedTuple):
    """The content of a token request, by which those of several bindings are compared.

    `client` is the token endpoint and the client id, `authentication` is all that authenticates the
    client, `requested` the kind of token.
    """

    client: tuple[str, str]
    authentication: tuple[Hashable, ...]
    requested: tuple[Hashable, ...]

    @property
    def identity(self) -> Hashable:
        """The client as it authenticates."""
        return self[:2]

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
    the client, and others at the same host. But a provider may refuse one account or audience in
    the words for a wrong client secret. So a refusal counts for equal requests; for all with the
    same authentication it counts once several different ones were refused so, and none was granted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: dict[TokenRequest, MintError] = {}
        self._of_client: dict[Hashable, dict[TokenRequest, MintError]] = {}
        self._granted: set[Hashable] = set()

    def find(self, request: TokenRequest) -> MintError | None:
        """A copy of the error with which this request was refused before; None if it wasn't."""
        with self._lock:
            error = self._find(request)
        if error is None:
            return None
        repeated = copy(error)
        repeated.details = {}
        repeated.args = (f"{error}{NOT_SENT}",)
        return repeated

    def is_undecided(self, request: TokenRequest) -> bool:
        """Whether it may be sent, and nothing is known of its authentication but refusals."""
        with self._lock:
            return request.identity not in self._granted and self._find(request) is None

    def note(self, request: TokenRequest, error: MintError) -> None:
        """Note a permanent error, if it is a refusal."""
        if error.retryable or error.status is None:
            return
        with self._lock:
            if refuses_every_request(error.status, error.oauth_error):
                self._of_client.setdefault(request.identity, {})[request] = error
            elif error.oauth_error is None and not 400 <= error.status < 500:  # noqa: PLR2004 - HTTP
                return
            self._errors[request] = error

    def note_grant(self, request: TokenRequest) -> None:
        """Note that it was granted: so its client is not refused, whatever was before."""
        with self._lock:
            self._errors.pop(request, None)
            self._granted.add(request.identity)

    def _find(self, request: TokenRequest) -> MintError | None:
        of_client = self._of_client.get(request.identity, {})
        if len(of_client) >= MAX_REFUSED and request.identity not in self._granted:
            return next(iter(of_client.values()))
        return self._errors.get(request)
