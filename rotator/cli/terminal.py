"""Makes text from servers safe to show on a terminal."""

from __future__ import annotations

import re

__all__ = ["printable", "printable_name"]

# Control characters except tab and line feed, and Unicode's direction marks and line breaks.
_CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
)


def printable(text: str) -> str:
    """`text` with every character that could control a terminal written as a Python escape."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text.replace("\r\n", "\n"))


def printable_name(text: str) -> str:
    """As `printable`, for text in a line: line feeds and tabs are escaped too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")
