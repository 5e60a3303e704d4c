"""Everything that a token endpoint can do wrong, as data: one row is one answer.

Most differ from `GOOD`, a whole answer that is accepted, in the one thing that their name says.
"""

import gzip
import json
from urllib.parse import quote_plus

from tests.evidence.hostile_framing import FRAMING
from tests.evidence.hostile_words import (
    ASKED_AT_S,
    BASIC,
    CHUNKED,
    CLIENT_SECRET,
    ELSEWHERE,
    GOOD,
    GOOD_BODY,
    HEAD,
    HERE,
    HTML,
    TOKEN,
    Drip,
    Endless,
    HalfClose,
    Reset,
    Row,
    Silence,
    accepted,
    answer,
    broken,
    changed,
    ended,
    error_row,
    http,
    jwt,
    members,
    redirected,
    refused,
    stated,
    text,
    unreadable,
)

REDIRECTS = (
    redirected("301 Moved Permanently"),
    redirected("302 Found"),
    redirected("303 See Other"),
    redirected("307 Temporary Redirect"),
    redirected("308 Permanent Redirect"),
    redirected("307 Temporary Redirect", HERE, name="redirect to itself, for ever"),
    redirected("307 Temporary Redirect", "file:///etc/passwd", name="redirect to a file"),
    redirected("302 Found", "http://[::bad", name="redirect to no URL at all"),
    Row(
        "redirect with an endless body",
        (
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + ELSEWHERE.encode() + b"\r\n\r\n",
            Endless(b"x" * 4096),
        ),
        "redirects",
        status=307,
    ),
    stated("300 with a token", "300 Multiple Choices", "redirects"),
)

STATUSES = (
    stated("203 with a token", "203 Changed", "refused"),
    stated("202 with a token", "202 Accepted", "refused"),
    stated("206 with a token", "206 Partial Content", "refused"),
    Row("204 without a body", (b"HTTP/1.1 204 No Content\r\n\r\n",), "refused", status=204),
    Row("304 without a body", (b"HTTP/1.1 304 Not Modified\r\n\r\n",), "redirects", status=304),
    Row(
        "101 to another protocol",
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",),
        "refused",
        status=101,
    ),
    stated("status 999 with a token", "999 Denied", "failed", retryable=True),
    refused("400 in HTML", "400 Bad Request", HTML, "refused"),
    refused("401 in HTML", "401 Unauthorized", HTML, "refused"),
    refused("403 of a firewall", "403 Forbidden", HTML, "refused"),
    refused("404 in HTML", "404 Not Found", HTML, "refused"),
    refused("405 in HTML", "405 Method Not Allowed", HTML, "refused"),
    refused("407 of a proxy", "407 Proxy Authentication Required", HTML, "refused"),
    refused("408 in HTML", "408 Request Timeout", HTML, "failed", retryable=True),
    refused("500 in HTML", "500 Internal Server Error", HTML, "failed", retryable=True),
    refused("502 of a gateway", "502 Bad Gateway", HTML, "failed", retryable=True),
    refused("503 in HTML", "503 Service Unavailable", HTML, "failed", retryable=True),
    stated("429 with a token", "429 Too Many", "failed", retryable=True),
    stated("500 with a token", "500 Oops", "failed", retryable=True),
    *(
        stated(name, "429 Too Many", "failed", f"Retry-After: {asked}", retryable=True)
        for name, asked in {
            "429 that asks for a year": "31536000",
            "429 that asks until the year 9999": "Fri, 31 Dec 9999 23:59:59 GMT",
            "429 that asks for nonsense": "\t-7e9, soon",
        }.items()
    ),
)

