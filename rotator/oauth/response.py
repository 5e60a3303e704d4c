"""The gate: a response of the token endpoint becomes a token, or an error that says why not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs, quote_plus

from rotator.errors import MintError, replace_error
from rotator.model.access_token import AccessToken, Minted
from rotator.model.fields import load_object
from rotator.model.providers import refuses_client
from rotator.model.secret import Secret
from rotator.model.urls import without_query
from rotator.oauth.claims import ROUNDING_S, JustEndedError, lifetime_by_claims
from rotator.oauth.lifetime import believed_lifetime
from rotator.transport.clock_skew import explain_clock_skew, response_age, seconds_ahead
from rotator.transport.redaction import Redactor, debug_id
from rotator.wire.dates import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.transport.bounded import HttpResponse
    from rotator.transport.request import HttpRequest

__all__ = ["MAX_BODY_BYTES", "Expectation", "parse_token_response"]

MAX_BODY_BYTES = 65_536
"""Secrets Manager's limit for a value, so that no longer token could be stored."""

MAX_TOKEN_CHARS = 16_384
"""Common servers accept no more than 8 or 16 KiB of headers."""

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

SUCCESS = frozenset({200, 201})
"""RFC 6749 section 5.1 says 200; a few providers respond with 201 Created."""

BEARER_NAMES = frozenset({"", "bearertoken", "bearer_token", "bearer token"})
"""Other names for a bearer token (RFC 6750) that some gateways use, such as Apigee."""

CODINGS = frozenset(
    {"br", "compress", "dcb", "dcz", "deflate", "gzip", "x-compress", "x-gzip", "zstd"}
)
"""IANA's registry of HTTP content codings, without those that don't compress."""

JSON_TYPES = re.compile(r"application/(?:[\w.-]+\+)?json|text/(?:json|javascript|plain)")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Expectation(NamedTuple):
    """What was asked for, to validate the response against.

    `asked_at` is aware UTC, before the request was sent. `lifetime_s` is how long tokens are
    documented to live, `is_lifetime_assumed` whether that holds for a response without
    `expires_in`. `scope` is what was asked for, None for the client's default. No error may show
    `secrets` or other confidential parts of `request`, and no token may hold one of `secrets`.
    `hint` ends the error for a refused client; if the client `signs` an assertion, which is valid
    for a minute, so does the error of this host's clock.
    """

    client_id: str
    token_url: str
    asked_at: datetime
    secrets: tuple[Secret, ...]
    request: HttpRequest | None = None
    scope: str | None = None
    lifetime_s: int | None = None
    is_lifetime_assumed: bool = False
    is_scope_binding: bool = False
    is_bearer_assumed: bool = False
    hint: str = ""
    signs: bool = False

    @classmethod
    def of(
        cls,
        credentials: ClientCredentials,
        provider: Provider,
        request: HttpRequest,
        *,
        asked_at: datetime,
    ) -> Self:
        """What these credentials may expect of the response to this request."""
        return cls(
            client_id=credentials.client_id,
            token_url=request.url,
            asked_at=asked_at,
            secrets=credentials.secrets,
            request=request,
            scope=provider.scope_parameter(),
            lifetime_s=provider.lifetime_s,
            is_lifetime_assumed=credentials.lifetime_s is not None,
            is_scope_binding=credentials.scope_policy == "refuse",
            is_bearer_assumed=provider.token_type_policy == "assume_bearer",  # noqa: S105 - a policy
            hint=_basic_hint(credentials, provider),
            signs=provider.auth_method == "private_key_jwt",
        )


def _basic_hint(credentials: ClientCredentials, provider: Provider) -> str:
    """A hint for Basic credentials that differ when they are form-encoded; else empty."""
    if provider.auth_method != "client_secret_basic":
        return ""
    parts = [credentials.client_id, *(secret.reveal() for secret in credentials.client_secrets)]
    if all(quote_plus(part, errors="replace") == part for part in parts):
        return ""
    other = "raw" if provider.basic_encoding == "form" else "form"
    means = "does not decode" if other == "raw" else "decodes"
    return (
        f"; client_id or client_secret holds reserved characters: if the server {means} Basic"
        f" credentials, set basic_encoding to {other}"
    )


