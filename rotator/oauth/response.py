"""Validates the response of the token endpoint: it becomes a token, or an error with the reason."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from rotator.errors import replace_error
from rotator.model.access_token import AccessToken, Minted
from rotator.model.fields import load_object
from rotator.model.secret import Secret
from rotator.model.urls import strip_query
from rotator.oauth.claims import ROUNDING_S, JustEndedError, lifetime_by_claims
from rotator.oauth.lifetime import believed_lifetime
from rotator.oauth.refusal import check_endpoint, explain_refusal, members_of, mint_error
from rotator.transport.clock_skew import response_age, seconds_ahead
from rotator.transport.redaction import Redactor, debug_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.oauth.expectation import Expectation
    from rotator.transport.bounded import HttpResponse

__all__ = ["MAX_BODY_BYTES", "parse_token_response"]

MAX_BODY_BYTES = 65_536
"""Secrets Manager's limit for a value, so that no longer token could be stored."""

MAX_TOKEN_CHARS = 16_384
"""Common servers accept no more than 8 or 16 KiB of headers."""

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


class _ForeignError(ValueError):
    """The response has no form in which a token endpoint grants a token."""


def parse_token_response(response: HttpResponse, expected: Expectation) -> Minted:
    """The token in `response`; raises MintError if it must not be published."""
    members = members_of(response)
    token = members.get("access_token")  # redacted even if the response is refused
    secrets = (*expected.secrets, *([Secret(token)] if isinstance(token, str) and token else []))
    redactor = Redactor.of(*secrets, sent=expected.request)
    if response.status not in SUCCESS or members.get("error") is not None:
        raise explain_refusal(response, redactor, expected)
    return replace_error(
        lambda: _accept(response, expected, redactor),
        ValueError,
        lambda problem: mint_error(
            str(problem),
            response,
            request_id=debug_id(response.headers, redactor),
            hint=check_endpoint(expected.token_url) if isinstance(problem, _ForeignError) else "",
            retryable=isinstance(problem, JustEndedError),
        ),
    )


def _accept(response: HttpResponse, expected: Expectation, redactor: Redactor) -> Minted:
    members = _parse_members(response)
    token = _access_token(members, expected.secrets)
    token_type = _token_type(members, expected, redactor)
    announced_s, lifetime_warnings = believed_lifetime(
        members.get("expires_in"),
        documented_s=expected.lifetime_s,
        is_assumed=expected.is_lifetime_assumed,
    )
    announced_s, age_warnings = _subtract_age(announced_s, response)
    lifetime_s = lifetime_by_claims(
        token,
        client_id=expected.client_id,
        asked_at=expected.asked_at,
        announced_s=announced_s,
        ahead_s=seconds_ahead(response.headers, asked_at=expected.asked_at),
    )
    scope, warnings = _scope(members, expected)
    _refuse_echo(expected, access_token=token, scope=scope)
    warnings += lifetime_warnings + age_warnings
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
        token_url=strip_query(expected.token_url),
        scope=scope,
    )
    return Minted(accepted, warnings)


def _subtract_age(announced_s: int, response: HttpResponse) -> tuple[int, tuple[str, ...]]:
    """The announced lifetime less the time that the response spent in a cache, with a warning.

    RFC 6749 section 5.1 forbids caching it; `Age` shows it (RFC 9111 section 5.1). Raises
    JustEndedError if nothing is left.
    """
    age_s = response_age(response.headers)
    if age_s >= announced_s:
        raise JustEndedError(f"a cache had the response for {age_s} s, and its token has expired")
    if age_s == 0:
        return announced_s, ()
    problem = f"token endpoint: a cache had the response for {age_s} s, by which its token is older"
    return announced_s - age_s, (f"{problem}; keep caches away from the token endpoint",)


def _parse_members(response: HttpResponse) -> dict[str, Any]:
    if response.is_cut:
        raise _ForeignError(f"the response is longer than {MAX_BODY_BYTES} bytes")
    _refuse_encoding(response.headers.get("content-encoding", ""))
    _refuse_media_type(response.headers.get("content-type", ""))
    return replace_error(
        lambda: load_object(response.body),
        ValueError,
        lambda problem: _ForeignError(f"the response {problem}"),
    )


def _refuse_encoding(header: str) -> None:
    """Raise ValueError for a content coding (RFC 9110 section 8.4.1) other than none."""
    codings = {each.strip().lower() for each in header.split(",")} - {"", "identity"}
    if codings & CODINGS:
        raise _ForeignError("the response is compressed, although no compression was requested")
    if codings:
        raise ValueError(
            "the response has a Content-Encoding that was not requested (RFC 9110, 8.4.1); report"
            " it to the provider"
        )


def _refuse_media_type(header: str) -> None:
    """Raise ValueError for a Content-Type other than JSON's, or several different ones."""
    unquoted = re.sub(r'"[^"]*"', "", header).lower()  # a parameter may contain commas
    types = {each.partition(";")[0].strip() for each in unquoted.split(",")} - {""}
    if all(map(JSON_TYPES.fullmatch, types)):
        return
    if len(types) > 1:
        raise ValueError("the response has more than one Content-Type; report it to the provider")
    kind = "HTML" if "html" in unquoted else "of another type"
    raise _ForeignError(f"the response is {kind}, not JSON")


def _access_token(members: Mapping[str, Any], secrets: tuple[Secret, ...]) -> str:
    token = members.get("access_token")
    if token is None:
        raise _ForeignError("access_token is missing")
    if not isinstance(token, str) or not token:
        raise _ForeignError("access_token is not a non-empty string")
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("access_token has characters that no header can carry")
    if len(token) > MAX_TOKEN_CHARS:
        raise ValueError(f"access_token is longer than {MAX_TOKEN_CHARS} characters")
    if any(secret.reveal() in token for secret in secrets if secret):
        raise ValueError("access_token holds the client secret")
    return token


def _refuse_echo(expected: Expectation, **published: str | None) -> None:
    """Raise ValueError if a field that consumers read holds a client secret or the assertion.

    Secrets within the client id or the requested scope, which consumers know, don't count.
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
