"""What a source of your own looks like; for annotations and subclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Source"]


class Source(Protocol):
    """Where the token secret is read from: Secrets Manager, or a cache that stands before it.

    `read` answers as GetSecretValue does (`SecretString`, `VersionId`), within a bounded time, or
    raises a RotatorError. `fresh` asks to go past a cache, where `has_fresh` says it can.
    """

    has_fresh: bool

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """One version of the secret: `stage` is AWSCURRENT or AWSPREVIOUS."""
        ...
