"""Reads the answers to questions at a terminal, one line each.

People paste several lines at once, often the client id with the client secret, and type before they
are asked. Neither is an answer: it is discarded, and not shown.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Answer", "hide_typing", "read_answer"]

_MAX_LINE_BYTES = 65_536
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
    with _set_echo(fd, is_on=not is_hidden):
        print(prompt, end="", file=sys.stderr, flush=True)
        line = os.read(fd, _MAX_LINE_BYTES)  # a terminal returns one line at a time
        if not line.endswith(b"\n"):
            return None
        # In UTF-8 whatever the locale, as standard input is read where it is no terminal.
        return Answer(line.decode("utf-8", "surrogateescape"), _discard_rest(fd))


@contextmanager
def hide_typing() -> Iterator[None]:
    """Within the block, only answers that are not hidden are shown; for a terminal alone."""
    if not sys.stdin.isatty():
        yield
        return
    with _set_echo(sys.stdin.fileno(), is_on=False):
        yield


@contextmanager
def _set_echo(fd: int, *, is_on: bool) -> Iterator[None]:
    """Show what is typed or not, and discard what was typed before, and until the end."""
    before, during = termios.tcgetattr(fd), termios.tcgetattr(fd)
    during[3] = during[3] | termios.ECHO if is_on else during[3] & ~termios.ECHO
    try:
        termios.tcsetattr(fd, termios.TCSAFLUSH, during)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)


def _discard_rest(fd: int) -> bool:
    """Discard what was pasted behind the line; returns whether that was more than white space."""
    tty.setcbreak(fd, termios.TCSANOW)  # the last line may have no end
    rest = b""
    while select.select([fd], [], [], _PASTE_S)[0] and (piece := os.read(fd, 4096)):
        rest += piece
    return bool(rest.strip())
