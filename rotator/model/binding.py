"""Bindings, and the tag that declares one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BINDING_TAG", "Binding", "is_name_of"]

BINDING_TAG = "rotator:credentials-secret"
"""The tag of a token secret that has the name or ARN of its credentials secret."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which credentials keep which token secret fresh, each by name or ARN; one can be both."""

    credentials_secret: str
    token_secret: str


def is_name_of(tag: str, secret_id: str, arn: str) -> bool:
    """Whether a binding's tag names the secret with this full ARN that was read as `secret_id`.

    A tag may hold its name, its ARN, or a partial ARN: without the hyphen and the six random
    characters that Secrets Manager appends (API reference, GetSecretValue: SecretId).
    """
    partial = arn[: -len("-123456")]
    return tag in {secret_id, arn, partial, partial.rpartition(":secret:")[2]}
