"""The gate: an answer of the token endpoint becomes a token, or an error that says why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotator.dates import parse_retry_after, parse_whole_number
from rotator.errors import MintError
from rotator.model.access_token import AccessToken, Minted
from rotator.model.secret import Secret
from rotator.oauth.claims import problem_with_claims
from rotator.oauth.strict_json import load_object
from rotator.transport.redaction import Mask, debug_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.transport.bounded import HttpAnswer

__all__ = ["MAX_BODY_BYTES", "Expectation", "judge"]

MAX_BODY_BYTES = 65_536
"""More than a token of any use: a secret in Secrets Manager holds no more."""

MAX_TOKEN_CHARS = 16_384
"""Common servers take no more than 8 or 16 KiB of headers."""

MAX_LIFETIME_S = 31 * 86_400
"""The longest that is believed of a provider that documents nothing. A day in milliseconds is more
than that, and so is an hour."""

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
"""RFC 6749 section 5.2, RFC 8707 section 2: asking again changes nothing, whatever the status."""

TEMPORARY = frozenset({"server_error", "slow_down", "temporarily_unavailable"})
"""Registered for other endpoints (RFC 6749 section 4.1.2.1), and used at this one too."""

TEMPORARY_STATUS = frozenset({408, 425, 429})

JSON_TYPES = re.compile(r"application/(?:[\w.-]+\+)?json|text/(?:json|javascript|plain)")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was asked for, to hold the answer against.

    `asked_at` is aware UTC, before the request was sent. `lifetime_s` is how long tokens are
    documented to live, `is_lifetime_assumed` whether that holds for an answer that does not say.
    `scope` is what was asked for, None for the client's default. `secrets` are what no error may
    show and no token may be.
    """

    client_id: str
    token_url: str
    asked_at: datetime
    secrets: tuple[Secret, ...]
    scope: str | None = None
    lifetime_s: int | None = None
    is_lifetime_assumed: bool = False
    is_scope_binding: bool = False


def judge(answer: HttpAnswer, expected: Expectation) -> Minted:
    """The token in `answer`; raises MintError if it must not be published."""
    token = _token_of(answer)
    mask = Mask.of(*expected.secrets, *([Secret(token)] if token else []))
    if answer.status != 200:  # noqa: PLR2004 - RFC 6749 section 5.1
        raise _refused(answer, mask, now=expected.asked_at)
    problem = None
    try:
        return _accepted(answer, expected, mask)
    except ValueError as error:
        problem = str(error)
    raise _error(problem, answer, mask)


def _accepted(answer: HttpAnswer, expected: Expectation, mask: Mask) -> Minted:
    members = _members(answer)
    code = members.get("error")
    if code is not None:
        raise _refused(answer, mask, now=expected.asked_at)
    token = _access_token(members, expected.secrets)
    token_type = _token_type(members, mask)
    lifetime_s = _lifetime_s(members, expected)
    problem = problem_with_claims(
        token, client_id=expected.client_id, asked_at=expected.asked_at, lifetime_s=lifetime_s
    )
    if problem is not None:
        raise ValueError(f"the token {problem}")
    scope, warnings = _scope(members, expected)
    issued_at = expected.asked_at.astimezone(UTC).replace(microsecond=0)
    accepted = AccessToken(
        access_token=Secret(token),
        token_type=token_type,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=lifetime_s),
        client_id=expected.client_id,
        token_url=expected.token_url,
        scope=scope,
    )
    return Minted(accepted, warnings)


def _members(answer: HttpAnswer) -> dict[str, Any]:
    if answer.is_cut:
        raise ValueError(f"the answer is longer than {MAX_BODY_BYTES} bytes")
    if answer.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise ValueError("the answer is compressed, which was not asked for")
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and not JSON_TYPES.fullmatch(media_type):
        kind = "HTML" if "html" in media_type else "of another type"
        raise ValueError(f"the answer is {kind}, not JSON")
    problem = None
    try:
        return load_object(answer.body)
    except ValueError as error:
        problem = f"the answer {error}"
    raise ValueError(problem)


def _access_token(members: Mapping[str, Any], secrets: tuple[Secret, ...]) -> str:
    token = members.get("access_token")
    if token is None:
        raise ValueError("access_token is missing")
    if not isinstance(token, str) or not token:
        raise ValueError("access_token is not a string with something in it")
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("access_token holds what no header can carry")
    if len(token) > MAX_TOKEN_CHARS:
        raise ValueError(f"access_token is longer than {MAX_TOKEN_CHARS} characters")
    if any(secret.reveal() in token for secret in secrets if secret):
        raise ValueError("access_token holds the client secret")
    return token


