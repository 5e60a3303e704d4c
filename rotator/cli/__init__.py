"""The command line: `rotator COMMAND`. One file per command; what all share is here.

Data goes to standard output, everything else to standard error. Exit codes are `EXIT_CODES` in
`rotator.cli.exit_codes`.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from rotator.cli.distributions import namesake_problem
from rotator.cli.exit_codes import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_TERMINATED,
    EXIT_UNEXPECTED,
    exit_code,
)
from rotator.cli.parser import parse
from rotator.cli.unexpected import describe
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line on standard error.

    Without `argv` this is the process's own command, and the process ends after it.
    """
    if argv is None:
        # It lives for half a second and imports for most of it: looking for cycles among what the
        # SDK loads would take a tenth of that, and find nothing.
        gc.disable()
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:  # what is ignored stays so
        signal.signal(signal.SIGTERM, _terminate)
    _prepare_streams()
    command = "rotator"
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
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except SystemExit as ended:  # --help, --version, SIGTERM
        code = int(ended.code or EXIT_OK)
    except BrokenPipeError:  # the other end of the pipe was closed first
        code = EXIT_OK
    except Exception as error:  # noqa: BLE001 - the last resort: its text could hold a value
        print(f"{command}: {describe(error)}", file=sys.stderr)
        code = EXIT_UNEXPECTED
    if argv is None:
        # The end of the interpreter would look through all that the SDK made: a twentieth of a
        # second to find nothing that the end of the process does not free as well.
        gc.freeze()
    return _flush(command) or code


class _BestEffortStream(io.FileIO):
    """Drops what cannot be written: a full log disk must not stop a rotation."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever has a buffer, as inherited
        size_bytes = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError:
            return size_bytes
        return size_bytes if written is None else written  # None: it would have to wait


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind, so that what has been started is stopped; a second SIGTERM ends at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(EXIT_TERMINATED)


def _prepare_streams() -> None:
    """Keep a closed stream (`>&-`) or a poor encoding from stopping a job that needs neither."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_BestEffortStream(sys.stderr.fileno(), "w", closefd=False)),
            encoding=sys.stderr.encoding,
            errors=sys.stderr.errors,
            line_buffering=True,
        )
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Even if PYTHONUNBUFFERED is set: a failure to write must show at the end, where it
        # cannot hide how the command ended.
        sys.stdout.reconfigure(errors="backslashreplace", write_through=False)


def _flush(command: str) -> int:
    """Write out what is left; 0, or an exit code if the data did not get where it should."""
    problem = None
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        problem = ""  # the other end of the pipe is closed (`| head`): it has what it needs
    except OSError as error:
        problem = error.strerror
    if problem is None:
        return EXIT_OK
    # The interpreter flushes once more when it ends, and must not complain either.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if problem:
        print(f"{command}: standard output: cannot be written ({problem})", file=sys.stderr)
    return EXIT_UNEXPECTED if problem else EXIT_OK
