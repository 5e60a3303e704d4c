"""Observes how the token endpoint treats one binding's requests."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from rotator.errors import MintError
from rotator.fleet.breaker import Failure
from rotator.fleet.token_requests import TokenRequest
from rotator.rotation.mint import redact_error

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.fleet.token_requests import Refusals
    from rotator.fleet.work import Observation
    from rotator.model.access_token import Minted
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import Secret
    from rotator.rotation.ports import Endpoint

__all__ = ["ObservedEndpoint"]


class ObservedEndpoint:
    """The endpoint of one binding; `observation` is what its last request has shown.

    It is not the outcome of the run: a run can fail temporarily after the endpoint responded, for
    instance because the provider returned the stored token again. A request that is among the
    `refusals` of the run is not sent; `stored` is the binding's token, which is kept out of those.
    """

    def __init__(self, endpoint: Endpoint, refusals: Refusals, stored: Secret | None) -> None:
        self._endpoint = endpoint
        self._stored = stored
        self._refusals = refusals
        self.observation: Observation = "unknown"

    def mint(self, credentials: ClientCredentials) -> Minted:
        """As in `Endpoint`."""
        request = TokenRequest.of(credentials)
        refusal = self._refusals.find(request)
        if refusal is not None:
            raise refusal
        try:
            minted = self._endpoint.mint(credentials)
        except MintError as error:
            self.observation = _failure(error) if error.retryable else "responded"
            noted = copy(error)  # the run adds details of this binding to its own
            if self._stored is not None:
                redact_error(noted, self._stored)
            self._refusals.note(request, noted)
            raise
        self._refusals.note_grant(request)
        self.observation = "responded"
        return minted

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """As in `Endpoint`."""
        return self._endpoint.expected_lifetime(credentials)


def _failure(error: MintError) -> Failure:
    cause = "no valid response" if error.status is None else f"HTTP {error.status}"
    return Failure(cause, error.retry_after_s or 0.0)