ERRORS = (
    error_row("invalid_client with 400", "invalid_client", "invalid client_secret parameter"),
    error_row("invalid_client with 401", "invalid_client", status="401 Unauthorized"),
    error_row("invalid_client with 503", "invalid_client", status="503 Unavailable"),
    error_row("invalid_scope", "invalid_scope"),
    error_row("unauthorized_client", "unauthorized_client"),
    error_row("unsupported_grant_type", "unsupported_grant_type"),
    error_row("temporarily_unavailable with 400", "temporarily_unavailable", retryable=True),
    error_row("server_error with 400", "server_error", retryable=True),
    error_row("the client secret echoed", "invalid_client", f"bad secret {CLIENT_SECRET}!"),
    error_row(
        "the client secret echoed, form-encoded",
        "invalid_client",
        f"client_secret={quote_plus(CLIENT_SECRET)}",
    ),
    error_row("the Basic header echoed", "invalid_client", f"Authorization: Basic {BASIC}"),
    error_row(
        "the client secret echoed in upper case", "invalid_client", CLIENT_SECRET.upper() + "?"
    ),
    error_row(
        "the client secret echoed with a line break in it",
        "invalid_client",
        CLIENT_SECRET.replace("canary", "canary\r\n"),
    ),
    error_row("the client secret echoed in part", "invalid_client", CLIENT_SECRET[:18] + "..."),
    error_row(
        "the client secret as the error code",
        CLIENT_SECRET,
        error="answered ***",
        oauth_error="***",
    ),
    error_row(
        "the client secret as the request id",
        "invalid_request",
        None,
        f"x-debug-id: {quote_plus(CLIENT_SECRET)}",
        error="debug id ***",
    ),
    Row(
        "a token in an error, echoed in its description",
        (
            answer(
                status="400 Bad Request",
                error="invalid_request",
                error_description=f"have you lost {TOKEN}?",
            ),
        ),
        "invalid_request: have you lost ***?",
        oauth_error="invalid_request",
        status=400,
    ),
    error_row(
        "terminal control characters in the description",
        "invalid_request",
        "\x1b[2J\x1b]0;owned\x07all is \u202egood\nrotator.token_rotated",
        error="all is good rotator.token_rotated",
    ),
    error_row(
        "a description of 60 kB", "invalid_request", "x" * 60_000, error="x" * 50, status="400 Bad"
    ),
    error_row("an error that is an object", {"code": 7}, error="refused"),
    error_row("an error that is a number", 7, error="refused"),
    error_row("a description that is a list", "invalid_request", ["a"]),
)

