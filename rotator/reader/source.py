"""The protocol of a custom source, for annotations and subclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Source"]


class Source(Protocol):
    """Where the token secret is read from: Secrets Manager, or a cache in front of it.

    `read` returns the members of GetSecretValue (`SecretString`, `VersionId`) within a bounded
    time, or raises a RotatorError. `fresh` asks it to bypass its cache; `has_fresh` says whether it
    can.
    """

    has_fresh: bool

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """One version of the secret: `stage` is AWSCURRENT or AWSPREVIOUS."""
        ...
