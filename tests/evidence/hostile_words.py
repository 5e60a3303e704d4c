"""The words in which `hostile_rows` says what a token endpoint answers.

The request is always the same: `client_secret_post` with the credentials below.
"""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

CLIENT_ID = "3f0ad53b1f2f4a0e9d1c3f2b5a697887"
CLIENT_SECRET = "p8e-canary/of+the:client=secret&%"
TOKEN = "canary.of-a-token.that-must-not-be-shown"
SCOPE = "openid read_organizations"
ASKED_AT_S = 1_769_850_000
"""When the request is sent, in seconds since 1970."""

ELSEWHERE = "http://elsewhere.invalid"
"""In an answer: the address of another server, where nothing may arrive."""
HERE = "http://here.invalid"
"""In an answer: the address of the token endpoint itself."""


def credential_fields(token_url: str) -> dict[str, str]:
    """The client credentials of the request, as rotator stores them."""
    return {
        "token_url": token_url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "auth_method": "client_secret_post",
        "scope": SCOPE,
        "scope_policy": "refuse",
    }


@dataclass(frozen=True, slots=True)
class Drip:
    """Send `data` again and again, a byte at a time, with pauses that no read timeout notices."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Endless:
    """Send `data` again and again, as fast as it is taken."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Reset:
    """End the connection with RST."""


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Say that nothing more will be sent, and keep the connection open."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Say nothing, and keep the connection open."""


Step = bytes | Drip | Endless | Reset | HalfClose | Silence


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, and the error that it has to end in.

    `script` is sent in order, and then the connection is closed. `error` is a part of our message,
    `retryable`, `oauth_error` and `status` are what the error has to say as data.
    """

    name: str
    script: tuple[Step, ...]
    error: str
    retryable: bool = False
    oauth_error: str | None = None
    status: int | None = 200
    reads_request: bool = True

    @property
    def is_endless(self) -> bool:
        """Whether only a deadline ends it."""
        return any(isinstance(step, Drip | Endless | Silence) for step in self.script)


def http(
    body: bytes = b"",
    *headers: str,
    status: str = "200 OK",
    content_type: str = "application/json",
    length: int | None = None,
) -> bytes:
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {size}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def members(**changes: Any) -> dict[str, Any]:
    """A good answer's members; a change to `...` leaves one out."""
    good = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86_399}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def answer(*headers: str, status: str = "200 OK", **changes: Any) -> bytes:
    return http(json.dumps(members(**changes)).encode(), *headers, status=status)


def text(body: str) -> bytes:
    return http(body.encode())


def jwt(**claims: Any) -> str:
    parts = [{"alg": "HS256"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"canary-of-a-signature"]).decode()


def oauth_error(code: object, description: object, *headers: str, status: str) -> bytes:
    body = {"error": code} | ({} if description is None else {"error_description": description})
    return http(json.dumps(body).encode(), *headers, status=status)


def accepted(name: str, script: bytes, error: str) -> Row:
    """A row whose status is 200 and whose answer is not to be believed."""
    return Row(name, (script,), error)


def changed(name: str, problem: str, /, **changes: Any) -> Row:
    return accepted(name, answer(**changes), problem)


def ended(name: str, problem: str, /, **changes: Any) -> Row:
    """A row that may be a cached token at its end, which is asked for again."""
    return replace(changed(name, problem, **changes), retryable=True)


def refused(name: str, status: str, body: bytes, error: str, **data: Any) -> Row:
    answered = http(body, status=status, content_type="text/html")
    return Row(name, (answered,), error, status=int(status[:3]), **data)


def stated(name: str, status: str, error: str, *headers: str, **data: Any) -> Row:
    """A row with a whole token whose status or headers say no."""
    return Row(name, (answer(*headers, status=status),), error, status=int(status[:3]), **data)


def broken(name: str, *script: Step, error: str = "connection failed", **data: Any) -> Row:
    """A row that never becomes a whole answer."""
    return Row(name, script, error, retryable=True, status=None, **data)


def unreadable(name: str, *script: Step) -> Row:
    """A row whose status may be good, and whose headers no client takes: so it will stay."""
    return Row(name, script, "more or longer headers", status=None)


def redirected(status: str, location: str = ELSEWHERE, *, name: str | None = None) -> Row:
    return Row(
        name or f"redirect {status[:3]} to another server",
        (answer(f"Location: {location}", status=status),),
        "redirects",
        status=int(status[:3]),
    )


GOOD = answer()
"""A whole answer that is accepted."""
GOOD_BODY = json.dumps(members()).encode()
HTML = b"<!doctype html><title>Sign in</title>"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BASIC = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


def error_row(
    name: str,
    code: object,
    description: object = None,
    *headers: str,
    status: str = "400 Bad Request",
    error: str | None = None,
    **data: Any,
) -> Row:
    stated = {"oauth_error": code if isinstance(code, str) else None, "status": int(status[:3])}
    script = (oauth_error(code, description, *headers, status=status),)
    return Row(name, script, error or str(code), **(stated | data))