BODIES = (
    accepted("an empty body", http(b""), "is not JSON"),
    accepted("a sign-in page", http(HTML, content_type="text/html"), "is HTML"),
    accepted("JSON that calls itself HTML", http(GOOD_BODY, content_type="text/html"), "is HTML"),
    accepted("JSON that calls itself an image", http(GOOD_BODY, content_type="image/png"), "type"),
    accepted("null", text("null"), "not an object"),
    accepted("an array", text(f"[{json.dumps(members())}]"), "not an object"),
    accepted("a string", text(json.dumps(TOKEN)), "not an object"),
    accepted("a number", text("86399"), "not an object"),
    accepted("JSON cut off", http(GOOD_BODY[:-9]), "is not JSON"),
    accepted("JSON twice", http(GOOD_BODY * 2), "is not JSON"),
    accepted("JSON and more", http(GOOD_BODY + b"<!-- 3 ms -->"), "is not JSON"),
    accepted("JSON behind a guard", http(b")]}'\n" + GOOD_BODY), "is not JSON"),
    accepted("JSON in single quotes", http(GOOD_BODY.replace(b'"', b"'")), "is not JSON"),
    accepted("a form", text(f"access_token={TOKEN}&expires_in=86399"), "is not JSON"),
    accepted("XML", text(f"<access_token>{TOKEN}</access_token>"), "is not JSON"),
    accepted("a byte order mark", http(b"\xef\xbb\xbf" + GOOD_BODY), "is not JSON"),
    accepted("UTF-16", http(GOOD_BODY.decode().encode("utf-16")), "is not UTF-8"),
    accepted("invalid UTF-8", http(GOOD_BODY[:-1] + b',"x":"\xff"}'), "is not UTF-8"),
    accepted("two tokens", http(b'{"access_token":"a",' + GOOD_BODY[1:]), "occurs twice"),
    accepted("two lifetimes", http(b'{"expires_in":1,' + GOOD_BODY[1:]), "occurs twice"),
    accepted("the same member twice, nested", text('{"x":[{"a":1,"a":2}]}'), "occurs twice"),
    accepted("NaN", http(GOOD_BODY.replace(b"86399", b"NaN")), "is not JSON"),
    accepted("Infinity", http(GOOD_BODY.replace(b"86399", b"Infinity")), "is not JSON"),
    accepted("1e999", http(GOOD_BODY.replace(b"86399", b"1e999")), "not a whole number"),
    accepted("a number of 9000 digits", http(GOOD_BODY.replace(b"86399", b"9" * 9000)), "whole"),
    # Python 3.14 parses them, older ones give up; they're no object either way.
    accepted("30000 nested arrays", text("[" * 30_000 + "]" * 30_000), "JSON"),
    accepted("40 nested objects", text('{"a":' * 40 + "1" + "}" * 40), "nested too deeply"),
    accepted(
        "a gzip bomb",
        http(gzip.compress(b" " * 20_000_000 + GOOD_BODY), "Content-Encoding: gzip"),
        "compressed",
    ),
    accepted(
        "a token in gzip", http(gzip.compress(GOOD_BODY), "Content-Encoding: gzip"), "compressed"
    ),
    accepted(
        "an unknown encoding", http(GOOD_BODY, "Content-Encoding: aes128gcm"), "not requested"
    ),
    accepted("a token after 70 kB of spaces", http(b" " * 70_000 + GOOD_BODY), "longer than"),
    Row("an endless body", (HEAD + b"\r\n", Endless(b" " * 4096)), "longer than"),
    Row(
        "an endless body in chunks",
        (CHUNKED, Endless(b"1000\r\n" + b" " * 4096 + b"\r\n")),
        "longer than",
    ),
)

