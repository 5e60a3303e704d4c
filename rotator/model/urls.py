"""Decides which URLs a secret may be sent to, and how a URL is shown."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import urlparse, urlsplit

__all__ = ["endpoint_host", "hide_query", "problem_with_url", "reaches_this_host", "strip_query"]

_DEFAULT_PORTS = {"https": 443, "http": 80}

MAX_LABEL_CHARS = 63
MAX_NAME_CHARS = 253
"""RFC 1035 allows 255 octets, of which the first label's length and the root take two."""


@lru_cache(maxsize=256)  # a mint asks several times, and a fleet for the same few
def problem_with_url(url: str) -> str | None:
    """Why a secret must not be sent to `url`, None if it may.

    Only `https` is allowed, and plain `http` to this machine. User info in a URL would end up in
    logs and in the token secret, and a fragment is never sent.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    # Parsers disagree about where a host with other characters ends, and some decode it.
    plain = re.fullmatch(r"[0-9a-z._:-]+", host or "")
    if parts is None or not host or not plain or parts.scheme not in {"http", "https"}:
        return "is not an https URL; write it as https://HOST/PATH"
    if parts.port == 0:
        return "has port 0, where no server listens; name the server's, or leave it out"
    if parts.username is not None or parts.password is not None:
        return "holds user info; credentials belong in client_id and client_secret"
    if parts.fragment:
        return "holds a fragment; leave out # and what follows"
    if parts.scheme == "http" and not _is_loopback(host):
        return "must use https (plain http is for this machine only)"
    if not (url.isascii() and url.isprintable()) or " " in url:
        return "holds white space, or characters other than printable ASCII; take them out"
    if not _fits_dns(host):
        return "contains an invalid host name; look for a typing error"
    return None


def endpoint_host(url: str) -> str:
    """The host of a URL, with its port unless that is the scheme's default.

    Two ports of one host are two endpoints (RFC 6454 section 4), which fail independently.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}:
        return host
    return f"[{host}]:{parts.port}" if ":" in host else f"{host}:{parts.port}"


def strip_query(url: str) -> str:
    """The URL without its query and parameters, which may hold a key."""
    return urlparse(url)._replace(params="", query="", fragment="").geturl()


def hide_query(url: str) -> str:
    """The URL with `?***` in place of its query and parameters."""
    bare = strip_query(url)
    return url if bare == url else f"{bare}?***"


def _fits_dns(host: str) -> bool:
    """Whether `host` is an address, or a name that DNS can hold.

    The limits are those of RFC 1035 section 2.3.4. No label begins or ends with a hyphen, and a
    name that ends in a number would be an address (RFC 1123 section 2.1).
    """
    try:
        return ipaddress.ip_address(host) is not None
    except ValueError:
        labels = host.removesuffix(".").split(".")
    if ":" in host or re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        return False
    return len(".".join(labels)) <= MAX_NAME_CHARS and all(
        0 < len(label) <= MAX_LABEL_CHARS and label.strip("-") == label for label in labels
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reaches_this_host(url: str) -> bool:
    """Whether `url` leads back to this machine, in any spelling of its address.

    This includes more than `problem_with_url` allows for plain http: `0.0.0.0` and `127.1` also
    lead to loopback.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1, 0x7f000001
        except (OSError, ValueError):
            return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
