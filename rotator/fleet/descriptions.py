"""The metadata of secrets that an assessment needs, read along with their values.

DescribeSecret can hang for one secret. So an assessment never waits for it: it ends with
`NotDescribedError`, and the binding is assessed again once the metadata is there.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import RotatorError
from rotator.model.secret import StoredSecret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.fleet.settings import FleetBinding
    from rotator.model.secret import SecretInfo

__all__ = ["BindingRead", "Descriptions", "NotDescribedError"]


class NotDescribedError(RotatorError):
    """The metadata of `secret_id` is needed, and was not read yet."""

    def __init__(self, secret_id: str) -> None:
        super().__init__(f"secret {secret_id}: its metadata was not read yet", retryable=True)
        self.secret_id = secret_id


class BindingRead(NamedTuple):
    """A binding, and what was found of its secrets, by id."""

    fleet_binding: FleetBinding
    found: Mapping[str, StoredSecret | RotatorError]


class Descriptions:
    """The metadata that was read so far, and the bindings that wait for more of it.

    `pending` are the ids of the secrets to describe next.
    """

    def __init__(self) -> None:
        self.pending: deque[str] = deque()
        self._found: dict[str, SecretInfo | RotatorError] = {}
        self._waiting: dict[str, list[BindingRead]] = {}

    def get(self, secret_id: str) -> SecretInfo:
        """The metadata; raises NotDescribedError before it was read, or the error of its read."""
        found = self._found.get(secret_id)
        if found is None:
            raise NotDescribedError(secret_id)
        if isinstance(found, RotatorError):
            raise found
        return found

    def request(self, secret_id: str, read: BindingRead) -> None:
        """Request the metadata of the secret, for this binding."""
        waiting = self._waiting.setdefault(secret_id, [])
        if not waiting:
            self.pending.append(secret_id)
        waiting.append(read)

    def take(
        self, batch: Mapping[str, StoredSecret | SecretInfo | RotatorError]
    ) -> tuple[list[BindingRead], dict[str, StoredSecret | RotatorError]]:
        """Note the metadata in `batch`; returns the bindings that it was for, and the rest."""
        ready: list[BindingRead] = []
        rest: dict[str, StoredSecret | RotatorError] = {}
        for secret_id, found in batch.items():
            if isinstance(found, StoredSecret):
                rest[secret_id] = found
            elif secret_id in self._waiting:
                self._found[secret_id] = found
                ready += self._waiting.pop(secret_id)
            elif isinstance(found, RotatorError):
                rest[secret_id] = found
        return ready, rest
