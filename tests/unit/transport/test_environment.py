"""What the environment says of each server, looked up once."""

import pytest

from rotator.transport.environment import Environment


def test_each_server_is_reached_as_the_environment_says_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example:8443")
    environment = Environment()

    def is_direct(url: str) -> bool:
        return "https" not in environment.route_to(url).proxies

    assert not is_direct("https://outside.example/token")
    assert is_direct("https://inside.example:8443/token")
    assert not is_direct("https://inside.example/token")
    assert not is_direct("https://outside.example/other")


def test_run_keeps_to_what_the_environment_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://first.example:3128")
    environment = Environment()
    found = environment.route_to("https://outside.example/token")
    monkeypatch.setenv("HTTPS_PROXY", "http://second.example:3128")

    assert environment.route_to("https://outside.example/other") is found
    assert Environment().route_to("https://outside.example/token") != found
