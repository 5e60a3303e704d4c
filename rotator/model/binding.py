"""Which credentials keep which token fresh."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BINDING_TAG", "Binding"]

BINDING_TAG = "rotator:credentials-secret"
"""On a token secret: the name or ARN of its credentials secret."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which credentials keep which token fresh: two secrets by name or ARN, or one that is both."""

    credentials_secret: str
    token_secret: str
