"""Which hosts may get the token, in which headers, and how long to pause before a retry."""

from __future__ import annotations

from rotator.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from typing import Any

    from rotator.clock import Clock
    from rotator.reader.snapshot import Snapshot

__all__ = ["AllowedHosts", "pause_s", "put_headers"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_DEFAULT_PAUSE_S, _MAX_PAUSE_S = 1.0, 5.0


class AllowedHosts:
    """The hosts that may get the token."""

    def __init__(self, hosts: Sequence[str]) -> None:
        """Raises ConfigError for an empty list, or an invalid host name."""
        if not hosts:
            raise ConfigError("auth: hosts are missing; pass those that the token is for")
        for host in hosts:
            name = host.removeprefix("*.")
            if host not in _LOOPBACK and (not name or not set("/:@* ").isdisjoint(name)):
                raise ConfigError("auth: pass host names without scheme, port or path")
        self._hosts = {host.lower() for host in hosts}

    def allows(self, scheme: str | None, host: str | None) -> bool:
        """Whether the token may be sent there; raises ConfigError if it would go unencrypted."""
        host = (host or "").strip("[]").lower()
        parents = host.split(".")
        above = {".".join(["*", *parents[start:]]) for start in range(1, len(parents))}
        if host not in self._hosts and self._hosts.isdisjoint(above):
            return False
        if scheme != "https" and host not in _LOOPBACK:
            raise ConfigError(f"request to {host}: is not https, and would expose the token")
        if scheme != "https" and _has_http_proxy(host):
            raise ConfigError(
                f"request to {host}: is not https, and would expose the token to the proxy that the"
                f" environment names; add {host} to NO_PROXY"
            )
        return True


def _has_http_proxy(host: str) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    return bool(proxies.get("http") or proxies.get("all")) and not proxy_bypass(host)


def put_headers(
    headers: MutableMapping[str, Any], snapshot: Snapshot, *, keeps_key: bool | None = None
) -> bool:
    """Set the token's headers, but keep an `x-api-key` that the caller has set.

    Returns whether the caller has set one; `keeps_key` says so for a request that has our headers
    already.
    """
    if keeps_key is None:
        keeps_key = "x-api-key" in headers  # both libraries' mappings ignore the case
    for name, text in snapshot.headers().items():
        if name != "x-api-key" or not keeps_key:
            headers[name] = text
    return keeps_key


def pause_s(retry_after: str | None, clock: Clock) -> float | None:
    """The pause before a retry; None if the server asks for more than five seconds.

    `retry_after` is the header (RFC 9110, 10.2.3). Without it the pause is about a second, with
    jitter.
    """
    stated = (retry_after or "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated) if float(stated) <= _MAX_PAUSE_S else None
    return None if stated else _DEFAULT_PAUSE_S * clock.uniform(0.5, 1.5)
