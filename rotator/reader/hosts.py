"""Which hosts may see the token, and when an API that refuses is asked once more."""

from __future__ import annotations

from rotator.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AllowedHosts", "pause_s"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_USUAL_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 5.0


class AllowedHosts:
    """The hosts that a token is for, as the caller named them."""

    def __init__(self, hosts: Sequence[str]) -> None:
        """Raises ConfigError if there is none, or one that is no host's name."""
        if not hosts:
            raise ConfigError("auth: name the hosts that the token is for")
        for host in hosts:
            name = host.removeprefix("*.")
            if host not in _LOOPBACK and (not name or not set("/:@* ").isdisjoint(name)):
                raise ConfigError("auth: a host is a name alone, without scheme, port or path")
        self._hosts = {host.lower() for host in hosts}

    def hold(self, scheme: str | None, host: str | None) -> bool:
        """Whether the token may go there; raises ConfigError if it may, but would go in clear."""
        host = (host or "").strip("[]").lower()
        parents = host.split(".")
        above = {".".join(["*", *parents[start:]]) for start in range(1, len(parents))}
        if host not in self._hosts and self._hosts.isdisjoint(above):
            return False
        if scheme != "https" and host not in _LOOPBACK:
            raise ConfigError(f"request to {host}: is not https, and would show the token")
        return True


def pause_s(retry_after: str | None, share: float) -> float | None:
    """How long to wait before asking again; None if the server wants it longer than is bearable.

    `retry_after` is its header (RFC 9110, 10.2.3), `share` (0 to 1) spreads those who ask.
    """
    stated = (retry_after or "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated) if float(stated) <= _LONGEST_PAUSE_S else None
    return None if stated else _USUAL_PAUSE_S * (0.5 + share)
