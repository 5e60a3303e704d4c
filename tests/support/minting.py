"""One mint by the product, at whatever answers to a URL."""

import pytest

from rotator.errors import MintError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.oauth.endpoint import TokenEndpoint
from tests.support.clock import ManualClock

CLIENT_SECRET = "p8e-canary-secret"


def mint(
    token_url: str | None, *, endpoint: TokenEndpoint | None = None, **fields: object
) -> Minted:
    """With the credentials of a client, as `fields` change them."""
    client = {"token_url": token_url, "client_id": "client", "client_secret": CLIENT_SECRET}
    asked = endpoint or TokenEndpoint(clock=ManualClock())
    return asked.mint(ClientCredentials.from_fields(client | fields))


def mint_error(
    token_url: str | None, *, endpoint: TokenEndpoint | None = None, **fields: object
) -> MintError:
    """The error of a mint that fails."""
    with pytest.raises(MintError) as caught:
        mint(token_url, endpoint=endpoint, **fields)
    return caught.value
