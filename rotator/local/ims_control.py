"""The URLs of the local token endpoint, and a client to control it from another process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["CONTROL_PATH", "HELLO_PATH", "TOKEN_PATH", "ImsUrls", "RemoteIms"]

TOKEN_PATH = "/ims/token/v3"  # noqa: S105 - a path
HELLO_PATH = "/pie/psdService/hello"
CONTROL_PATH = "/_control"

CONTROL_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ImsUrls:
    """The URLs of a local token endpoint and of its API."""

    base: str

    @property
    def token(self) -> str:
        """The token endpoint."""
        return self.base + TOKEN_PATH

    @property
    def hello(self) -> str:
        """The API's greeting."""
        return self.base + HELLO_PATH

    @property
    def control(self) -> str:
        """Settings and counters."""
        return self.base + CONTROL_PATH

    def announcement(self) -> dict[str, str]:
        """All URLs by name, as the server prints them."""
        return {
            "base_url": self.base,
            "token_url": self.token,
            "hello_url": self.hello,
            "control_url": self.control,
        }


class RemoteIms:
    """A local token endpoint in another process, with the same methods as `LocalIms`."""

    def __init__(self, base_url: str) -> None:
        self.urls = ImsUrls(base_url)
        # No proxy of the environment, because this is loopback.
        self._opener = build_opener(ProxyHandler({}))

    def configure(self, **changes: Any) -> None:
        """Change settings (`ImsSettings`) from the next request on."""
        self._call("POST", self.urls.control, changes)

    def reset(self) -> None:
        """Restore the initial settings, and clear counters and requests."""
        self._call("DELETE", self.urls.control)

    def observed(self) -> dict[str, int]:
        """How many `tokens_minted`, `token_requests`, `api_calls` and `api_calls_ok` there were."""
        observed: dict[str, int] = self._call("GET", self.urls.control)["observed"]
        return observed

    def token_requests(self) -> list[dict[str, Any]]:
        """Every request to the token endpoint, as from `LocalIms.token_requests`."""
        requests: list[dict[str, Any]] = self._call("GET", f"{self.urls.control}/token-requests")
        return requests

    def _call(self, method: str, url: str, value: object = None) -> Any:  # noqa: ANN401 - JSON
        data = None if value is None else json.dumps(value).encode()
        request = Request(url, data=data, method=method)  # noqa: S310 - ours, on loopback
        with self._opener.open(request, timeout=CONTROL_TIMEOUT_S) as response:
            return json.load(response)
