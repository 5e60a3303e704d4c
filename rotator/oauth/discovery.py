"""Where an issuer's token endpoint is: it publishes that at a well-known place.

Imports requests, so import this only to mint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from rotator.errors import MintError
from rotator.model.urls import problem_with_url
from rotator.oauth.strict_json import load_object
from rotator.transport.bounded import StrictSession, Unanswered, exchange, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from rotator.transport.bounded import HttpAnswer, Timeouts

__all__ = ["discover_token_url", "metadata_urls"]

MAX_METADATA_BYTES = 262_144


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where the issuer's metadata may be, in the order in which to look.

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


def discover_token_url(issuer: str, *, timeouts: Timeouts) -> str:
    """The token endpoint that `issuer` names; raises MintError if it names none to be used.

    The metadata must be the issuer's own: what it says of itself is compared (RFC 8414 section
    3.3). A token endpoint of another host is believed, as some issuers have one.
    """
    refused = MintError("issuer: publishes no metadata")
    for url in metadata_urls(issuer):
        answer = _get(url, timeouts)
        if answer.status == 200:  # noqa: PLR2004 - RFC 8414 section 3.2
            return _token_url(answer, issuer)
        refused = MintError(
            f"issuer: publishes no metadata (HTTP {answer.status})",
            status=answer.status,
            retryable=answer.status == 429 or answer.status >= 500,  # noqa: PLR2004 - HTTP
        )
        if refused.retryable:
            break
    raise refused


def _get(url: str, timeouts: Timeouts) -> HttpAnswer:
    session = StrictSession()
    prepare(session, url)

    def send(options: Mapping[str, Any]) -> requests.Response:
        return session.get(url, headers={"Accept": "application/json"}, **options)

    problem = None
    try:
        return exchange(session, send, timeouts=timeouts, max_body_bytes=MAX_METADATA_BYTES)
    except Unanswered as unanswered:
        problem = unanswered
    raise MintError(f"issuer: {problem}", retryable=problem.retryable)


def _token_url(answer: HttpAnswer, issuer: str) -> str:
    problem = "the metadata is too long" if answer.is_cut else None
    members: dict[str, Any] = {}
    if problem is None:
        try:
            members = load_object(answer.body)
        except ValueError as error:
            problem = f"the metadata {error}"
    problem = problem or next(_problems(members, issuer), None)
    if problem is not None:
        raise MintError(f"issuer: {problem}", status=answer.status)
    return str(members["token_endpoint"])


def _problems(members: Mapping[str, Any], issuer: str) -> Iterator[str]:
    if members.get("issuer") != issuer:
        yield "the metadata is another issuer's"
    token_url = members.get("token_endpoint")
    if not isinstance(token_url, str):
        yield "the metadata names no token_endpoint"
    else:
        problem = problem_with_url(token_url)
        if problem is not None:
            yield f"its token_endpoint {problem}"
