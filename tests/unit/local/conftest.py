"""A local token endpoint for each test, and a client of it."""

from collections.abc import Iterator

import pytest

from rotator.local.ims import LocalIms
from tests.support.ims_client import CANARY, CLIENT, NOW, ImsClient


@pytest.fixture
def ims() -> Iterator[LocalIms]:
    with LocalIms(now=lambda: NOW, clients={CLIENT: [CANARY]}) as running:
        yield running


@pytest.fixture
def client(ims: LocalIms) -> ImsClient:
    return ImsClient(ims.urls.base)
