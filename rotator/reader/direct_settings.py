"""Settings for calling Secrets Manager without the AWS SDK, if the environment allows it."""

from __future__ import annotations

import os

from rotator.reader.secrets_manager import arn_region
from rotator.reader.sigv4 import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["FOR_THE_SDK", "SWITCHES", "Settings", "read_settings"]

# The domain by the start of a region's name (AWS's partitions.json). The other partitions are
# isolated, or have their own certificate authorities.
_DOMAINS = {
    **dict.fromkeys(("us", "us-gov", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"), "com"),
    "cn": "com.cn",
}

# Variables that only the SDK supports; an empty one counts as unset.
FOR_THE_SDK = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy"),
)
SWITCHES = (
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
_FILES = (
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
_HOST_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-._"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Settings:
    """Endpoint, region and credentials of a call."""

    __slots__ = ("ca_bundle", "credentials", "host", "is_tls", "path", "port", "region")

    def __init__(
        self,
        host: str,
        *,
        region: str,
        credentials: Credentials,
        ca_bundle: str | None = None,
        is_tls: bool = True,
        port: int | None = None,
        path: str = "/",
    ) -> None:
        self.host = host
        self.is_tls = is_tls
        self.port = port or self._usual_port()
        self.path = path
        self.region = region
        self.credentials = credentials
        self.ca_bundle = ca_bundle

    def _usual_port(self) -> int:
        return 443 if self.is_tls else 80

    def host_header(self) -> str:
        """The host as HTTP names it: without a default port, IPv6 in brackets (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == self._usual_port() else f"{host}:{self.port}"


def read_settings(secret_id: str, region: str | None) -> Settings | str:
    """The settings in the environment, or the reason why the SDK is needed."""
    environ = os.environ
    obstacle = next(_obstacles(environ), None)
    if obstacle is not None:
        return obstacle
    region = region or arn_region(secret_id)
    region = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        return "AWS_REGION is not set"
    endpoint = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL")
    place = _split_url(endpoint) if endpoint else {"host": _public_host(region)}
    if place is None:
        return "AWS_ENDPOINT_URL is neither https nor on loopback, or has more than a path"
    if place["host"] is None:
        return "AWS_REGION names a region of a partition that only the AWS SDK knows"
    bundle = environ.get("AWS_CA_BUNDLE") or None
    if bundle is not None and os.path.isdir(bundle):  # noqa: PTH112 - pathlib is slow to import
        return "AWS_CA_BUNDLE is a folder"
    # botocore's order: the older name first.
    token = environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN") or ""
    credentials = Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], token)
    return Settings(**place, region=region, credentials=credentials, ca_bundle=bundle)


def _obstacles(environ: Mapping[str, str]) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if not environ.get(name):
            yield f"{name} is not set"
    for name in FOR_THE_SDK:
        if environ.get(name):
            yield f"{name} is set"
    for name in SWITCHES:
        if environ.get(name, "").lower() not in {"", "false"}:
            yield f"{name} is set"
    for name, usual in _FILES:
        path = os.path.expanduser(environ.get(name) or usual)  # noqa: PTH111 - as above
        if path != os.devnull and os.path.exists(path):  # noqa: PTH110 - as above
            yield f"there is an AWS configuration, {path}"


def _public_host(region: str) -> str | None:
    partition = "us-gov" if region.startswith("us-gov-") else region.partition("-")[0]
    place, _, number = region.removeprefix(f"{partition}-").rpartition("-")
    is_region = region.isascii() and place.isalnum() and number.isdigit()
    if partition not in _DOMAINS or not is_region:
        return None
    return f"secretsmanager.{region}.amazonaws.{_DOMAINS[partition]}"


def _split_url(url: str) -> dict[str, Any] | None:
    """The arguments for `Settings` from a URL; None unless it is simple.

    A simple URL has a scheme, a host, and optionally a port and a path (RFC 3986 section 3). Split
    by hand, because importing `urllib.parse` would take a twentieth of a first read.
    """
    scheme, _, rest = url.lower().partition("://")
    authority, _, _ = rest.partition("/")
    path = url[len(f"{scheme}://{authority}") :]
    is_ipv6 = authority.startswith("[")
    host, end, port = authority.removeprefix("[").partition("]" if is_ipv6 else ":")
    if is_ipv6:
        is_host = end == "]" and _has_only(host, "0123456789abcdef:.")
    else:
        is_host, port = _has_only(host, _HOST_CHARACTERS), end + port
    is_port = port[:1] in {"", ":"} and (port in {"", ":"} or _is_port(port[1:]))
    is_path = path.isascii() and path.isprintable() and {*"?# "}.isdisjoint(path)
    is_verified = scheme == "https" or (scheme == "http" and host in _LOOPBACK)
    if not (is_host and is_port and is_path and is_verified):
        return None
    number = int(port[1:]) if port[1:] else None
    return {"host": host, "is_tls": scheme == "https", "port": number, "path": path or "/"}


def _has_only(text: str, characters: str) -> bool:
    return bool(text) and all(character in characters for character in text)


def _is_port(text: str) -> bool:
    return _has_only(text, "0123456789") and len(text) <= 5 and 0 < int(text) < 65_536  # noqa: PLR2004