MEMBERS = (
    Row(
        "200 with an error",
        (answer(access_token=..., error="invalid_client"),),
        "invalid_client",
        oauth_error="invalid_client",
    ),
    Row(
        "200 with an error and a token",
        (answer(error="invalid_client"),),
        "invalid_client",
        oauth_error="invalid_client",
    ),
    changed("200 with an error that is false", "refused", error=False),
    changed("no token", "access_token is missing", access_token=...),
    changed("a token that is null", "access_token is missing", access_token=None),
    changed("a token that is empty", "a non-empty string", access_token=""),
    changed("a token that is a number", "a non-empty string", access_token=7),
    changed("a token that is true", "a non-empty string", access_token=True),
    changed("a token that is an object", "a non-empty string", access_token={"value": TOKEN}),
    changed("a token that is a list", "a non-empty string", access_token=[TOKEN]),
    changed("a token with a header in it", "no header", access_token=f"{TOKEN}\r\nX-Admin: 1"),
    changed("a token with a space in it", "no header", access_token=f"{TOKEN} {TOKEN}"),
    changed("a token beyond ASCII", "no header", access_token=f"{TOKEN}é"),
    changed("a token with half a character", "no header", access_token=f"{TOKEN}\ud800"),
    changed("a token of blanks", "no header", access_token="   "),
    changed("a token of 20 kB", "longer than", access_token=TOKEN * 500),
    changed("a token that is the client secret", "holds the", access_token=CLIENT_SECRET),
    changed("a token around the client secret", "holds the", access_token=f"a.{CLIENT_SECRET}.b"),
    changed("no token_type", "token_type is missing", token_type=...),
    changed("a token_type that is null", "token_type is missing", token_type=None),
    changed("token_type mac", "token_type is mac", token_type="mac"),
    changed("token_type DPoP", "token_type is DPoP", token_type="DPoP"),
    changed("token_type N_A", "token_type is N_A", token_type="N_A"),
    changed("a token_type with a space", "only bearer", token_type="bearer "),
    changed("a token_type that is a list", "only bearer", token_type=["bearer"]),
    changed("a token_type that is the token", "token_type is ***", token_type=TOKEN),
    changed("no expires_in", "expires_in is missing", expires_in=...),
    changed("an expires_in that is null", "expires_in is missing", expires_in=None),
    ended("expires_in 0", "not positive", expires_in=0),
    changed("expires_in -1", "not positive", expires_in=-1),
    changed("expires_in in milliseconds", "milliseconds?", expires_in=86_399_000),
    changed("expires_in in milliseconds, as a string", "milliseconds?", expires_in="86399000"),
    changed("expires_in of 1e300", "milliseconds?", expires_in=1e300),
    changed("expires_in 3599.5", "whole number", expires_in=3599.5),
    changed("expires_in '3599.5'", "whole number", expires_in="3599.5"),
    changed("expires_in 'soon'", "whole number", expires_in="soon"),
    changed("expires_in '3600s'", "whole number", expires_in="3600s"),
    changed("expires_in '-1'", "whole number", expires_in="-1"),
    changed("an empty expires_in", "whole number", expires_in=""),
    changed("expires_in in Arabic digits", "whole number", expires_in="٣٦٠٠"),
    changed("an expires_in that is true", "whole number", expires_in=True),
    changed("an expires_in that is a list", "whole number", expires_in=[3600]),
    changed("a date as expires_in", "whole number", expires_in="2026-02-01T00:00:00Z"),
    changed("a scope that is a number", "scope is not", scope=7),
    changed("a scope that is an object", "scope is not", scope={"openid": True}),
    changed("a scope with a line break", "scope is not", scope="openid\nread_organizations"),
    changed("a narrower scope", "scope is narrower", scope="openid"),
    changed("another scope", "scope is narrower", scope="admin"),
)

CLAIMS = (
    changed("a JWT that has expired", "already expired", access_token=jwt(exp=ASKED_AT_S - 3600)),
    ended("a JWT that ends as it comes", "already expired", access_token=jwt(exp=ASKED_AT_S)),
    changed(
        "a JWT that ends as it begins",
        "ends before it begins",
        access_token=jwt(iat=ASKED_AT_S, exp=ASKED_AT_S),
    ),
    ended(
        "an old JWT announced as new",
        "already expired",
        access_token=jwt(iat=ASKED_AT_S - 86_400, exp=ASKED_AT_S - 1),
    ),
    changed(
        "a JWT whose times are swapped",
        "ends before it begins",
        access_token=jwt(iat=ASKED_AT_S + 90_000, exp=ASKED_AT_S),
    ),
    changed("a JWT in milliseconds", "unit", access_token=jwt(exp=(ASKED_AT_S + 86_400) * 1000)),
    changed("a JWT that ends 'soon'", "claim exp", access_token=jwt(exp="soon")),
    changed("a JWT that ends before 1970", "claim exp", access_token=jwt(exp=-1)),
    changed("a JWT of another client", "to another client", access_token=jwt(client_id="someone")),
    changed("a JWT for another party", "to another client", access_token=jwt(azp="someone")),
    changed("a JWT for the year 2100", "not valid yet", access_token=jwt(nbf=4_102_444_800)),
    changed(
        "an Adobe token of a time with 401 digits",
        "unit",
        access_token=jwt(created_at="9" * 401, expires_in="86400000"),
    ),
    ended(
        "an Adobe token from yesterday",
        "already expired",
        access_token=jwt(created_at=str((ASKED_AT_S - 86_400) * 1000), expires_in="86400000"),
    ),
    changed(
        "an Adobe token created 'now'",
        "claim created_at",
        access_token=jwt(created_at="now", expires_in="86400000"),
    ),
)

