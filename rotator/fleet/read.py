"""Reads both secrets of each binding, in batches."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Protocol

from rotator.aws.error_table import THROTTLING_CODES
from rotator.errors import StoreError
from rotator.fleet.descriptions import BindingRead, Descriptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rotator.errors import RotatorError
    from rotator.fleet.pacer import Pacer
    from rotator.fleet.settings import FleetBinding
    from rotator.model.binding import Binding
    from rotator.model.secret import Secret, SecretInfo, StoredSecret
    from rotator.rotation.ports import Store

    Read = StoredSecret | RotatorError

__all__ = [
    "BatchStore",
    "PrefetchedStore",
    "label_secrets",
    "read_bindings",
]


class BatchStore(Protocol):
    """A store that reads many secrets at once, with failures as data."""

    def read_many(
        self, secret_ids: Iterable[str], to_describe: deque[str]
    ) -> Iterator[Mapping[str, Read | SecretInfo]]:
        """Yield the current version of each secret, or the error, as the responses arrive.

        Takes the ids that the consumer puts into `to_describe`, and yields these secrets' metadata.
        An empty result means that nothing arrived for a while.
        """


def read_bindings(
    batches: BatchStore,
    bindings: Iterable[FleetBinding],
    descriptions: Descriptions | None = None,
) -> Iterator[BindingRead | None]:
    """Yield each binding with both of its secrets, in order.

    After a while without responses, yields all that are complete, and then None. Credentials that
    several bindings share are read once. A binding for which the consumer requests `descriptions`
    is yielded once more, when they were read.
    """
    descriptions = descriptions or Descriptions()
    waiting = deque(bindings)
    uses: Counter[str] = Counter()
    for each in waiting:
        uses.update(label_secrets(each.binding).keys())
    found: dict[str, Read] = {}
    for batch in batches.read_many(list(uses), descriptions.pending):
        described, values = descriptions.take(batch)
        yield from described
        found |= values
        ready = _take_ready(waiting, found, in_order=bool(batch))
        for each in ready:
            both = label_secrets(each.binding)
            yield BindingRead(each, {secret_id: found[secret_id] for secret_id in both})
            for secret_id in both:
                uses[secret_id] -= 1
                if not uses[secret_id]:
                    del found[secret_id]
        if not batch:
            yield None


def _take_ready(
    waiting: deque[FleetBinding], found: Mapping[str, Read], *, in_order: bool
) -> list[FleetBinding]:
    """Take the bindings whose secrets are both found; `in_order`, those before the first gap."""
    ready: list[FleetBinding] = []
    left: list[FleetBinding] = []
    while waiting and (not in_order or _is_found(waiting[0], found)):
        each = waiting.popleft()
        (ready if _is_found(each, found) else left).append(each)
    waiting.extendleft(reversed(left))
    return ready


def _is_found(fleet_binding: FleetBinding, found: Mapping[str, Read]) -> bool:
    return all(secret_id in found for secret_id in label_secrets(fleet_binding.binding))


def label_secrets(binding: Binding) -> dict[str, str]:
    """The binding's secret ids, each with what to call it; one secret may be both."""
    return {
        binding.credentials_secret: "credentials secret",
        binding.token_secret: "token secret",
    }


class PrefetchedStore:
    """The store of one binding, whose first read returns what the batch has read.

    Until the second read, metadata is from `descriptions`. Writes keep to the fleet's rate.
    """

    def __init__(
        self,
        store: Store,
        versions: Mapping[str, StoredSecret],
        puts: Pacer,
        descriptions: Descriptions,
    ) -> None:
        self._store = store
        self._versions: Mapping[str, StoredSecret] | None = versions
        self._descriptions: Descriptions | None = descriptions
        self._puts = puts

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        """As in `Store`."""
        versions, self._versions = self._versions, None
        if versions is None:
            self._descriptions = None
            return self._store.read(*secret_ids)
        return [versions[secret_id] for secret_id in secret_ids]

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        """As in `Store`."""
        return self._store.read_version(secret_id, version_id)

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        """As in `Store`, at the fleet's rate."""
        self._puts.wait()
        try:
            self._store.put(secret, text, version_id=version_id)
        except StoreError as error:
            if error.aws_code in THROTTLING_CODES:
                self._puts.back_off()
            raise

    def describe(self, secret_id: str) -> SecretInfo:
        """As in `Store`; raises NotDescribedError if it is still to be read."""
        if self._descriptions is None:
            return self._store.describe(secret_id)
        return self._descriptions.get(secret_id)
