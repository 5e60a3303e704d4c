"""The command line: `rotator COMMAND`. One file per command; what all share is here.

Data goes to standard output, everything else to standard error. Exit codes are `EXIT_CODES` in
`rotator.cli.exit_codes`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from rotator.cli.exit_codes import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_TERMINATED,
    EXIT_UNEXPECTED,
    exit_code,
)
from rotator.cli.parser import parse
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line on standard error."""
    signal.signal(signal.SIGTERM, _terminate)
    command = "rotator"
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        command = f"rotator {args.command}"
        code: int = args.run(args)
        sys.stdout.flush()
    except RotatorError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); flushing at exit must not complain of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except Exception as error:  # noqa: BLE001 - the last resort: its text could hold a value
        print(f"{command}: unexpected {_where(error)}", file=sys.stderr)
        return EXIT_UNEXPECTED
    return code


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind, so that what has been started is stopped; a second SIGTERM ends at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(EXIT_TERMINATED)


def _where(error: Exception) -> str:
    """The error's class and the innermost place in the code; a message may quote a secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    code = place.tb_frame.f_code
    file = os.path.basename(code.co_filename)  # noqa: PTH119 - pathlib is dear to import
    return f"{type(error).__name__} in {code.co_name} ({file}:{place.tb_lineno}); please report it"
