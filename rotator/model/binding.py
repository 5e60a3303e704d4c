"""Which credentials keep which token fresh."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BINDING_TAG", "Binding", "is_name_of"]

BINDING_TAG = "rotator:credentials-secret"
"""On a token secret: the name or ARN of its credentials secret."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which credentials keep which token fresh: two secrets by name or ARN, or one that is both."""

    credentials_secret: str
    token_secret: str


def is_name_of(tag: str, secret_id: str, arn: str) -> bool:
    """Whether a binding's tag means this secret, given by the id that was used and its ARN.

    An ARN ends in a hyphen and six characters of Secrets Manager's own, which a partial ARN and
    the name are without.
    """
    partial = arn[: -len("-123456")]
    return tag in {secret_id, arn, partial, partial.rpartition(":secret:")[2]}
