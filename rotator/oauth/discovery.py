"""Finds an issuer's token endpoint in the metadata at its well-known URLs.

Imports requests, so import this only to mint.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from rotator.errors import MintError, replace_error
from rotator.model.fields import load_object
from rotator.model.urls import problem_with_url, reaches_this_host
from rotator.transport.bounded import TransportError, send_bounded
from rotator.transport.redaction import Redactor
from rotator.transport.request import HttpRequest

if TYPE_CHECKING:
    from rotator.transport.bounded import HttpResponse, Timeouts
    from rotator.transport.environment import Environment

__all__ = ["discover_token_url", "metadata_urls"]

MAX_METADATA_BYTES = 262_144
MAX_ISSUER_CHARS = 200


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """The URLs of the issuer's metadata, in the order in which to try them.

    RFC 8414 section 3.1 puts the well-known part before the issuer's path, OpenID Connect
    Discovery 1.0 section 4 after it.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")

    def at(where: str) -> str:
        return urlunsplit((parts.scheme, parts.netloc, where, "", ""))

    return (
        at(f"/.well-known/oauth-authorization-server{path}"),
        at(f"{path}/.well-known/openid-configuration"),
    )


def discover_token_url(
    issuer: str, *, timeouts: Timeouts, environment: Environment | None = None
) -> str:
    """The token endpoint in the issuer's metadata; raises MintError if there is no usable one.

    The URLs are tried until one has usable metadata; at the other, many servers respond with HTML
    or an error. The error raised is a temporary failure if there is one, else that for unusable
    metadata, else the first. `environment` caches proxies and CA bundles between calls.
    """
    half = timeouts._replace(total_s=timeouts.total_s / 2)  # there are two URLs
    failures: list[MintError] = []
    for url in metadata_urls(issuer):
        response = _fetch(url, half, environment)
        try:
            return _token_url(response, issuer)
        except MintError as error:
            failures.append(error)
    raise max(failures, key=lambda error: (error.retryable, error.status == HTTPStatus.OK))


def _fetch(url: str, timeouts: Timeouts, environment: Environment | None) -> HttpResponse:
    request = HttpRequest(url, headers={"Accept": "application/json"})
    send = partial(
        send_bounded,
        request,
        timeouts=timeouts,
        max_body_bytes=MAX_METADATA_BYTES,
        environment=environment,
    )
    return replace_error(
        send,
        TransportError,
        lambda error: MintError(
            f"issuer: {error} ({urlsplit(url).hostname})", retryable=error.retryable
        ),
    )


def _token_url(response: HttpResponse, issuer: str) -> str:
    if response.status != HTTPStatus.OK:  # RFC 8414 section 3.2
        raise MintError(
            f"issuer: publishes no metadata (HTTP {response.status})",
            status=response.status,
            retryable=response.status == HTTPStatus.TOO_MANY_REQUESTS
            or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        )
    if response.is_cut:
        raise MintError("issuer: the metadata is too long", status=response.status)
    metadata = replace_error(
        lambda: load_object(response.body),
        ValueError,
        lambda error: MintError(f"issuer: the metadata {error}", status=response.status),
    )
    problem = _problem_with_issuer(metadata.get("issuer"), issuer) or _problem_with_token_url(
        metadata.get("token_endpoint"), issuer
    )
    if problem is not None:
        raise MintError(f"issuer: {problem}", status=response.status)
    return str(metadata["token_endpoint"])


def _problem_with_issuer(found: object, issuer: str) -> str | None:
    """Why the metadata is not this issuer's, to the letter (RFC 8414 section 3.3), or None."""
    if found == issuer:
        return None
    shown = Redactor.of().redact_line(found, max_chars=MAX_ISSUER_CHARS)
    if shown is None:
        return "the metadata names no issuer"
    is_slash = isinstance(found, str) and found.rstrip("/") == issuer.rstrip("/")
    hint = "; set issuer to exactly that" if is_slash else "; is it the one that you mean?"
    return f"the metadata is another issuer's: {shown}{hint}"


def _problem_with_token_url(found: object, issuer: str) -> str | None:
    """Why the token endpoint can't be used, or None; it may be on another host than the issuer."""
    if not isinstance(found, str):
        return "the metadata names no token_endpoint"
    problem = problem_with_url(found)
    if problem is not None:
        return f"its token_endpoint {problem}"
    if reaches_this_host(found) and not reaches_this_host(issuer):
        return "its token_endpoint is on this host, but the issuer is not"
    return None
