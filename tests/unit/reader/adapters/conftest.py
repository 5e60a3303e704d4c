"""What the tests of the adapters share."""

import os
from collections.abc import Callable, Iterator

import pytest

from rotator.reader import TokenReader
from tests.support.api_callers import (
    Api,
    AsyncHttpxCaller,
    Caller,
    HttpxCaller,
    RequestsCaller,
    TokenSource,
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


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


@pytest.fixture
def source() -> TokenSource:
    return TokenSource()


@pytest.fixture
def reader(source: TokenSource) -> TokenReader:
    return TokenReader("s", source=source)


@pytest.fixture(params=[RequestsCaller, HttpxCaller, AsyncHttpxCaller])
def make_caller(request: pytest.FixtureRequest) -> Callable[..., Caller]:
    make: Callable[..., Caller] = request.param
    return make


@pytest.fixture
def caller(make_caller: Callable[..., Caller], reader: TokenReader) -> Caller:
    return make_caller(reader)
