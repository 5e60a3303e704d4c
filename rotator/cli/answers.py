"""Reads the answers to questions at a terminal, one line each.

People paste several lines at once, often the client id with the client secret. No line but the
first is an answer: the rest is discarded, and shown neither here nor at the next prompt.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import NamedTuple

__all__ = ["Answer", "read_answer"]

_PASTE_S = 0.05
"""How long a terminal takes at most to pass on the next piece of what was pasted."""


class Answer(NamedTuple):
    """The first line, and whether more than white space followed it at once."""

    line: str
    has_more: bool


def read_answer(prompt: str, *, is_hidden: bool) -> Answer | None:
    """The line that is typed at `prompt`, None at the end of input (Ctrl-D).

    With `is_hidden` the terminal doesn't show it. What was typed before the prompt is discarded.
    """
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    during = termios.tcgetattr(fd)
    if is_hidden:
        during[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(fd, termios.TCSAFLUSH, during)
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        return Answer(line, _discard_rest(fd)) if line else None
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)


def _discard_rest(fd: int) -> bool:
    """Discard what was pasted behind the line; returns whether that was more than white space."""
    tty.setcbreak(fd, termios.TCSANOW)  # the last line may have no end
    rest = b""
    while select.select([fd], [], [], _PASTE_S)[0] and (piece := os.read(fd, 4096)):
        rest += piece
    return bool(rest.strip())
