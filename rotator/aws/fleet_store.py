"""The store of a fleet: it reads in batches and returns failures as values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rotator.aws.batch_reads import STALL_S, Task, TaskRead, read_in_parallel
from rotator.aws.error_details import store_error
from rotator.aws.errors import explain_error_response
from rotator.aws.paced_store import PacedStore
from rotator.aws.places import place_of_client
from rotator.aws.responses import entries_by, entries_of
from rotator.aws.store import CURRENT, is_version, matches_id, stored_secret
from rotator.errors import RotatorError, StoreError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeGuard

    from rotator.model.secret import SecretInfo, StoredSecret

    Read = StoredSecret | SecretInfo | RotatorError

__all__ = ["MAX_BATCH", "READERS", "FleetStore"]

MAX_BATCH = 20
"""Ids in one call (API reference, BatchGetSecretValue: SecretIdList)."""

READERS = 8
"""Threads that read: a call takes about 50 ms, so that they can use our share of the quota."""

FIRST_TIMEOUT_S = 10.0
"""The timeout of a first call: as long as one of the SDK's four attempts."""

MAX_FAILURES = 3


class FleetStore(PacedStore):
    """The store of one run over many bindings.

    Once a batch is denied, or fails while a single read works, the run reads its secrets one by
    one, `readers` at a time. `first_timeout_s` bounds a first call; `stall_s` is as in
    `read_in_parallel`.
    """

    def __init__(
        self,
        client: object,
        *,
        pace: Callable[[], None] = lambda: None,
        back_off: Callable[[], None] = lambda: None,
        readers: int = READERS,
        first_timeout_s: float = FIRST_TIMEOUT_S,
        stall_s: float = STALL_S,
    ) -> None:
        super().__init__(client, pace=pace, back_off=back_off)
        self._readers = readers
        self._first_timeout_s = first_timeout_s
        self._stall_s = stall_s
        self._service = _ServiceState()
        self._metadata_service = _ServiceState()

    def read_many(
        self, secret_ids: Iterable[str], to_describe: deque[str]
    ) -> Iterator[dict[str, Read]]:
        """Yield the current version of each secret, or the error, as the responses arrive.

        Also the metadata of each secret that the consumer puts into `to_describe`, which it takes
        from there.

        Reads 20 in a call; `secret_ids` must not repeat. An empty result says that nothing arrived
        for a while. Raises ConfigError if nothing can be read at all (no region, no AWS
        credentials).
        """
        remaining, tasks = iter(secret_ids), []
        while batch := list(islice(remaining, MAX_BATCH)):
            tasks.append(Task(batch))
        return read_in_parallel(
            tasks,
            self._read_task,
            readers=self._readers,
            is_in_doubt=lambda: self._service.failures > 0,
            stall_s=self._stall_s,
            take_new=lambda: [
                Task([to_describe.popleft()], describes=True) for _ in range(len(to_describe))
            ],
        )

    def _read_task(self, task: Task) -> TaskRead[Read]:
        """Read the secrets of a task; one whose call hangs is tried once more, without a timeout.

        So one that hangs delays its batch only for the first timeout, and an outage of the service
        costs a run a few calls.
        """
        service = self._metadata_service if task.describes else self._service
        outage = service.outage(self._readers)
        if outage is not None:
            problem = (
                f"not read, because the last {service.failures} calls failed, the last one:"
                f" {_cause(outage)}"
            )
            given_up: dict[str, Read] = {
                each: _error_of(each, outage, problem) for each in task.secret_ids
            }
            return TaskRead(given_up, [])
        found: dict[str, Read] = {}
        if len(task.secret_ids) > 1:
            if self._service.may_batch:
                found = self._try_batch(task.secret_ids)
            return TaskRead(found, [Task([each]) for each in task.secret_ids if each not in found])
        [secret_id] = task.secret_ids
        read = self._try_single(task)
        if _is_unanswered(read) and not task.is_retry:
            return TaskRead({}, [task._replace(is_retry=True)])
        return TaskRead({secret_id: read}, [])

    def _first_attempt(self) -> FleetStore:
        return self.limit_time(lambda: min(self._left_s(), self._first_timeout_s))

    def _try_batch(self, batch: list[str]) -> dict[str, Read]:
        try:
            response = self._first_attempt()._call_paced(  # noqa: SLF001 - a copy of this one
                "BatchGetSecretValue", ", ".join(batch), SecretIdList=batch
            )
        except StoreError as error:
            self._service.note(error)
            if not error.retryable:
                self._service.may_batch = False
                return {}
            return self._read_after_failure(error, batch)
        self._service.note(None)
        found: dict[str, Read] = {}
        entries = [each for each in entries_of(response, "SecretValues") if is_version(each)]
        failures = entries_by(response, "Errors", "SecretId")
        for secret_id in batch:
            entry = next((each for each in entries if matches_id(secret_id, each)), None)
            if entry is not None and CURRENT in entry["VersionStages"]:
                found[secret_id] = stored_secret(secret_id, entry)
            elif secret_id in failures:
                failure = self._failure(secret_id, failures[secret_id])
                if failure is not None:
                    found[secret_id] = failure
        return found

    def _read_after_failure(self, error: StoreError, batch: list[str]) -> dict[str, Read]:
        """The secrets of a batch that failed temporarily; those not returned are read singly.

        A batch without a response may contain one secret that hangs. If the service responded with
        an error, one single read shows whether it fails for all: then the secrets aren't tried one
        by one, which would take hours for thousands.
        """
        if not error.is_answered:
            return {}
        first = self._try_single(Task(batch[:1]))
        if _is_unanswered(first):
            return {}
        if isinstance(first, StoreError) and first.retryable:
            return {each: _error_of(each, error, _cause(error)) for each in batch}
        self._service.may_batch = False
        return {batch[0]: first}

    def _failure(self, secret_id: str, entry: Mapping[str, Any]) -> RotatorError | None:
        """Our error for one secret of a batch; None if only a single read can tell the cause."""
        code = entry.get("ErrorCode")
        if code == "ResourceNotFoundException":  # the secret is missing, or has no value
            return None
        response = {"Error": {"Code": code, "Message": entry.get("Message", "")}}
        place = place_of_client(self._client)
        error = explain_error_response(
            response, operation="GetSecretValue", secret_id=secret_id, place=place
        )
        return None if error.retryable or error.aws_code is None else error

    def _try_single(self, task: Task) -> Read:
        self._pace()
        store = self if task.is_retry else self._first_attempt()
        service = self._metadata_service if task.describes else self._service
        [secret_id] = task.secret_ids
        found: Read
        try:
            found = store.describe(secret_id) if task.describes else store.read(secret_id)[0]
        except StoreError as error:
            service.note(error)
            return error
        service.note(None)
        return found


