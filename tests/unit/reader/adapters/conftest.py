"""What the tests of the adapters share."""

from collections.abc import Iterator

import pytest

from tests.support.api_callers import Api, ApiRig, AsyncHttpxCaller, HttpxCaller, RequestsCaller
from tests.support.environment import clear_environment


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture
def elsewhere() -> Iterator[Api]:
    """Another host, as far as HTTP is concerned."""
    with Api() as api:
        api.url = api.url.replace("127.0.0.1", "localhost")
        yield api


@pytest.fixture(params=[RequestsCaller, HttpxCaller, AsyncHttpxCaller])
def rig(request: pytest.FixtureRequest, api: Api) -> ApiRig:
    """By each of the libraries."""
    return ApiRig(api, request.param)


@pytest.fixture
def requests_rig(api: Api) -> ApiRig:
    """By one of them, for tests to which the library makes no difference."""
    return ApiRig(api, RequestsCaller)