def parse_token_response(response: HttpResponse, expected: Expectation) -> Minted:
    """The token in `response`; raises MintError if it must not be published."""
    token = _token_of(response)
    secrets = (*expected.secrets, *([Secret(token)] if token else []))
    redactor = Redactor.of(*secrets, sent=expected.request)
    if response.status not in SUCCESS or _members_or_none(response).get("error") is not None:
        raise _refusal(response, redactor, expected)
    return replace_error(
        lambda: _accept(response, expected, redactor),
        ValueError,
        lambda problem: _error(
            str(problem),
            response,
            request_id=debug_id(response.headers, redactor),
            retryable=isinstance(problem, JustEndedError),
        ),
    )


def _accept(response: HttpResponse, expected: Expectation, redactor: Redactor) -> Minted:
    members = _parse_members(response)
    token = _access_token(members, expected.secrets)
    token_type = _token_type(members, expected, redactor)
    announced_s, doubts = believed_lifetime(
        members.get("expires_in"),
        documented_s=expected.lifetime_s,
        is_assumed=expected.is_lifetime_assumed,
    )
    announced_s, age_warnings = _less_age(announced_s, response)
    lifetime_s = lifetime_by_claims(
        token,
        client_id=expected.client_id,
        asked_at=expected.asked_at,
        announced_s=announced_s,
        ahead_s=seconds_ahead(response.headers, asked_at=expected.asked_at),
    )
    scope, warnings = _scope(members, expected)
    _refuse_echo(expected, access_token=token, scope=scope)
    warnings += doubts + age_warnings
    if lifetime_s < announced_s - ROUNDING_S:
        warnings += (
            "token endpoint: the token expires earlier than announced; the earlier time counts",
        )
    issued_at = expected.asked_at.astimezone(UTC).replace(microsecond=0)
    accepted = AccessToken(
        access_token=Secret(token),
        token_type=token_type,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=lifetime_s),
        client_id=expected.client_id,
        token_url=without_query(expected.token_url),
        scope=scope,
    )
    return Minted(accepted, warnings)


def _less_age(announced_s: int, response: HttpResponse) -> tuple[int, tuple[str, ...]]:
    """What is left of the announced life, with a warning, if a cache had the response meanwhile.

    RFC 6749 section 5.1 forbids it, and RFC 9111 section 5.1 tells it. Raises JustEndedError if
    nothing is left.
    """
    age_s = response_age(response.headers)
    if age_s >= announced_s:
        raise JustEndedError(f"a cache had the response for {age_s} s, and its token has ended")
    if age_s == 0:
        return announced_s, ()
    told = f"token endpoint: a cache had the response for {age_s} s, which count as lived"
    return announced_s - age_s, (f"{told}; keep caches away from the token endpoint",)


def _parse_members(response: HttpResponse) -> dict[str, Any]:
    if response.is_cut:
        raise ValueError(f"the response is longer than {MAX_BODY_BYTES} bytes")
    _refuse_encoding(response.headers.get("content-encoding", ""))
    _refuse_media_type(response.headers.get("content-type", ""))
    return replace_error(
        lambda: load_object(response.body),
        ValueError,
        lambda problem: ValueError(f"the response {problem}"),
    )


def _refuse_encoding(header: str) -> None:
    """Raise ValueError for a content coding (RFC 9110 section 8.4.1) other than none."""
    codings = {each.strip().lower() for each in header.split(",")} - {"", "identity"}
    if codings & CODINGS:
        raise ValueError("the response is compressed, although no compression was requested")
    if codings:
        raise ValueError(
            "the response has a Content-Encoding that was not requested (RFC 9110, 8.4.1); tell"
            " the provider"
        )


def _refuse_media_type(header: str) -> None:
    """Raise ValueError for a Content-Type other than JSON's, or one that is given twice."""
    unquoted = re.sub(r'"[^"]*"', "", header).lower()  # a parameter may have commas
    types = {each.partition(";")[0].strip() for each in unquoted.split(",")} - {""}
    if all(map(JSON_TYPES.fullmatch, types)):
        return
    if len(types) > 1:
        raise ValueError("the response has more than one Content-Type; tell the provider")
    kind = "HTML" if "html" in unquoted else "of another type"
    raise ValueError(f"the response is {kind}, not JSON")


def _access_token(members: Mapping[str, Any], secrets: tuple[Secret, ...]) -> str:
    token = members.get("access_token")
    if token is None:
        raise ValueError("access_token is missing")
    if not isinstance(token, str) or not token:
        raise ValueError("access_token is not a non-empty string")
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("access_token has characters that no header can carry")
    if len(token) > MAX_TOKEN_CHARS:
        raise ValueError(f"access_token is longer than {MAX_TOKEN_CHARS} characters")
    if any(secret.reveal() in token for secret in secrets if secret):
        raise ValueError("access_token holds the client secret")
    return token


