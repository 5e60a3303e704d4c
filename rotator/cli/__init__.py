"""The command line: `rotator COMMAND`, with one file per command.

Data goes to standard output, everything else to standard error. `rotator.cli.exit_codes` has the
exit codes.
"""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from rotator.cli.distributions import namesake_problem
from rotator.cli.exit_codes import (
    EXIT_CONFIGURATION,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_TERMINATED,
    EXIT_UNEXPECTED,
    exit_code,
)
from rotator.cli.parser import parse
from rotator.cli.streams import flush_output, prepare_streams
from rotator.errors import RotatorError, describe_unexpected

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line on standard error.

    Without `argv` it runs the command line of this process, which then exits.
    """
    if argv is None:
        # The process takes half a second, mostly for imports. Garbage collection would add a tenth
        # and find nothing.
        gc.disable()
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:  # an ignored signal stays ignored
        signal.signal(signal.SIGTERM, _terminate)
    prepare_streams()
    command, args = "rotator", None
    problem = namesake_problem()
    if problem is not None:
        print(f"{command}: {problem}", file=sys.stderr)
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        command = f"rotator {args.command}"
        code: int = args.run(args)
    except RotatorError as error:
        print(f"{command}: {error}", file=sys.stderr)
        code = exit_code(error)
    except (KeyboardInterrupt, SystemExit) as ended:
        code = _end_early(command, args, ended)
    except BrokenPipeError:  # the other end of the pipe was closed first
        code = EXIT_OK
    except Exception as error:  # noqa: BLE001 - printed without its text, which could hold a value
        print(f"{command}: {describe_unexpected(error)}", file=sys.stderr)
        code = EXIT_UNEXPECTED
    if argv is None:
        # Otherwise the interpreter's last collection would take 50 ms to free memory that the exit
        # frees anyway.
        gc.freeze()
    return _finish(command, code, has_effect=getattr(args, "has_effect", False))


def _end_early(
    command: str, args: argparse.Namespace | None, ended: KeyboardInterrupt | SystemExit
) -> int:
    """The exit code after SIGINT, SIGTERM, `--help` or `--version`; reports an interruption."""
    code = int(ended.code or EXIT_OK) if isinstance(ended, SystemExit) else EXIT_INTERRUPTED
    if args is not None and code in {EXIT_INTERRUPTED, EXIT_TERMINATED}:
        from rotator.cli.interruption import explain_interruption

        told = explain_interruption(args, ended)
        if told is not None:
            print(f"{command}: interrupted; {told}", file=sys.stderr)
    return code


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind, so that child processes are stopped; a second SIGTERM ends the process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(EXIT_TERMINATED)


def _finish(command: str, code: int, *, has_effect: bool) -> int:
    """Flush the output; returns `code`, or a failure if a command's only result was lost."""
    problem = flush_output()
    if not problem:
        return code
    print(f"{command}: standard output: cannot be written ({problem})", file=sys.stderr)
    if has_effect:
        print(f"{command}: only its result could not be printed", file=sys.stderr)
        return code
    return code or EXIT_CONFIGURATION
