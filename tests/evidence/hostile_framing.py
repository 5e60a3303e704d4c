"""Responses whose headers do not say where the body ends (RFC 9112 sections 6.1 and 6.3)."""

from tests.evidence.hostile_words import GOOD_BODY, HEAD, Row

SIZE = len(GOOD_BODY)
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, GOOD_BODY)
NO_NUMBER = "a Content-Length that is not a whole number"
NO_CHUNKED = "a Transfer-Encoding other than chunked"
BOTH = "both Content-Length and Transfer-Encoding"


def _row(name: str, error: str, *headers: str, body: bytes = GOOD_BODY, first: bytes = HEAD) -> Row:
    head = first + "".join(f"{each}\r\n" for each in headers).encode() + b"\r\n"
    words = f"the response has {error}; report it to the operator"
    return Row(name, (head + body,), words, status=None)


FRAMING = (
    _row("a Content-Length with a plus sign", NO_NUMBER, f"Content-Length: +{SIZE}"),
    _row("a Content-Length with a minus sign", NO_NUMBER, f"Content-Length: -{SIZE}"),
    _row("a Content-Length with an underscore", NO_NUMBER, f"Content-Length: 0_{SIZE}"),
    _row("a Content-Length in hexadecimal", NO_NUMBER, f"Content-Length: {SIZE:#x}"),
    _row("a Content-Length with a fraction", NO_NUMBER, f"Content-Length: {SIZE}.0"),
    _row("an empty Content-Length", NO_NUMBER, "Content-Length:"),
    _row("a Content-Length that is a word", NO_NUMBER, "Content-Length: all"),
    _row("a Content-Length with a unit", NO_NUMBER, f"Content-Length: {SIZE} bytes"),
    _row(
        "two Content-Lengths in one header",
        "Content-Length headers that differ",
        f"Content-Length: {SIZE}, {SIZE - 1}",
    ),
    _row(
        "two Content-Lengths in two headers",
        "Content-Length headers that differ",
        f"Content-Length: {SIZE}",
        f"Content-Length: {SIZE + 1}",
    ),
    _row("Transfer-Encoding xchunked", NO_CHUNKED, "Transfer-Encoding: xchunked", body=CHUNKS),
    _row("chunked twice", NO_CHUNKED, "Transfer-Encoding: chunked, chunked", body=CHUNKS),
    _row("chunked and then gzip", NO_CHUNKED, "Transfer-Encoding: chunked, gzip", body=CHUNKS),
    _row("gzip in chunks", NO_CHUNKED, "Transfer-Encoding: gzip, chunked", body=CHUNKS),
    _row("Transfer-Encoding identity", NO_CHUNKED, "Transfer-Encoding: identity"),
    _row(
        "chunks and a Content-Length",
        BOTH,
        "Transfer-Encoding: chunked",
        f"Content-Length: {SIZE}",
        body=CHUNKS,
    ),
    _row(
        "an unknown Transfer-Encoding and a Content-Length",
        BOTH,
        "Transfer-Encoding: xchunked",
        f"Content-Length: {SIZE}",
    ),
    _row(
        "chunks in HTTP/1.0",
        "a Transfer-Encoding, which HTTP/1.0 does not have",
        "Transfer-Encoding: chunked",
        body=CHUNKS,
        first=HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ),
)
