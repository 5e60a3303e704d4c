"""Proxies and CA bundle from the environment, and nothing else.

Imports requests at the first lookup only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Environment", "Route"]


class Route(NamedTuple):
    """How a server is reached: `proxies` by scheme, and the CA file or folder `authorities`.

    `authorities` None stands for the default bundle.
    """

    proxies: Mapping[str, str]
    authorities: str | None = None


class Environment:
    """Caches the route to each server: a lookup takes as long as everything else before a request.

    Use one as long as the environment stays the same, such as for a run.
    """

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}

    def route_to(self, url: str) -> Route:
        """How `url` is reached.

        Plain http, which is allowed to this machine only, never goes through a proxy, which would
        see the secret. This replaces `trust_env` of requests, with which a `.netrc` entry would
        replace the Authorization header.
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
