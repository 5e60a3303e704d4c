"""Whether another project's distribution of the same name is installed.

Ours is called `oauth-token-rotator`; another project owns the name `rotator` in the package index,
and writes to the same folder and to the same command.
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
"""How our summary begins, in every version."""


def namesake_problem(folders: Iterable[str] | None = None) -> str | None:
    """What to do about another distribution called `rotator`, None if there is none.

    Looks into `folders`, those of imports by default. By hand: `importlib.metadata` would cost
    every command 20 ms.
    """
    for summary in _summaries(sys.path if folders is None else folders):
        if not summary.startswith(OURS):
            return (
                "another project's package `rotator` is installed here and shares our command and"
                " folder; run `python -m pip uninstall rotator` and install this one again"
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
    return OURS  # nothing is known of it, so nothing is said
