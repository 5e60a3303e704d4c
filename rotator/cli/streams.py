"""Makes commands work with standard streams that are closed, full or limited to ASCII."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

__all__ = ["flush_output", "prepare_streams"]


class _BestEffortStream(io.FileIO):
    """Drops what cannot be written: a full log disk must not stop a rotation."""

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever has a buffer, as inherited
        size_bytes = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError:
            return size_bytes
        return size_bytes if written is None else written  # None: it would block


class _Output(io.FileIO):
    """Drops what cannot be written, and keeps the reason until the end of the command.

    So a `print` that fails doesn't hide the outcome of a rotation. A closed pipe (`| head`) ends
    the command.
    """

    problem: str | None = None

    def write(self, data: Any) -> int:  # noqa: ANN401 - as above
        size_bytes = memoryview(data).nbytes
        if self.problem is not None:
            return size_bytes
        try:
            written = super().write(data)
        except BrokenPipeError:
            self.problem = ""  # not a failure: the reader wants no more
            raise
        except OSError as error:
            self.problem = os.strerror(error.errno or errno.EIO)
            return size_bytes
        if written is None:  # it would block
            self.problem = os.strerror(errno.EAGAIN)
            return size_bytes
        return written


def prepare_streams() -> None:
    """Replace closed streams (`>&-`), and escape characters that an encoding lacks."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        # Opened for reading only, so that writing fails as it would on the closed stream.
        sys.stdout = _output(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    elif isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = _output(
            sys.stdout.fileno(),
            encoding=sys.stdout.encoding,
            line_buffering=sys.stdout.line_buffering,
        )
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace", write_through=False)
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_BestEffortStream(sys.stderr.fileno(), "w", closefd=False)),
            encoding=sys.stderr.encoding,
            errors=sys.stderr.errors,
            line_buffering=True,
        )


def flush_output() -> str | None:
    """Flush standard output; returns why it could not be written, None or empty if it could."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return None
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.problem if isinstance(raw, _Output) else None


def _output(descriptor: int, *, encoding: str, line_buffering: bool = False) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(descriptor, "w", closefd=False)),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=line_buffering,
    )