@dataclass(slots=True)
class _ServiceState:
    """How the service has responded in this run; shared by all threads that read.

    `failures` counts temporary failures in a row, `last` is the error of the last one.
    """

    may_batch: bool = True
    failures: int = 0
    last: StoreError | None = None

    def note(self, error: StoreError | None) -> None:
        """Note how a call ended; after a permanent refusal the service counts as available."""
        if error is not None and error.retryable:
            self.last = error
            self.failures += 1
        else:
            self.failures = 0

    def outage(self, readers: int) -> StoreError | None:
        """The error for all further calls, after three failures in a row for each reader."""
        return self.last if self.failures >= MAX_FAILURES * readers else None


def _cause(error: StoreError) -> str:
    return str(error).removeprefix(f"secret {error.secret_id}: ")


def _error_of(secret_id: str, error: StoreError, problem: str) -> StoreError:
    """The error for one secret, from that of a call for others."""
    return store_error(
        problem,
        error.operation,
        secret_id,
        aws_code=error.aws_code,
        retryable=error.retryable,
        is_answered=error.is_answered,
    )


def _is_unanswered(read: object) -> TypeGuard[StoreError]:
    """Whether it is the error of a call that hung or did not reach the service."""
    return isinstance(read, StoreError) and read.retryable and not read.is_answered
