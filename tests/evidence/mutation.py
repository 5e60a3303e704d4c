"""One breakage of the code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutation"]


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `file` of the package, `old`, which is there once, becomes `new`; pytest runs `check`."""

    name: str
    file: str
    old: str
    new: str
    check: str
