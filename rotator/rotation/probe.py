"""Calls an API with a token, to see whether it accepts the token.

Used before a token is published, and by `rotator check`.
"""

from __future__ import annotations

import json
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from rotator.errors import ConfigError, ProbeError, replace_error
from rotator.model.urls import endpoint_host, problem_with_url
from rotator.transport.redaction import Redactor, debug_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.access_token import AccessToken
    from rotator.model.secret import Secret
    from rotator.transport.bounded import HttpResponse
    from rotator.transport.request import HttpRequest

__all__ = [
    "REJECTION_STATUSES",
    "ApiResponse",
    "call_api",
    "make_probe",
    "make_stored_probe",
]

REJECTION_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""The statuses by which an API rejects a new token: as not valid, or as one that may not do this
(RFC 9110 sections 15.5.2 and 15.5.4)."""

NOT_ABOUT_VALIDITY = frozenset({"401014", "401015"})
"""Adobe's codes for a 401 that a new token of the same client would get too."""

MAX_BODY_BYTES = 16_384
MAX_CODE_CHARS = 64


class ApiResponse:
    """An API's response with its HTTP `status`; texts are redacted when they are read."""

    def __init__(self, response: HttpResponse, redactor: Redactor) -> None:
        self.status = response.status
        self._response = response
        self._redactor = redactor

    @property
    def body(self) -> str:
        """The text, cut to 16 KiB."""
        return self._redactor.redact(self._response.body.decode("utf-8", errors="replace"))

    @property
    def error_code(self) -> str | None:
        """The API's error code, None if it sends none."""
        return self._redacted_details[0]

    @property
    def debug_id(self) -> str | None:
        """The API's request id, for its support; None if it sends none."""
        return self._redacted_details[1]

    @cached_property
    def _redacted_details(self) -> tuple[str | None, ...]:
        return self._redactor.redact_together(
            _error_code(self._response.body, self._redactor),
            debug_id(self._response.headers, self._redactor),
        )


def call_api(
    url: str, *, token: Secret, client_id: str | None, timeout_s: float = 10
) -> ApiResponse:
    """GET `url` with the token, and with the client id as `x-api-key`, which Adobe's APIs need.

    Follows no redirect. Raises ConfigError for a URL that a token must not be sent to, ProbeError
    (retryable) if no complete response came within `timeout_s`.
    """
    problem = problem_with_url(url)
    if problem is not None:
        raise ConfigError(f"API URL: {problem}")
    from rotator.transport.bounded import Timeouts, TransportError, send_bounded

    request = _api_request(url, token, client_id)
    timeouts = Timeouts(connect_s=timeout_s, read_s=timeout_s, total_s=timeout_s)
    response = replace_error(
        lambda: send_bounded(request, timeouts=timeouts, max_body_bytes=MAX_BODY_BYTES),
        TransportError,
        lambda error: ProbeError(f"API: {error} ({endpoint_host(url)})", retryable=True),
    )
    return ApiResponse(response, Redactor.of(token, sent=request))


def _api_request(url: str, token: Secret, client_id: str | None) -> HttpRequest:
    """The request; in a separate function, so that no traceback has a frame with the token."""
    from rotator.transport.request import HttpRequest

    headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json, */*"}
    if client_id is not None:
        headers["x-api-key"] = client_id
    return HttpRequest(url, headers=headers)


def make_probe(
    url: str,
    *,
    timeout_s: float = 10,
    call: Callable[..., ApiResponse] = call_api,
) -> Callable[[AccessToken], str | None]:
    """A probe for `rotate_token`: one call of `url` with the new token before it is published.

    It returns None for success, and raises ProbeError if the API rejects the token
    (`REJECTION_STATUSES`), ConfigError for a URL that a token must not be sent to. An API that
    cannot be reached, or fails for another reason, says nothing about the token: the probe then
    returns the problem, and the token may be published. `call` replaces `call_api`.
    """

    def probe(minted: AccessToken) -> str | None:
        try:
            response = call(
                url, token=minted.access_token, client_id=minted.client_id, timeout_s=timeout_s
            )
        except ProbeError as error:
            return str(error)
        if response.status in REJECTION_STATUSES:
            raise ProbeError(
                f"API: rejects the new token ({_summary(response)}); kept the stored one",
                status=response.status,
                error_code=response.error_code,
                debug_id=response.debug_id,
                is_refusal=True,
            )
        if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP success
            return None
        return f"API: responded with {_summary(response)}"

    return probe


def make_stored_probe(
    url: str, *, timeout_s: float = 10, call: Callable[..., ApiResponse] = call_api
) -> Callable[[AccessToken], bool]:
    """A stored probe for `rotate_token`: one call of `url` with the stored token.

    It returns whether the API rejects the token: by a 401, unless its code says that the token is
    valid for something else. It raises ProbeError if there is no response, and ConfigError for a
    URL that a token must not be sent to. `call` replaces `call_api`.
    """

    def is_rejected(stored: AccessToken) -> bool:
        response = call(
            url, token=stored.access_token, client_id=stored.client_id, timeout_s=timeout_s
        )
        return (
            response.status == HTTPStatus.UNAUTHORIZED
            and response.error_code not in NOT_ABOUT_VALIDITY
        )

    return is_rejected


def _summary(response: ApiResponse) -> str:
    parts = [f"HTTP {response.status}", response.error_code]
    parts.append(f"debug id {response.debug_id}" if response.debug_id else None)
    return ", ".join(filter(None, parts))


def _error_code(body: bytes, redactor: Redactor) -> str | None:
    """The error code in a response body: Adobe's `error_code`, or another common name."""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return None
    nested = members.get("error") if isinstance(members, dict) else None
    for holder in (members, nested):
        if isinstance(holder, dict):
            for name in ("error_code", "errorCode", "code", "error", "title"):
                value = holder.get(name)
                text = str(value) if isinstance(value, int) else value
                shown = redactor.redact_line(text, max_chars=MAX_CODE_CHARS)
                if shown is not None:
                    return shown
    return None