def _refuse_echo(expected: Expectation, **published: str | None) -> None:
    """Raise ValueError if a field that consumers read holds a client secret or the assertion.

    What the client id holds, or the scope that was asked for, consumers know anyway.
    """
    form = parse_qs(expected.request.body if expected.request else "")
    sent = (*expected.secrets, *map(Secret, form.get("client_assertion", ())))
    known = f"{expected.client_id} {expected.scope or ''}".lower()
    redactor = Redactor.of(*(each for each in sent if each.reveal().lower() not in known))
    for name, text in published.items():
        if text is not None and redactor.finds_whole(text):
            raise ValueError(f"{name} holds the client secret, or the assertion in its place")


def _token_type(members: Mapping[str, Any], expected: Expectation, redactor: Redactor) -> str:
    token_type = members.get("token_type")
    if isinstance(token_type, str) and token_type.lower() == "bearer":
        return token_type
    hint = "; set token_type_policy to assume_bearer if the provider's tokens are bearer tokens"
    is_other_name = isinstance(token_type, str) and token_type.lower() in BEARER_NAMES
    if token_type is None or is_other_name:
        if expected.is_bearer_assumed:
            return "Bearer"
        shown = "is missing" if token_type is None else f"is {token_type}"
        raise ValueError(f"token_type {shown}{hint}")
    if isinstance(token_type, str) and token_type.strip().lower() == "bearer":
        shown = "has white space around it"
    else:
        shown = f"is {redactor.redact_line(token_type, max_chars=20) or 'of another JSON type'}"
    raise ValueError(f"token_type {shown}, and only bearer tokens are supported")


def _scope(members: Mapping[str, Any], expected: Expectation) -> tuple[str | None, tuple[str, ...]]:
    """The granted scope, and warnings; a response without `scope` grants the requested one.

    RFC 6749 section 5.1: the response has to name the scope if it differs. An empty one grants
    nothing.
    """
    granted = members.get("scope")
    if isinstance(granted, list) and all(isinstance(name, str) for name in granted):
        granted = " ".join(granted)
    if granted is None:
        return expected.scope, ()
    if not (isinstance(granted, str) and granted.isascii() and granted.isprintable()):
        raise ValueError("scope is not printable ASCII")
    granted = " ".join(granted.split()) or None
    missing = _names(expected.scope or "") - _names(granted or "")
    if missing:
        problem = f"scope is narrower than requested, {len(missing)} missing"
        if expected.is_scope_binding:
            raise ValueError(problem)
        return granted, (f"token endpoint: {problem}",)
    return granted, ()


def _names(scope: str) -> set[str]:
    return set(filter(None, re.split(r"[,\s]+", scope)))


def _token_of(response: HttpResponse) -> str | None:
    """The token in any response, so that it can be redacted even if the response is refused."""
    token = _members_or_none(response).get("access_token")
    return token if isinstance(token, str) else None


def _members_or_none(response: HttpResponse) -> dict[str, Any]:
    try:
        return load_object(response.body)
    except ValueError:
        return {}


def _refusal(response: HttpResponse, redactor: Redactor, expected: Expectation) -> MintError:
    """Our error for an error response, with the server's words (RFC 6749 section 5.2)."""
    members = _members_or_none(response)
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
    retry_after = response.headers.get("retry-after") if is_temporary else None
    error = _error(
        said,
        response,
        request_id=request_id,
        hint=_client_hint(response, expected) if refuses_client(response.status, code) else "",
        retryable=is_temporary,
        oauth_error=code,
    )
    error.retry_after_s = parse_retry_after(retry_after, now_s=expected.asked_at.timestamp())
    return error


def _client_hint(response: HttpResponse, expected: Expectation) -> str:
    if not expected.signs:
        return expected.hint
    return explain_clock_skew(response.headers, now=expected.asked_at)


def _first_text(
    members: Mapping[str, Any], names: tuple[str, ...], redactor: Redactor, max_chars: int
) -> str | None:
    for name in names:
        shown = redactor.redact_line(members.get(name), max_chars=max_chars)
        if shown is not None:
            return shown
    return None


def _error(
    problem: str,
    response: HttpResponse,
    *,
    request_id: str | None,
    hint: str = "",
    **details: Any,
) -> MintError:
    traced = f", debug id {request_id}" if request_id else ""
    return MintError(
        f"token endpoint: {problem} (HTTP {response.status}{traced}){hint}",
        status=response.status,
        debug_id=request_id,
        **details,
    )
