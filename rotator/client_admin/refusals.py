"""Explains a provider's refusal: its status, its error code, what it says, and what to do.

The refusal of a request that makes a client secret can repeat the new value anywhere, so only a
code is shown of it, and only if it has the form of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from rotator.client_admin.values import parse_items
from rotator.errors import ClientAdminError
from rotator.model.instants import format_instant
from rotator.transport.clock_skew import explain_clock_skew
from rotator.transport.redaction import debug_id
from rotator.wire.dates import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.client_admin.calls import Adapter, Call, Target
    from rotator.transport.bounded import HttpResponse
    from rotator.transport.redaction import Redactor

__all__ = ["Refusal"]

MAX_DESCRIPTION_CHARS = 200
MAX_CODE_CHARS = 64
MAX_PAUSE_S = 7 * 24 * 3600.0
"""A longer `Retry-After` is not shown."""

WORD = "(?:[A-Z][a-z]{2,}|A[st]|I[dns]|No|O[fnr]|To)"
CODE = re.compile(f"{WORD}+(?:_{WORD}+)*|[a-z]+(?:_[a-z]+)*|E[0-9]{{7}}|[0-9]{{3,9}}")
"""The forms of Microsoft Graph's codes (`Request_BadRequest`), Auth0's (`invalid_body`), Okta's
(`E0000001`) and Adobe's (`403003`). No generated client secret has one: it mixes more than that."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response that refuses a call sent at `asked_at`; with `code_alone` only its code shows."""

    response: HttpResponse
    redactor: Redactor
    asked_at: datetime
    code_alone: bool

    def explain(self, adapter: Adapter, target: Target, call: Call) -> ClientAdminError:
        """The error, with what to do."""
        status, code = self.response.status, self._find_code()
        text, request_id = self._describe(code)
        return ClientAdminError(
            f"{target.settings.kind.name}: refused to {call.action} (HTTP {status}"
            f"{f': {text}' if text else ''}){self._advise(adapter, target, code)}",
            status=status,
            debug_id=request_id,
            retryable=_is_temporary(status),
            is_refusal=_is_refusal(status, _parse(self.response.body)),
        )

    def _find_code(self) -> str | None:
        """The provider's error code, None without one or if it repeats a secret."""
        fields = _parse(self.response.body)
        nested = fields.get("error")
        inner = nested.get("code") if isinstance(nested, dict) else nested
        for each in (fields.get("errorCode"), fields.get("error_code"), fields.get("code"), inner):
            if isinstance(each, str) and len(each) <= MAX_CODE_CHARS and CODE.fullmatch(each):
                return each if self.redactor.redact(each) == each else None
        return None

    def _describe(self, code: str | None) -> tuple[str | None, ...]:
        """What the provider says and its request id, both redacted; or its code alone."""
        if self.code_alone:
            return code, None
        said = _description(_parse(self.response.body))
        text = self.redactor.redact_line(said, max_chars=MAX_DESCRIPTION_CHARS)
        if code is not None and text != code:
            text = f"{code}: {text}" if text else code
        return self.redactor.redact_together(text, debug_id(self.response.headers, self.redactor))

    def _advise(self, adapter: Adapter, target: Target, code: str | None) -> str:
        status, headers = self.response.status, self.response.headers
        advice = adapter.advise(target, code) if adapter.advise and code else None
        if advice is not None:
            return f"; {advice}"
        if status == HTTPStatus.UNAUTHORIZED:
            return f"{explain_clock_skew(headers, now=self.asked_at)}; grant {adapter.grants}"
        if status == HTTPStatus.FORBIDDEN:
            return f"; grant {adapter.grants}"
        if not _is_temporary(status):
            return ""
        pause_s = parse_retry_after(headers.get("retry-after"), now_s=self.asked_at.timestamp())
        if not pause_s or pause_s > MAX_PAUSE_S:
            return ""
        again_at = self.asked_at + timedelta(seconds=pause_s + 1)  # a whole second that is later
        return f"; it takes requests again at {format_instant(again_at)}"


def _is_temporary(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _is_refusal(status: int, fields: Mapping[str, object]) -> bool:
    """Whether this is how the providers refuse that make client secrets, and not how a proxy does.

    After a 408 or a 429 they may have acted.
    """
    nested = fields.get("error")
    codes = [fields.get("errorCode"), fields.get("error_code")]
    codes += [nested.get("code")] if isinstance(nested, dict) else []
    has_form = any(isinstance(each, str) for each in codes)
    is_final = status not in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    return has_form and is_final and status // 100 == 4  # noqa: PLR2004 - RFC 9110 section 15.5


def _parse(body: bytes) -> Mapping[str, object]:
    try:
        return parse_items(body)
    except ValueError:
        return {}


def _description(fields: Mapping[str, object]) -> object:
    """The description in a refusal, from the members that the supported providers use for it."""
    nested = fields.get("error")
    candidates = [nested, fields] if isinstance(nested, dict) else [fields]
    for each in candidates:
        for name in ("errorSummary", "message", "error_description", "error"):
            if isinstance(each.get(name), str):
                return each[name]
    return None
