"""Whether the environment is simple enough to ask Secrets Manager without the AWS SDK, and how."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from rotator.reader.secrets_manager import arn_region
from rotator.reader.sigv4 import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Settings", "read_settings"]

# AWS's partitions.json: which regions belong to a domain. Those that are left out are isolated, or
# have certificates of authorities of their own.
_DOMAINS = (
    (re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+"), "amazonaws.com"),
    (re.compile(r"us-gov-\w+-\d+"), "amazonaws.com"),
    (re.compile(r"cn-\w+-\d+"), "amazonaws.com.cn"),
)
_ISOLATED = re.compile(r"(us|eu)-iso\w*-\w+-\d+")

# What only the SDK knows how to use; set but empty means not set.
_FOR_THE_SDK = (
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
    *(name + suffix for name in ("HTTP", "HTTPS", "ALL") for suffix in ("_PROXY",)),
    *(name + suffix for name in ("http", "https", "all") for suffix in ("_proxy",)),
)
_SWITCHES = (
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
_FILES = (
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Settings:
    """Where to ask, and as who."""

    __slots__ = ("ca_bundle", "credentials", "host", "is_tls", "path", "port", "region")

    def __init__(
        self, url: str, *, region: str, credentials: Credentials, ca_bundle: str | None
    ) -> None:
        """Raises ValueError if the URL has no port that is one."""
        parts = urlsplit(url)
        self.is_tls = parts.scheme == "https"
        self.host = (parts.hostname or "").lower()
        self.port = parts.port or (443 if self.is_tls else 80)
        self.path = parts.path or "/"
        self.region = region
        self.credentials = credentials
        self.ca_bundle = ca_bundle

    def host_header(self) -> str:
        """The host as HTTP names it: without a default port, IPv6 in brackets (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def read_settings(secret_id: str, region: str | None) -> Settings | str:
    """The settings of this moment, or what about the environment needs the SDK."""
    environ = os.environ
    obstacle = next(_obstacles(environ), None)
    if obstacle is not None:
        return obstacle
    region = region or arn_region(secret_id)
    region = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        return "AWS_REGION is not set"
    endpoint = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL")
    url = endpoint or _public_url(region)
    if url is None:
        return "AWS_REGION names a region of a partition that only the AWS SDK knows"
    if not _is_simple_url(url):
        return "AWS_ENDPOINT_URL is neither https nor on loopback, or has more than a path"
    bundle = environ.get("AWS_CA_BUNDLE") or None
    if bundle is not None and os.path.isdir(bundle):  # noqa: PTH112 - pathlib is slow to import
        return "AWS_CA_BUNDLE is a folder"
    # botocore's order: the older name first.
    token = environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN") or ""
    credentials = Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], token)
    return Settings(url, region=region, credentials=credentials, ca_bundle=bundle)


def _obstacles(environ: Mapping[str, str]) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if not environ.get(name):
            yield f"{name} is not set"
    for name in _FOR_THE_SDK:
        if environ.get(name):
            yield f"{name} is set"
    for name in _SWITCHES:
        if environ.get(name, "").lower() not in {"", "false"}:
            yield f"{name} is set"
    for name, usual in _FILES:
        path = os.path.expanduser(environ.get(name) or usual)  # noqa: PTH111 - as above
        if path != os.devnull and os.path.exists(path):  # noqa: PTH110 - as above
            yield f"there is an AWS configuration, {path}"


def _public_url(region: str) -> str | None:
    if _ISOLATED.fullmatch(region):
        return None
    for regions, domain in _DOMAINS:
        if regions.fullmatch(region) and region.isascii():
            return f"https://secretsmanager.{region}.{domain}/"
    return None


def _is_simple_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc
    if not is_plain or not parts.hostname or parts.query or parts.fragment or port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
