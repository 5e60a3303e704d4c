"""`rotator exec`: a command with the token in its environment."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from rotator.cli.consume import add_consumer, add_prefix, token_variables
from rotator.cli.terminal import printable_name
from rotator.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

__all__ = ["add_to"]

# As shells exit (POSIX.1-2017, Shell Command Language, 2.8.2).
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127

_SHELL = "/bin/sh"
_MAX_SHOWN_CHARS = 200

_EXAMPLE = """\
example:
  rotator exec adobe/token --prefix PS_FF_SERVICES -- ./job.sh
The command replaces the rotator process, so exit code and signals are the
command's. Exit code 126: it cannot be run; 127: it is not found."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = add_consumer(
        commands,
        "exec",
        _exec,
        does="run a command with the token in its environment",
        epilog=_EXAMPLE,
    )
    add_prefix(parser)
    parser.usage = "rotator exec [-h] [--prefix PREFIX] [--min-life DURATION] [ID] -- CMD [ARG ...]"


def _exec(args: argparse.Namespace) -> int:
    if not args.argv:
        raise ConfigError("the command is missing; pass it after --, as in rotator exec ID -- CMD")
    variables = token_variables(args)
    environment = {name: text for name, text in os.environ.items() if name not in variables}
    environment |= {name: text for name, text in variables.items() if text is not None}
    # Python ignores these signals at start-up, and the command would inherit that (execve(2)).
    ours = {
        number: signal.signal(number, signal.SIG_DFL)
        for number in (getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFSZ", "SIGXFZ"))
        if number is not None
    }
    code, problem = _replace_process(args.argv, environment)
    for number, handler in ours.items():  # the caller of `main` goes on
        signal.signal(number, handler)
    print(f"rotator exec: {_format_subject(args.argv[0])}{problem}", file=sys.stderr)
    return code


def _format_subject(command: str) -> str:
    """The name in front of a problem, on one line; nothing if it is empty."""
    return f"{printable_name(command)[:_MAX_SHOWN_CHARS]}: " if command else ""


def _replace_process(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Become the command, as execvp(3) does; returns the exit code and the reason on failure."""
    command = argv[0]
    if not command:
        return _NOT_FOUND, "the command is empty; pass its name after --"
    paths = [command]
    if not os.path.dirname(command):  # noqa: PTH120 - pathlib costs milliseconds to import
        paths = [os.path.join(folder, command) for folder in os.get_exec_path(environment)]  # noqa: PTH118
    failure = (_NOT_FOUND, "is not found; check the name and PATH")
    for path in paths:
        try:
            _execute(path, argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.isfile(path):  # noqa: PTH113
                return _NOT_EXECUTABLE, _interpreter_problem(path)
        except PermissionError:
            failure = (_NOT_EXECUTABLE, _permission_problem(path))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "unknown reason"
            return _NOT_EXECUTABLE, f"cannot be executed: {reason}"
        except ValueError:  # an argument with a NUL in it
            return _NOT_EXECUTABLE, "cannot be executed: an argument holds a NUL"
    return failure


def _execute(path: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
    try:
        os.execve(path, list(argv), environment)  # noqa: S606 - what it is for
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # A script without an interpreter line is run by the shell (execvp in POSIX.1-2017).
    os.execve(_SHELL, [_SHELL, path, *argv[1:]], environment)  # noqa: S606


def _permission_problem(path: str) -> str:
    """The message for a file that may not be executed, or a directory."""
    if os.path.isdir(path):  # noqa: PTH112
        return "is a directory; pass a program"
    return "cannot be executed; check its permissions"


def _interpreter_problem(path: str) -> str:
    """The message for a file that exists, but whose interpreter is not found."""
    with open(path, "rb") as file:  # noqa: PTH123
        first = file.readline(256)
    if first.startswith(b"#!") and first.rstrip(b"\n").endswith(b"\r"):
        return "cannot be executed: its first line has a Windows line ending; save it with LF"
    return "cannot be executed: the interpreter that its first line names does not exist"
