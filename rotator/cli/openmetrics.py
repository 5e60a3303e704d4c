"""The health of a token for textfile collectors, in a file that is never half-written."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.model.status import TokenStatus

__all__ = ["as_openmetrics", "write_atomically", "write_openmetrics"]

_HEALTHS = ("healthy", "overdue", "unusable")


def as_openmetrics(statuses: Iterable[TokenStatus], *, now: datetime) -> str:
    """The exposition of what was found at `now` (aware UTC).

    Of OpenMetrics 1.0 only what Prometheus' own text format has as well: collectors of text files
    read that one.
    """
    statuses = list(statuses)
    families = (
        ("expires_at_seconds", "When the stored token ends.", "expires_at"),
        ("next_rotation_at_seconds", "When the stored token is due.", "next_rotation_at"),
    )
    lines = []
    for name, help_text, field in families:
        lines += _head(f"rotator_token_{name}", help_text, unit="seconds")
        for status in statuses:
            at: datetime | None = getattr(status, field)
            if at is not None:
                labels = f'{{token_secret="{_escape(status.token_secret)}"}}'
                lines.append(f"rotator_token_{name}{labels} {int(at.timestamp())}")
    lines += _head("rotator_token_health", "1 for the health that the token has.")
    for status in statuses:
        for health in _HEALTHS:
            labels = f'{{token_secret="{_escape(status.token_secret)}",health="{health}"}}'
            lines.append(f"rotator_token_health{labels} {int(status.health == health)}")
    lines += _head("rotator_status_checked_at_seconds", "When this was found.", unit="seconds")
    lines += [f"rotator_status_checked_at_seconds {int(now.timestamp())}", "# EOF", ""]
    return "\n".join(lines)


def write_atomically(path: str, text: str) -> None:
    """Replace the file as a whole; raises ConfigError if that cannot be done.

    Of a symlink the target is replaced. What is no regular file (a device, a FIFO) is refused:
    it would be taken away.
    """
    _refuse_irregular(path)
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    # Not with the collectors' suffix, `.prom`: one that looks meanwhile must not read it.
    partial = os.path.join(folder, f".{name}.{os.getpid()}.partial")  # noqa: PTH118
    problem = None
    try:
        with open(partial, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)  # noqa: PTH105
    except OSError as error:
        problem = error.strerror
        if os.path.exists(partial):  # noqa: PTH110
            os.unlink(partial)  # noqa: PTH108
    if problem is not None:
        raise ConfigError(
            f"--openmetrics: cannot be written ({problem}); check the folder and its permissions"
        )


def _refuse_irregular(path: str) -> None:
    problem: str | None = None
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            problem = "not a regular file"
    except FileNotFoundError:
        return
    except OSError as error:  # a symlink that leads to itself
        problem = error.strerror
    if problem is not None:
        raise ConfigError(f"--openmetrics: cannot be written ({problem}); pass the path of a file")


def _head(name: str, help_text: str, *, unit: str | None = None) -> list[str]:
    lines = [f"# TYPE {name} gauge"]
    if unit is not None:
        lines.append(f"# UNIT {name} {unit}")
    return [*lines, f"# HELP {name} {help_text}"]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write_openmetrics(path: str | None, statuses: Iterable[TokenStatus]) -> None:
    """Write the file of --openmetrics, if there is to be one."""
    if path is None:
        return
    from rotator.model.clock import SYSTEM_CLOCK

    write_atomically(path, as_openmetrics(statuses, now=SYSTEM_CLOCK.now()))
