"""What the environment says about connections: proxies and CA bundle, and nothing else.

Imports requests when it is first asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Environment", "Route"]


class Route(NamedTuple):
    """How a server is reached: `proxies` by scheme, and the file or folder of `authorities`.

    None leaves the authorities to the default.
    """

    proxies: Mapping[str, str]
    authorities: str | None = None


class Environment:
    """Looks each server up once: that takes as long as all else that goes before a request.

    Keep one for as long as the environment stays the same, such as for a run.
    """

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}

    def route_to(self, url: str) -> Route:
        """How `url` is reached.

        Plain http, which is for this machine alone, never goes through a proxy: it would show the
        secret to it. `trust_env` of requests as a whole would let a `.netrc` entry replace the
        Authorization header.
        """
        parts = urlsplit(url)
        server = parts.scheme, parts.netloc
        if server not in self._routes:
            self._routes[server] = _look_up(url, is_plain=parts.scheme == "http")
        return self._routes[server]


def _look_up(url: str, *, is_plain: bool) -> Route:
    import requests

    found = requests.Session().merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003
    verify = found["verify"]
    return Route(
        proxies={} if is_plain else found["proxies"],
        authorities=verify if isinstance(verify, str) else None,
    )
