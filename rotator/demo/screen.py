"""Prints the demo: narration, command lines that can be copied, and their output."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

__all__ = ["Screen"]

WIDTH = 100
INDENT = "    "
BOLD, DIM, GREEN, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Screen:
    """Prints to standard output, at most 100 columns wide."""

    colour: bool

    def say(self, text: str = "") -> None:
        """Print a line."""
        print(text, flush=True)

    def step(self, number: int, text: str) -> None:
        """Print a blank line, the step's number and what it shows."""
        self.say()
        self.say(f"{self._style(BOLD, str(number))}  {text}")

    def command(self, *args: str, stdin: str = "") -> None:
        """Print a `rotator` command line, wrapped if it is too wide; `stdin` names its input."""
        line = f"  $ {shlex.join(['rotator', *args])}{f' < {stdin}' if stdin else ''}"
        while len(line) > WIDTH:
            cut = line.rindex(" --", 0, WIDTH - 2)
            self.say(self._style(BOLD, f"{line[:cut]} \\"))
            line = f"{INDENT}{line[cut:]}"
        self.say(self._style(BOLD, line))

    def output(self, text: str, *, max_lines: int = 8) -> None:
        """Print a command's output, cut to `max_lines` and to the width."""
        for line in text.rstrip().splitlines()[:max_lines]:
            shown = f"{INDENT}{line}".rstrip()
            self.say(shown if len(shown) <= WIDTH else f"{shown[: WIDTH - 1]}…")

    def confirm(self, text: str) -> None:
        """Print a check that succeeded."""
        self.say(f"{INDENT}{self._style(GREEN, '✓')} {text}")

    def _style(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.colour else text
