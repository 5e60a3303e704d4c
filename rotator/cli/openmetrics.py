"""Writes the health of tokens for textfile collectors, atomically."""

from __future__ import annotations

import os
import stat
from types import MappingProxyType
from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.status import client_secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rotator.model.status import ClientSecretStatus, Health, TokenStatus

__all__ = ["as_openmetrics", "write_atomically", "write_openmetrics"]

_HEALTHS = ("healthy", "overdue", "unusable", "unknown")


def as_openmetrics(
    statuses: Iterable[TokenStatus],
    refused: Mapping[str, Health | None] = MappingProxyType({}),
    *,
    now: datetime,
) -> str:
    """The metrics of `statuses` as of `now` (aware UTC).

    `refused` are the token secrets that a run refuses, with the health of the token that monitors
    should see, None if there is none. They are `unknown` too, so that alarms see both.
    In the common subset of OpenMetrics 1.0 and Prometheus' text format, which is what textfile
    collectors read.
    """
    statuses = list(statuses)
    lines = _instant_lines(
        (
            ("rotator_token_expires_at", "When the stored token ends.", "expires_at"),
            ("rotator_token_next_rotation_at", "When the stored token is due.", "next_rotation_at"),
        ),
        [(f'{{token_secret="{_escape(each.token_secret)}"}}', each) for each in statuses],
    )
    lines += _head("rotator_token_health", "1 for the health that the token has.")
    found: dict[str, str | None] = {each.token_secret: each.health for each in statuses}
    for name, its_health in (found | dict(refused)).items():
        applying = {its_health, "unknown" if name in refused else None}
        for health in _HEALTHS:
            labels = f'{{token_secret="{_escape(name)}",health="{health}"}}'
            lines.append(f"rotator_token_health{labels} {int(health in applying)}")
    lines += _client_secret_lines(client_secrets_of(statuses))
    lines += _head(
        "rotator_status_checked_at_seconds", "When this status was read.", unit="seconds"
    )
    lines += [f"rotator_status_checked_at_seconds {int(now.timestamp())}", "# EOF", ""]
    return "\n".join(lines)


def _client_secret_lines(known: Sequence[ClientSecretStatus]) -> list[str]:
    """The metric families of client secrets; empty if none was ever rotated."""
    if not known:
        return []
    labelled = [
        (f'{{credentials_secret="{_escape(each.credentials_secret)}"}}', each) for each in known
    ]
    lines = _instant_lines(
        (
            (
                "rotator_client_secret_created_at",
                "When the stored client secret was made.",
                "created_at",
            ),
            ("rotator_client_secret_expires_at", "When it ends.", "expires_at"),
        ),
        labelled,
    )
    name = "rotator_client_secret_rotation_under_way"
    lines += _head(name, "1 while the client secret is being replaced.")
    return lines + [f"{name}{labels} {int(each.step is not None)}" for labels, each in labelled]


def _instant_lines(
    families: Iterable[tuple[str, str, str]], labelled: Sequence[tuple[str, object]]
) -> list[str]:
    """The lines of `families` (name, help, field); an object without the instant has no sample."""
    lines = []
    for name, help_text, field in families:
        lines += _head(f"{name}_seconds", help_text, unit="seconds")
        for labels, each in labelled:
            at: datetime | None = getattr(each, field)
            if at is not None:
                lines.append(f"{name}_seconds{labels} {int(at.timestamp())}")
    return lines


def write_atomically(path: str, text: str) -> None:
    """Replace the file atomically; raises ConfigError on failure.

    A symlink is followed. Anything but a regular file (a device, a FIFO) is refused, because the
    rename would remove it.
    """
    _refuse_irregular(path)
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    # Without the suffix `.prom`, so that no collector reads the unfinished file.
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
        if path == "-":  # which many commands take for standard output
            problem = "standard output has the table, or --json"
        elif not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
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


def write_openmetrics(
    path: str | None,
    statuses: Iterable[TokenStatus],
    refused: Mapping[str, Health | None] = MappingProxyType({}),
) -> None:
    """Write the file of --openmetrics, unless `path` is None; raises ConfigError.

    The other arguments are those of `as_openmetrics`.
    """
    if path is None:
        return
    from rotator.clock import SYSTEM_CLOCK

    write_atomically(path, as_openmetrics(statuses, refused, now=SYSTEM_CLOCK.now()))
