"""Errors for the responses of a token endpoint, with the server's error code and description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rotator.errors import MintError
from rotator.model.fields import load_object
from rotator.model.providers import refuses_client
from rotator.transport.clock_skew import explain_clock_skew
from rotator.transport.redaction import debug_id
from rotator.wire.dates import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.oauth.expectation import Expectation
    from rotator.transport.bounded import HttpResponse
    from rotator.transport.redaction import Redactor

__all__ = ["check_endpoint", "explain_refusal", "members_of", "mint_error"]

MAX_CODE_CHARS = 64
MAX_DESCRIPTION_CHARS = 200

PERMANENT = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
"""RFC 6749 section 5.2, RFC 8707 section 2: not retried, whatever the status is."""

TEMPORARY = frozenset({"server_error", "slow_down", "temporarily_unavailable"})
"""Registered for other endpoints (RFC 6749 section 4.1.2.1), and used at this one too."""

TEMPORARY_STATUS = frozenset({408, 425, 429})


def explain_refusal(response: HttpResponse, redactor: Redactor, expected: Expectation) -> MintError:
    """The error for an error response, with the server's description (RFC 6749 section 5.2)."""
    members = members_of(response)
    code = _first_text(
        members, ("error", "errorCode", "error_code", "code"), redactor, MAX_CODE_CHARS
    )
    description = _first_text(
        members, ("error_description", "errorSummary", "message"), redactor, MAX_DESCRIPTION_CHARS
    )
    shown, description, request_id = redactor.redact_together(
        code, description, debug_id(response.headers, redactor)
    )
    code = code if code in PERMANENT | TEMPORARY else shown
    is_temporary = code in TEMPORARY or (
        code not in PERMANENT and (response.status in TEMPORARY_STATUS or response.status >= 500)  # noqa: PLR2004 - HTTP server errors
    )
    if 300 <= response.status < 400:  # noqa: PLR2004 - HTTP redirects
        said = "redirects; rotator sends the client secret to no other URL"
    elif code is None:
        said = "failed" if is_temporary else "refused"
    else:
        said = f"answered {code}" if description is None else f"answered {code}: {description}"
    if refuses_client(response.status, code):
        hint = _client_hint(response, expected)
    else:
        hint = "" if is_temporary else _endpoint_hint(response.status, code, expected)
    retry_after = response.headers.get("retry-after") if is_temporary else None
    error = mint_error(
        said,
        response,
        request_id=request_id,
        hint=hint,
        retryable=is_temporary,
        oauth_error=code,
    )
    error.retry_after_s = parse_retry_after(retry_after, now_s=expected.asked_at.timestamp())
    return error


def members_of(response: HttpResponse) -> dict[str, Any]:
    """The members of a JSON response; empty for any other."""
    try:
        return load_object(response.body)
    except ValueError:
        return {}


def mint_error(
    problem: str,
    response: HttpResponse,
    *,
    request_id: str | None,
    hint: str = "",
    **details: Any,
) -> MintError:
    """An error about this response, with its status and `request_id`."""
    traced = f", debug id {request_id}" if request_id else ""
    return MintError(
        f"token endpoint: {problem} (HTTP {response.status}{traced}){hint}",
        status=response.status,
        debug_id=request_id,
        **details,
    )


def _client_hint(response: HttpResponse, expected: Expectation) -> str:
    if not expected.signs:
        return expected.hint
    return explain_clock_skew(response.headers, now=expected.asked_at)


def _endpoint_hint(status: int, code: str | None, expected: Expectation) -> str:
    """The next step after a permanent refusal that is not about the client."""
    if status == 407:  # noqa: PLR2004 - Proxy Authentication Required
        host = _host_of(expected.token_url)
        return f"; the proxy on the way to {host} asks for credentials: check HTTPS_PROXY"
    if code in {"access_denied", "invalid_scope"}:
        return ""
    return check_endpoint(expected.token_url, "the proxy" if code is None else "the other settings")


def check_endpoint(token_url: str, other: str = "the proxy") -> str:
    """The next step where something else than the provider's token endpoint may have answered."""
    return f"; check token_url, whose host is {_host_of(token_url)}, and {other}"


def _host_of(url: str) -> str:
    """The host in a URL that was checked before."""
    return urlsplit(url).hostname or ""


def _first_text(
    members: Mapping[str, Any], names: tuple[str, ...], redactor: Redactor, max_chars: int
) -> str | None:
    for name in names:
        shown = redactor.redact_line(members.get(name), max_chars=max_chars)
        if shown is not None:
            return shown
    return None
