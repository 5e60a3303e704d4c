"""What an API's error response says about the token that the request carried."""

from __future__ import annotations

from rotator.reader.snapshot import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Advice = Literal["retry", "back_off", "keep"]
    """What `TokenReader.refused` returns."""

    Body = bytes | str | None
    """A response's body; some HTTP clients have None for one that is empty or was not read."""

    Assessment = Literal["refetch", "back_off", "keep"]

__all__ = ["MOST_BODY_BYTES", "TELLING_STATUSES", "assess_refusal", "to_advice"]

MOST_BODY_BYTES = 64 * 1024
"""A longer body is no gateway's error, and is not parsed."""

_UNAUTHORIZED, _UNAVAILABLE = 401, 503

TELLING_STATUSES = frozenset({_UNAUTHORIZED, _UNAVAILABLE})
"""Any other status says nothing about the token, whatever its body."""

# Adobe's gateway refines a status by `error_code` (its open-source request validation,
# oauthTokenValidator.lua). These two: the token is not valid; it could not be checked. All other
# 401xxx are about a valid token (another context, a missing scope), 403xxx about the client.
_NOT_VALID, _NOT_CHECKED = "401013", "503010"


def assess_refusal(status: int, body: Body) -> Assessment:
    """Whether a response is a reason to read the token secret again, or to wait.

    A 401 is a reason to read unless its body says otherwise. A 403 never is: another token of the
    same client would be refused as well (RFC 6750 section 3.1).
    """
    if status not in TELLING_STATUSES:
        return "keep"
    code = _error_code(body)
    if status == _UNAVAILABLE:
        return "back_off" if code == _NOT_CHECKED else "keep"
    another_reason = code.startswith("401") and code != _NOT_VALID
    return "keep" if another_reason else "refetch"


def to_advice(assessment: Assessment, *, retry: bool) -> Advice:
    """The advice for an assessment; `retry` says that another token was found."""
    if assessment == "refetch":
        return "retry" if retry else "keep"
    return assessment


def _error_code(body: Body) -> str:
    answer = decode_json(body) if body and len(body) <= MOST_BODY_BYTES else None
    code = answer.get("error_code") if isinstance(answer, dict) else None
    return str(code) if isinstance(code, str | int) else ""
