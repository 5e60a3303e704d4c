"""Determines where the body of an HTTP response ends, by its headers (RFC 9112 section 6).

`http.client` accepts `+5`, `1_0` and `-5` as lengths, and ignores what it can't parse, so that a
body may be truncated, or read past its end. Standard library only: the reader uses this too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

__all__ = ["body_end", "parse_chunk_size"]

MAX_DIGITS = 40
"""More digits than any length has; `int` does not parse more than 4,300."""

_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


def body_end(
    lengths: Iterable[str], codings: Iterable[str], *, is_http_1_0: bool = False
) -> int | Literal["chunked"] | None:
    """The size of the body in bytes, "chunked", or None if it ends with the connection.

    `lengths` and `codings` are the values of all Content-Length and Transfer-Encoding headers.
    Only a length of digits, which may be repeated (section 6.3), or a single coding `chunked` is
    accepted. Raises ValueError, with a text that continues "the response has ...", for anything
    else: it is an unrecoverable error by section 6.3 or faulty by 6.1, and a client that offers no
    coding in `TE` gets only `chunked`.
    """
    stated = _split(lengths)
    named = _split(codings)
    if named:
        if stated:
            raise ValueError("both Content-Length and Transfer-Encoding")
        if is_http_1_0:
            raise ValueError("a Transfer-Encoding, which HTTP/1.0 does not have")
        if [each.lower() for each in named] != ["chunked"]:
            raise ValueError("a Transfer-Encoding other than chunked")
        return "chunked"
    if not stated:
        return None
    if not all(_is_length(each) for each in stated):
        raise ValueError("a Content-Length that is not a whole number")
    sizes = {int(each) for each in stated}
    if len(sizes) > 1:
        raise ValueError("Content-Length headers that differ")
    return sizes.pop()


def parse_chunk_size(line: str) -> int:
    """The size that the first line of a chunk states (section 7.1); raises ValueError."""
    digits = line.partition(";")[0].rstrip(" \t")
    if not digits or len(digits) > MAX_DIGITS or not _HEXADECIMAL.issuperset(digits):
        raise ValueError("a chunk whose size is not a number")
    return int(digits, 16)


def _split(values: Iterable[str]) -> list[str]:
    """The members of all lists; repeated headers are one list (RFC 9110 section 5.3)."""
    return [member.strip(" \t\r\n") for value in values for member in value.split(",")]


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