def _token_type(members: Mapping[str, Any], mask: Mask) -> str:
    token_type = members.get("token_type")
    if token_type is None:
        raise ValueError("token_type is missing")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        shown = mask.show(token_type, max_chars=20) or "of another JSON type"
        raise ValueError(f"token_type is {shown}, and only bearer tokens can be handed out")
    return token_type


def _lifetime_s(members: Mapping[str, Any], expected: Expectation) -> int:
    value = members.get("expires_in")
    if value is None:
        if expected.lifetime_s is None or not expected.is_lifetime_assumed:
            raise ValueError("expires_in is missing; set lifetime_s if the provider documents it")
        return expected.lifetime_s
    lifetime_s = parse_whole_number(value)
    if lifetime_s is None:
        raise ValueError("expires_in is not a whole number of seconds")
    longest_s = MAX_LIFETIME_S if expected.lifetime_s is None else 2 * expected.lifetime_s
    if lifetime_s <= 0:
        raise ValueError("expires_in is not positive")
    if lifetime_s > longest_s:
        raise ValueError(
            "expires_in is longer than can be believed (milliseconds?);"
            " set lifetime_s if the provider documents it"
        )
    return lifetime_s


def _scope(members: Mapping[str, Any], expected: Expectation) -> tuple[str | None, tuple[str, ...]]:
    """The scope that was granted, and what to warn of; without a word on it, the requested one.

    RFC 6749 section 5.1: the answer has to say so if they differ.
    """
    granted = members.get("scope")
    if isinstance(granted, list) and all(isinstance(name, str) for name in granted):
        granted = " ".join(granted)
    if granted is None or granted == "":
        return expected.scope, ()
    if not isinstance(granted, str) or not granted.isprintable():
        raise ValueError("scope is not a printable string")
    missing = _names(expected.scope or "") - _names(granted)
    if missing:
        problem = f"scope is narrower than asked for, {len(missing)} missing"
        if expected.is_scope_binding:
            raise ValueError(problem)
        return granted, (f"token endpoint: {problem}",)
    return granted, ()


def _names(scope: str) -> set[str]:
    return set(filter(None, re.split(r"[,\s]+", scope)))


def _token_of(answer: HttpAnswer) -> str | None:
    """A token in an answer that may yet be refused, so that its error does not show it."""
    token = _members_or_none(answer).get("access_token")
    return token if isinstance(token, str) else None


def _members_or_none(answer: HttpAnswer) -> dict[str, Any]:
    try:
        return load_object(answer.body)
    except ValueError:
        return {}


def _refused(answer: HttpAnswer, mask: Mask, *, now: datetime) -> MintError:
    """The error for an answer that is one, as the server words it (RFC 6749 section 5.2)."""
    members = _members_or_none(answer)
    code = _first(members, ("error", "errorCode", "error_code", "code"), mask, MAX_CODE_CHARS)
    description = _first(
        members, ("error_description", "errorSummary", "message"), mask, MAX_DESCRIPTION_CHARS
    )
    temporary = code in TEMPORARY or (
        code not in PERMANENT and (answer.status in TEMPORARY_STATUS or answer.status >= 500)  # noqa: PLR2004 - HTTP server errors
    )
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP redirects
        said = "redirects, which is not followed with a client secret"
    elif code is None:
        said = "failed" if temporary else "refused"
    else:
        said = f"answered {code}" if description is None else f"answered {code}: {description}"
    return _error(
        said,
        answer,
        mask,
        retryable=temporary,
        oauth_error=code,
        retry_after_s=parse_retry_after(answer.headers.get("retry-after"), now_s=now.timestamp())
        if temporary
        else None,
    )


def _first(
    members: Mapping[str, Any], names: tuple[str, ...], mask: Mask, max_chars: int
) -> str | None:
    for name in names:
        shown = mask.show(members.get(name), max_chars=max_chars)
        if shown is not None:
            return shown
    return None


def _error(problem: str, answer: HttpAnswer, mask: Mask, **details: Any) -> MintError:
    request_id = debug_id(answer.headers, mask)
    traced = f", debug id {request_id}" if request_id else ""
    return MintError(
        f"token endpoint: {problem} (HTTP {answer.status}{traced})",
        status=answer.status,
        debug_id=request_id,
        **details,
    )