CONNECTIONS = (
    broken("closed at once", reads_request=False),
    broken("reset at once", Reset(), reads_request=False),
    broken("closed without an answer"),
    broken("reset without an answer", Reset()),
    broken("reset in the status line", b"HTTP/1.1 20", Reset()),
    Row("closed in the headers", (HEAD,), "is not JSON"),
    broken("reset in the headers", HEAD, Reset()),
    broken("closed in the body", GOOD[:-9]),
    broken("reset in the body", GOOD[:-9], Reset()),
    broken("a Content-Length that is too long", http(GOOD_BODY, length=len(GOOD_BODY) + 1)),
    Row(
        "a Content-Length that is too short",
        (http(GOOD_BODY, length=len(GOOD_BODY) - 1),),
        "is not JSON",
    ),
    broken("a Content-Length of 10^30, then nothing", http(GOOD_BODY, length=10**30)),
    broken("chunks without a size", CHUNKED + b"zz\r\n" + GOOD_BODY + b"\r\n0\r\n\r\n"),
    broken(
        "a negative chunk", CHUNKED + b"-5\r\n" + GOOD_BODY + b"\r\n0\r\n\r\n", error="HTTP failed"
    ),
    broken("chunks without an end", CHUNKED + b"%x\r\n" % len(GOOD_BODY) + GOOD_BODY + b"\r\n"),
    broken("a chunk that is cut off", CHUNKED + b"ffff\r\n" + GOOD_BODY),
    broken("a chunk of 10^18 bytes", CHUNKED + b"de0b6b3a7640000\r\n" + GOOD_BODY),
    broken("no HTTP at all", b"SSH-2.0-OpenSSH_9.9\r\n"),
    broken("TLS where none is spoken", b"\x15\x03\x03\x00\x02\x02\x28"),
    broken("HTTP/0.9", GOOD_BODY),
    broken("a status that is a word", b"HTTP/1.1 OK fine\r\n\r\n" + GOOD_BODY),
    broken("a status of one digit", b"HTTP/1.1 2 OK\r\n\r\n" + GOOD_BODY),
    unreadable("a status line of 100 kB", b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n"),
    unreadable("a header line of 100 kB", HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n" + GOOD_BODY),
    unreadable("10000 headers", HEAD + b"X: x\r\n" * 10_000 + b"\r\n" + GOOD_BODY),
    unreadable("endless headers", HEAD, Endless(b"X: x\r\n")),
    unreadable("an endless header line", HEAD + b"X: ", Endless(b"x" * 1000)),
    broken("a silent server", Silence(), error="in time"),
    broken(
        "silence after the headers", HEAD + b"Content-Length: 9\r\n\r\n", Silence(), error="in time"
    ),
    broken("a half-closed connection without an answer", HalfClose()),
    broken("an answer that is half-closed in the body", GOOD[:-9], HalfClose()),
    broken("a status line that drips", Drip(b"HTTP/1.1 200 OK"), error="in time"),
    broken("headers that drip", HEAD, Drip(b"X: x\r\n"), error="in time"),
    broken(
        "a body that drips", HEAD + b"Content-Length: 60000\r\n\r\n", Drip(b" "), error="in time"
    ),
    broken("chunks that drip", CHUNKED, Drip(b"1\r\n \r\n"), error="in time"),
    # From Python 3.14 on `http.client` gives up earlier, after a hundred of them.
    broken("100 Continue, for ever", Endless(b"HTTP/1.1 100 Continue\r\n\r\n"), error=""),
    Row(
        "103 and then a token", (b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD,), "refused", status=103
    ),
)

ROWS = (*REDIRECTS, *STATUSES, *ERRORS, *BODIES, *MEMBERS, *CLAIMS, *CONNECTIONS, *FRAMING)
