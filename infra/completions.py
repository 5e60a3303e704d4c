"""Generates the completion scripts and the manual page from the parser of the command line.

`make completions` writes them to `data/`; the wheel installs them below `share/`. Each contains a
digest of the command line, which a test compares with the parser.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rotator.cli.client_settings import ADOBE_SCOPES
from rotator.cli.parser import build_parser
from rotator.model.providers import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DATA", "FILES", "arguments", "commands", "grammar_digest"]

DATA = Path(__file__).parents[1] / "data" / "share"
FILES = {
    "bash": DATA / "bash-completion" / "completions" / "rotator",
    "zsh": DATA / "zsh" / "site-functions" / "_rotator",
    "fish": DATA / "fish" / "vendor_completions.d" / "rotator.fish",
    "man": DATA / "man" / "man1" / "rotator.1",
}


KNOWN_VALUES = {"provider": [*PRESETS], "scope": [*ADOBE_SCOPES]}
"""Suggestions for options that accept other values too, by their `dest`."""

EXEC = {
    "bash": r"""
# The words without the `=` of `--option=value`, which bash takes for a word. After `--`, `exec` has
# the command line of another program, for which bash-completion has a function.
_rotator() {
  local i word words=() current="${COMP_WORDS[COMP_CWORD]}"
  if [[ ${COMP_WORDS[1]} == exec ]]; then
    for ((i = 2; i < COMP_CWORD; i++)); do
      [[ ${COMP_WORDS[i]} == -- ]] || continue
      if declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
        return
      fi
      compopt -o default 2>/dev/null || : # bash>=4
      ((i + 1 == COMP_CWORD)) || return 0
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -c -- "$current")
      return
    done
  fi
  for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
    [[ $word == = ]] || words+=("$word")
  done
  [[ $current == = ]] && current=
  COMP_CWORD=${#words[@]}
  COMP_WORDS=("${words[@]}" "$current")
  _shtab_rotator
}

complete -o bashdefault -F _rotator rotator""",
    "zsh": r"""
# After `--`, `exec` has the command line of another program.
if [[ $words[2] == exec ]] && ((${words[(i)--]} < CURRENT)); then
  ((CURRENT -= ${words[(i)--]}))
  shift ${words[(i)--]} words
  _normal
  return
fi""",
    "fish": r"""
# After `--`, `exec` has the command line of another program.
function _rotator_complete_command
  set -l words (commandline -opc)
  set -l dashes (contains -i -- -- $words); or return
  set -e words[1..$dashes]
  complete -C (string join -- ' ' (string escape -- $words) (commandline -ct))
end

complete -c rotator -n '_shtab_rotator_using exec; and contains -- -- (commandline -opc)' \
  -xa '(_rotator_complete_command)'""",
}
"""Completion of the command after `rotator exec ... --`, which shtab doesn't generate."""


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its commands, depth first."""
    yield parser
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from commands(command)


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments of a command, without undocumented ones."""
    actions = parser._actions  # noqa: SLF001
    return [action for action in actions if action.help != argparse.SUPPRESS]


def grammar_digest(parser: argparse.ArgumentParser) -> str:
    """SHA-256 of everything in the parser that the files depend on."""
    return hashlib.sha256(json.dumps([*map(_facts, commands(parser))]).encode()).hexdigest()


def _facts(parser: argparse.ArgumentParser) -> Mapping[str, Any]:
    return {
        "prog": parser.prog,
        "description": parser.description,
        "epilog": parser.epilog,
        "arguments": [
            [action.option_strings, action.metavar, action.help, _values(action)]
            for action in arguments(parser)
        ],
    }


def _values(action: argparse.Action) -> list[str]:
    return [*(action.choices or ())] or KNOWN_VALUES.get(action.dest, [])


def main() -> None:
    """Write all files."""
    import shtab

    os.environ["COLUMNS"] = "80"  # for the usage lines
    parser = build_parser()
    mark = f"grammar {grammar_digest(parser)}"
    for command in commands(parser):
        for action in arguments(command):
            if action.dest in KNOWN_VALUES:
                action.choices = _values(action)
            if action.metavar == "FILE":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    for shell in ("bash", "zsh", "fish"):
        # zsh recognizes a completion by its first line.
        first, rest = _script(parser, shell).split("\n", 1)
        _write(FILES[shell], f"{first}\n# {mark}\n{rest}")
    _write(FILES["man"], f'.\\" {mark}\n{_manual(parser)}')


def _script(parser: argparse.ArgumentParser, shell: str) -> str:
    import shtab

    if shell != "zsh":
        text: str = shtab.complete(parser, shell=shell)
        return f"{text.rstrip()}\n{EXEC[shell]}"
    # Before the last lines, which run at each Tab.
    text = shtab.complete(parser, shell=shell, preamble=EXEC[shell])
    # `--option=` takes the value in the same word, too.
    return re.sub(r'^(  "\*?--[\w-]+)(\[.*\]:.*")$', r"\1=\2", text, flags=re.MULTILINE)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip("\n") + "\n", "utf-8")
    print(path.relative_to(DATA.parents[1]))


def _manual(parser: argparse.ArgumentParser) -> str:
    """The page, through reStructuredText, because docutils quotes roff correctly."""
    from docutils.core import publish_string
    from docutils.writers.manpage import Writer

    first, *others = commands(parser)
    lines = [
        *_title("rotator", "="),
        *_title("keep a valid OAuth 2.0 token in AWS Secrets Manager", "-"),
        ":Manual section: 1",
        "",
        *_title("SYNOPSIS", "~"),
        "rotator COMMAND [options]",
        "",
        *_title("DESCRIPTION", "~"),
        *_literal(first.description),
        *_options(first),
        *_title("COMMANDS", "~"),
    ]
    for command in others:
        name = command.prog.removeprefix("rotator ")
        lines += _title(name, "^")
        lines += _literal(command.format_usage().removeprefix("usage: "))
        lines += [str(command.description), "", *_options(command), *_literal(command.epilog)]
    lines += [*_title("EXIT STATUS", "~"), *_literal(first.epilog)]
    page: bytes = publish_string("\n".join(lines), writer=Writer())
    lines = [line for line in page.decode().splitlines() if not line.startswith('.\\" ')]
    # docutils writes this heading itself, unlike the others, which are in capitals (man-pages(7)).
    return "\n".join(".SH NAME" if line == ".SH Name" else line for line in lines)


def _title(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _literal(text: str | None) -> list[str]:
    return ["::", "", *(f"  {line}".rstrip() for line in (text or "").strip().splitlines()), ""]


def _options(parser: argparse.ArgumentParser) -> list[str]:
    lines = []
    for action in arguments(parser):
        if action.option_strings:
            value = "" if action.nargs == 0 else f" {action.metavar or _choices(action)}"
            help_text = (action.help or "").replace("*", "\\*").replace("`", "")
            lines += [f"``{', '.join(action.option_strings)}{value}``", f"  {help_text}", ""]
    return lines


def _choices(action: argparse.Action) -> str:
    return "|".join(action.choices or ())


if __name__ == "__main__":
    main()
