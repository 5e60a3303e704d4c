"""What the host of a token endpoint made of one binding's last request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import MintError
from rotator.fleet.breaker import Failure

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.fleet.work import Ended
    from rotator.model.access_token import Minted
    from rotator.model.client_credentials import ClientCredentials
    from rotator.rotation.ports import Endpoint

__all__ = ["ObservedEndpoint"]


class ObservedEndpoint:
    """The endpoint of one binding; `ended` is what the last request says of it.

    A run can fail temporarily after its host has answered as it should, for instance because the
    stored token was handed out again. That says nothing against the host.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.ended: Ended = "unknown"

    def mint(self, credentials: ClientCredentials) -> Minted:
        """As in `Endpoint`."""
        try:
            minted = self._endpoint.mint(credentials)
        except MintError as error:
            self.ended = _failure(error) if error.retryable else "answered"
            raise
        self.ended = "answered"
        return minted

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """As in `Endpoint`."""
        return self._endpoint.expected_lifetime(credentials)


def _failure(error: MintError) -> Failure:
    cause = "no valid response" if error.status is None else f"HTTP {error.status}"
    return Failure(cause, error.retry_after_s or 0.0)
