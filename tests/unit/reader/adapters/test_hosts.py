"""Whom the token is for."""

import httpx
import pytest
import requests

from rotator.errors import ConfigError
from rotator.reader.adapters import RequestsAuth
from rotator.reader.adapters_httpx import HttpxAuth
from tests.support.api_callers import Api, ApiRig


@pytest.mark.parametrize("hosts", [("localhost",), ("*.example.com", "api.example.com")])
def test_request_to_another_host_goes_out_as_it_is(rig: ApiRig, hosts: tuple[str, ...]) -> None:
    assert rig.make_caller(rig.reader, hosts).post(rig.api.url, b"body") == 401
    assert rig.api.seen == [("/", None, None, b"body")]
    assert rig.source.calls == 0


def test_redirect_from_another_host_brings_no_token_to_an_allowed_one(
    rig: ApiRig, elsewhere: Api
) -> None:
    elsewhere.location = rig.api.url
    assert rig.make_caller(rig.reader, ["127.0.0.1"]).post(f"{elsewhere.url}/moved") == 401
    assert elsewhere.tokens() == [None]
    assert rig.api.tokens() == [None]


def test_token_is_not_sent_in_clear_text(rig: ApiRig) -> None:
    with pytest.raises(ConfigError, match=r"api\.example\.com: is not https"):
        rig.make_caller(rig.reader, ["api.example.com"]).post("http://api.example.com/")
    assert rig.source.calls == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com@elsewhere.example/",
        "https://api.example.com.elsewhere.example/",
        "https://elsewhere.example/api.example.com",
        "https://elsewhere.example#@api.example.com/",
        "https://example.com/",
        "https://below.example.com/",
        "https://api.example.com./",
    ],
)
def test_url_that_only_looks_like_an_allowed_host_gets_no_token(
    requests_rig: ApiRig, url: str
) -> None:
    hosts = ["api.example.com", "*.api.example.com", "*.below.example.com"]
    prepared = requests.Request("GET", url, auth=RequestsAuth(requests_rig.reader, hosts)).prepare()
    assert "Authorization" not in prepared.headers
    request = httpx.Request("GET", url)
    next(HttpxAuth(requests_rig.reader, hosts).sync_auth_flow(request))
    assert "Authorization" not in request.headers
    assert requests_rig.source.calls == 0


@pytest.mark.parametrize(
    "url", ["https://api.example.com/v2", "https://API.Example.com:8443/", "https://a.b.below.com/"]
)
def test_allowed_host_gets_the_token(requests_rig: ApiRig, url: str) -> None:
    hosts = ["api.Example.com", "*.below.com"]
    prepared = requests.Request("GET", url, auth=RequestsAuth(requests_rig.reader, hosts)).prepare()
    assert prepared.headers["Authorization"] == "Bearer old"
    request = httpx.Request("GET", url)
    next(HttpxAuth(requests_rig.reader, hosts).sync_auth_flow(request))
    assert request.headers["Authorization"] == "Bearer old"


@pytest.mark.parametrize(
    "hosts", [[], ["https://api.example.com"], ["api.example.com:443"], ["*"], ["*."], ["a.*.com"]]
)
def test_hosts_that_are_none_are_refused(requests_rig: ApiRig, hosts: list[str]) -> None:
    with pytest.raises(ConfigError):
        requests_rig.reader.requests_auth(*hosts)
    with pytest.raises(ConfigError):
        requests_rig.reader.httpx_auth(*hosts)
