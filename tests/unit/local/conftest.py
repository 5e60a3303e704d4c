"""A local token endpoint for each test, and a client of it."""

from collections.abc import Iterator

import pytest

from rotator.local.ims import LocalIms
from tests.support.ims_client import ImsClient

NOW = 1_700_000_000.25
CLIENT = "3f0ad53b1f2f4a0e9d1c3f2b5a697887"
CANARY = "p8e-canary"
ACCEPTED = {
    "grant_type": "client_credentials",
    "client_id": CLIENT,
    "client_secret": CANARY,
    "scope": "openid,AdobeID,read_organizations",
}


@pytest.fixture
def ims() -> Iterator[LocalIms]:
    with LocalIms(now=lambda: NOW, clients={CLIENT: [CANARY]}) as running:
        yield running


@pytest.fixture
def client(ims: LocalIms) -> ImsClient:
    return ImsClient(ims.urls.base)
