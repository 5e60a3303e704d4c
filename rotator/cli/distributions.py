"""Detects another distribution that installs the same package folder and command.

Ours is called `oauth-token-rotator`. The name `rotator` belongs to another project on PyPI, and was
the name of our own 0.1.0. Both have the version 0.1.0, so only their summaries differ.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["OURS", "namesake_problem"]

OURS = "Keeps a valid OAuth 2.0"
"""The beginning of our summary, in every version."""


def namesake_problem(folders: Iterable[str] | None = None) -> str | None:
    """The message about a distribution called `rotator`, None if there is none.

    Looks into `folders`, by default those of `sys.path`, and without `importlib.metadata`, which
    would cost every command 20 ms.
    """
    for summary in _summaries(sys.path if folders is None else folders):
        if summary.startswith(OURS):
            whose = "version 0.1.0 of this project, then called `rotator`,"
        elif summary:
            whose = "another project's package `rotator`"
        else:
            continue  # without a summary, nothing can be said
        return (
            f"{whose} is installed here and shares our command and folder; run"
            " `python -m pip uninstall rotator`, then install oauth-token-rotator again with"
            " `--force-reinstall`"
        )
    return None


def _summaries(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        with suppress(OSError):
            for name in os.listdir(folder or os.curdir):  # noqa: PTH208 - pathlib costs milliseconds
                kind = name.rpartition(".")[2]
                if name.startswith("rotator-") and kind in {"dist-info", "egg-info"}:
                    metadata = "METADATA" if kind == "dist-info" else "PKG-INFO"
                    yield _summary(os.path.join(folder, name, metadata))  # noqa: PTH118


def _summary(path: str) -> str:
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            if line.startswith("Summary:"):
                return line.partition(":")[2].strip()
    return ""
