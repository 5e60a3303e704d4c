"""Describes where the AWS SDK sent a request: the region, and an endpoint that isn't AWS's."""

from __future__ import annotations

import os
import re

from rotator.aws.error_details import frames_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["place_of_client", "place_of_error", "problem_with_endpoint", "region_of_place"]

_VARIABLES = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")
"""The SDK takes the first that is set (AWS SDKs and Tools Reference Guide, "Service-specific
endpoints"), then `endpoint_url` of the profile."""

DNS_SUFFIXES = frozenset(
    {
        "amazonaws.com",
        "amazonaws.com.cn",
        "amazonaws.eu",
        "api.amazonwebservices.com.cn",
        "api.amazonwebservices.eu",
        "api.aws",
        "api.aws.hci.ic.gov",
        "api.aws.ic.gov",
        "api.aws.scloud",
        "api.cloud-aws.adc-e.uk",
        "c2s.ic.gov",
        "cloud.adc-e.uk",
        "csp.hci.ic.gov",
        "sc2s.sgov.gov",
    }
)
"""Where the names of AWS's public endpoints end, in each partition, for IPv4 and dual-stack."""


def place_of_error(error: BaseException) -> str:
    """As `place_of_client`, for the client in the error's traceback."""
    for frame in frames_of(error):
        place = place_of_client(frame.f_locals.get("self"))
        if place:
            return place
    return ""


def place_of_client(client: object) -> str:
    """The region of an SDK client, and its endpoint with the setting that names it.

    Empty for any other object.
    """
    meta = getattr(client, "meta", None)
    region, url = getattr(meta, "region_name", None), getattr(meta, "endpoint_url", None)
    if not isinstance(region, str) or not isinstance(url, str):
        return ""
    endpoint = _split(url)
    if endpoint is None or _is_default_host(endpoint.hostname or "", region):
        return region
    settings = (name for name in _VARIABLES if _split(os.environ.get(name, "")) == endpoint)
    host = endpoint.netloc.rpartition("@")[2]  # without a password that the URL may have
    return f"{region}, {next(settings, 'endpoint_url')} is {host}"


def region_of_place(place: str) -> str | None:
    """The region in what `place_of_client` returns; None without one."""
    return place.partition(",")[0] or None


def problem_with_endpoint() -> str | None:
    """What is wrong with the variable that names the endpoint, None if nothing is or none is set.

    The SDK reports some of these as an unreachable server, and some under no name.
    """
    name = next((each for each in _VARIABLES if os.environ.get(each)), None)
    if name is None or _leads_to_a_server(os.environ[name]):
        return None
    return f"{name}: is not a URL; write it as https://HOST or http://HOST:PORT"


def _leads_to_a_server(text: str) -> bool:
    """Whether its scheme, host and port can be those of a server."""
    url = _split(text)
    if url is None or url.scheme not in {"http", "https"} or not url.hostname:
        return False
    try:
        return url.port != 0
    except ValueError:
        return False


def _is_default_host(host: str, region: str) -> bool:
    """Whether it is AWS's public endpoint in this region, which goes without saying."""
    own = re.fullmatch(rf"secretsmanager(?:-fips)?\.{re.escape(region)}\.(.+)", host)
    return own is not None and own[1] in DNS_SUFFIXES


def _split(url: str) -> SplitResult | None:
    from urllib.parse import urlsplit

    try:
        return urlsplit(url.rstrip("/"))
    except ValueError:
        return None
