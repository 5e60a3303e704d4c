"""What an API's refusal says of the token that the request carried."""

from __future__ import annotations

from rotator.reader.snapshot import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Advice = Literal["retry", "back_off", "keep"]
    """What `TokenReader.refused` answers."""

    Body = bytes | str | None
    """Of a response; None is what some HTTP clients have for one that is empty or was not read."""

    Assessment = Literal["refetch", "back_off", "keep"]

__all__ = ["MOST_BODY_BYTES", "TELLING_STATUSES", "assess_refusal", "to_advice"]

MOST_BODY_BYTES = 64 * 1024
"""A body that is longer is no error of a gateway, and is not looked into."""

_UNAUTHORIZED, _UNAVAILABLE = 401, 503

TELLING_STATUSES = frozenset({_UNAUTHORIZED, _UNAVAILABLE})
"""Any other status says nothing of the token, whatever the body is."""

# Adobe's gateway says in `error_code` what it means by a status (its open-source request
# validation, oauthTokenValidator.lua): the token is not valid; it could not be checked. All other
# 401xxx are about a valid token (another context, a missing scope), 403xxx about the client.
_NOT_VALID, _NOT_CHECKED = "401013", "503010"


def assess_refusal(status: int, body: Body) -> Assessment:
    """Whether an answer is a reason to read the token secret again, or to wait.

    A 401 is, if its body does not say otherwise; a 403 never: another token of the same client
    would be refused as well (RFC 6750 section 3.1).
    """
    if status not in TELLING_STATUSES:
        return "keep"
    code = _error_code(body)
    if status == _UNAVAILABLE:
        return "back_off" if code == _NOT_CHECKED else "keep"
    another_reason = code.startswith("401") and code != _NOT_VALID
    return "keep" if another_reason else "refetch"


def to_advice(assessment: Assessment, *, retry: bool) -> Advice:
    """The advice, once the token secret was read again if it had to be; `retry`: with success."""
    if assessment == "refetch":
        return "retry" if retry else "keep"
    return assessment


def _error_code(body: Body) -> str:
    answer = decode_json(body) if body and len(body) <= MOST_BODY_BYTES else None
    code = answer.get("error_code") if isinstance(answer, dict) else None
    return str(code) if isinstance(code, str | int) else ""
