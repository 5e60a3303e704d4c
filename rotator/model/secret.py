"""A string that cannot leak by accident, and secrets as Secrets Manager returns them."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["MAX_SECRET_BYTES", "RotationState", "Secret", "SecretInfo", "StoredSecret"]

MAX_SECRET_BYTES = 65_536
"""Secrets Manager's limit for one value (PutSecretValue, API reference: SecretString)."""


class Secret:
    """A string that only `reveal()` returns.

    It cannot be printed, formatted, logged, pickled or copied by accident, and compares in constant
    time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The string in clear text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # surrogatepass: an error of the encoder would hold the text.
        left, right = (text.encode(errors="surrogatepass") for text in (self._text, other._text))
        return hmac.compare_digest(left, right)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("Secret: cannot be pickled or copied")


class StoredSecret(NamedTuple):
    """One version of a secret, as Secrets Manager returned it.

    `secret_id` is the name or ARN in the request. `version_id` and `text` are None for a secret
    without a value; a binary value has an empty text and `is_binary`. `stages` are the version's
    staging labels, and `created_at` is when the service stored it. That and `tags` are None unless
    they were read with it.
    """

    secret_id: str
    arn: str
    version_id: str | None = None
    text: Secret | None = None
    stages: tuple[str, ...] = ()
    is_binary: bool = False
    tags: Mapping[str, str] | None = None
    created_at: datetime | None = None

    @property
    def region(self) -> str | None:
        """The region in the ARN; None if it has none."""
        # arn:partition:secretsmanager:region:account:secret:name
        return dict(enumerate(self.arn.split(":"))).get(3) or None


class SecretInfo(NamedTuple):
    """A secret's metadata from DescribeSecret."""

    arn: str
    tags: Mapping[str, str]
    has_value: bool


class RotationState(NamedTuple):
    """The metadata from DescribeSecret that native rotation needs.

    `stages` are the staging labels of each version that has any, by version id. `primary_region` is
    None for a secret without replicas.
    """

    arn: str
    tags: Mapping[str, str]
    stages: Mapping[str, tuple[str, ...]]
    primary_region: str | None = None
