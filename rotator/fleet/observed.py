"""What the host of a token endpoint made of one binding's last request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import MintError

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.model.access_token import Minted
    from rotator.model.client_credentials import ClientCredentials
    from rotator.rotation.ports import Endpoint

__all__ = ["ObservedEndpoint"]


class ObservedEndpoint:
    """The endpoint of one binding; `failure` is that of the last request, None if it answered.

    A run can fail temporarily after its host has answered as it should, for instance because the
    stored token was handed out again. That says nothing against the host.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.failure: MintError | None = None

    def mint(self, credentials: ClientCredentials) -> Minted:
        """As in `Endpoint`."""
        self.failure = None
        try:
            return self._endpoint.mint(credentials)
        except MintError as error:
            self.failure = error
            raise

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """As in `Endpoint`."""
        return self._endpoint.expected_lifetime(credentials)
