"""Assesses an API's error response: what it means for the token of the request."""

from __future__ import annotations

from rotator.reader.snapshot import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Advice = Literal["retry", "back_off", "keep"]
    """What `TokenReader.refused` returns."""

    Body = bytes | str | None
    """A response's body; some HTTP clients use None for an empty or unread one."""

    Assessment = Literal["refetch", "back_off", "keep"]

__all__ = ["MAX_BODY_BYTES", "RELEVANT_STATUSES", "assess_refusal", "to_advice"]

MAX_BODY_BYTES = 64 * 1024
"""A longer body is not a gateway's error, and is not parsed."""

_UNAUTHORIZED, _UNAVAILABLE = 401, 503

RELEVANT_STATUSES = frozenset({_UNAUTHORIZED, _UNAVAILABLE})
"""Any other status says nothing about the token, whatever its body."""

# Adobe's gateway adds an `error_code` to a status (its open-source request validation,
# oauthTokenValidator.lua). These two mean: the token is not valid; it could not be checked. Other
# 401xxx codes are for a valid token (another context, a missing scope), 403xxx for the client.
_NOT_VALID, _NOT_CHECKED = "401013", "503010"


def assess_refusal(status: int, body: Body) -> Assessment:
    """Whether to read the token secret again after this response, to pause, or neither.

    After a 401 read again, unless its body says otherwise. Not after a 403: another token of the
    same client would be refused too (RFC 6750 section 3.1).
    """
    if status not in RELEVANT_STATUSES:
        return "keep"
    code = _error_code(body)
    if status == _UNAVAILABLE:
        return "back_off" if code == _NOT_CHECKED else "keep"
    another_reason = code.startswith("401") and code != _NOT_VALID
    return "keep" if another_reason else "refetch"


def to_advice(assessment: Assessment, *, retry: bool) -> Advice:
    """The advice for an assessment; `retry` is True if another token was found."""
    if assessment == "refetch":
        return "retry" if retry else "keep"
    return assessment


def _error_code(body: Body) -> str:
    fields = decode_json(body) if body and len(body) <= MAX_BODY_BYTES else None
    code = fields.get("error_code") if isinstance(fields, dict) else None
    return str(code) if isinstance(code, str | int) else ""
