"""Secrets Manager as a fleet reads it: in batches, with failures as data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rotator.aws.batch_reads import STALL_S, Task, TaskRead, read_in_parallel
from rotator.aws.error_details import store_error
from rotator.aws.errors import explain_refusal
from rotator.aws.paced_store import PacedStore
from rotator.aws.store import CURRENT, is_version, matches_id, stored_secret
from rotator.errors import RotatorError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeGuard

    from rotator.model.secret import StoredSecret

    Read = StoredSecret | RotatorError

__all__ = ["MAX_BATCH", "READERS", "FleetStore"]

MAX_BATCH = 20
"""Ids in one call (API reference, BatchGetSecretValue: SecretIdList)."""

READERS = 8
"""Threads that read: a call takes about 50 ms, so that they keep the pace of the quota's share."""

FIRST_PATIENCE_S = 10.0
"""How long a call may take at first: the SDK gives one of its four attempts as much."""

MAX_FAILURES = 3


class FleetStore(PacedStore):
    """The store of one run over many bindings.

    Where batches are not allowed, or fail while a single read works, that is found out once, and
    the secrets are read one by one, `readers` at a time. A call may take `patience_s` at first;
    `stall_s` is as in `read_in_parallel`.
    """

    def __init__(
        self,
        client: object,
        *,
        pace: Callable[[], None] = lambda: None,
        back_off: Callable[[], None] = lambda: None,
        readers: int = READERS,
        patience_s: float = FIRST_PATIENCE_S,
        stall_s: float = STALL_S,
    ) -> None:
        super().__init__(client, pace=pace, back_off=back_off)
        self._readers = readers
        self._patience_s = patience_s
        self._stall_s = stall_s
        self._reading = _Reading()

    def read_many(self, secret_ids: Iterable[str]) -> Iterator[dict[str, Read]]:
        """The current version of each secret, or why there is none, as they come.

        They are read 20 in a call, `secret_ids` must not repeat. An empty result says that nothing
        came for a while. Raises ConfigError where nothing could be read at all (no region, no AWS
        credentials).
        """
        remaining, tasks = iter(secret_ids), []
        while batch := list(islice(remaining, MAX_BATCH)):
            tasks.append(Task(batch))
        return read_in_parallel(
            tasks,
            self._read_task,
            readers=self._readers,
            is_in_doubt=lambda: self._reading.failures > 0,
            stall_s=self._stall_s,
        )

    def _read_task(self, task: Task) -> TaskRead[Read]:
        """Read the secrets of a task, what hangs once more, alone and with all patience.

        A secret that hangs costs its batch no more than a moment, and a service that hangs or fails
        costs a run no more than a few calls.
        """
        outage = self._reading.outage(self._readers)
        if outage is not None:
            problem = (
                f"not read, as {self._reading.failures} calls in a row had failed, the last one:"
                f" {_cause(outage)}"
            )
            given_up: dict[str, Read] = {
                each: _error_of(each, outage, problem) for each in task.secret_ids
            }
            return TaskRead(given_up, [])
        found: dict[str, Read] = {}
        if len(task.secret_ids) > 1:
            if self._reading.may_batch:
                found = self._read_some(task.secret_ids)
            return TaskRead(found, [Task([each]) for each in task.secret_ids if each not in found])
        [secret_id] = task.secret_ids
        read = self._read_alone(secret_id, is_patient=task.is_last)
        if _is_unanswered(read) and not task.is_last:
            return TaskRead({}, [Task([secret_id], is_last=True)])
        return TaskRead({secret_id: read}, [])

    def _impatient(self) -> FleetStore:
        return self.within(lambda: min(self._left_s(), self._patience_s))

    def _read_some(self, batch: list[str]) -> dict[str, Read]:
        try:
            response = self._impatient()._call_in_turn(  # noqa: SLF001 - a copy of this one
                "BatchGetSecretValue", ", ".join(batch), SecretIdList=batch
            )
        except StoreError as error:
            self._reading.note(error)
            if not error.retryable:
                self._reading.may_batch = False
                return {}
            return self._read_despite(error, batch)
        self._reading.note(None)
        found: dict[str, Read] = {}
        entries = [each for each in response.get("SecretValues", []) if is_version(each)]
        failures = {each.get("SecretId"): each for each in response.get("Errors", [])}
        for secret_id in batch:
            entry = next((each for each in entries if matches_id(secret_id, each)), None)
            if entry is not None and CURRENT in entry["VersionStages"]:
                found[secret_id] = stored_secret(secret_id, entry)
            elif secret_id in failures:
                failure = self._failure(secret_id, failures[secret_id])
                if failure is not None:
                    found[secret_id] = failure
        return found

    def _read_despite(self, error: StoreError, batch: list[str]) -> dict[str, Read]:
        """What a batch gives that fails for now.

        One that was not answered may hold a secret that hangs: the others are well by themselves.
        Where the service refuses, one single read tells whether all of Secrets Manager does: then
        nothing is read one by one, which would take hours for thousands.
        """
        if not error.is_answered:
            return {}
        first = self._read_alone(batch[0], is_patient=False)
        if _is_unanswered(first):
            return {}
        if isinstance(first, StoreError) and first.retryable:
            return {each: _error_of(each, error, _cause(error)) for each in batch}
        self._reading.may_batch = False
        return {batch[0]: first}

    def _failure(self, secret_id: str, entry: Mapping[str, Any]) -> RotatorError | None:
        """Our error for one secret of a batch; None if a read of its own has to tell."""
        code = entry.get("ErrorCode")
        if code == "ResourceNotFoundException":  # it is missing, or has no value
            return None
        response = {"Error": {"Code": code, "Message": entry.get("Message", "")}}
        return explain_refusal(response, operation="GetSecretValue", secret_id=secret_id)

    def _read_alone(self, secret_id: str, *, is_patient: bool) -> Read:
        self._pace()
        store = self if is_patient else self._impatient()
        try:
            [found] = store.read(secret_id)
        except StoreError as error:
            self._reading.note(error)
            return error
        self._reading.note(None)
        return found


@dataclass(slots=True)
class _Reading:
    """What is known of the service in this run; shared by all threads that read.

    `failures` are the calls in a row that failed for now, `last` is the error of the last one.
    """

    may_batch: bool = True
    failures: int = 0
    last: StoreError | None = None

    def note(self, error: StoreError | None) -> None:
        """Note how a call ended; a refusal for good says that the service is well."""
        if error is not None and error.retryable:
            self.last = error
            self.failures += 1
        else:
            self.failures = 0

    def outage(self, readers: int) -> StoreError | None:
        """The error of all further calls, once each reader had three in a row that failed."""
        return self.last if self.failures >= MAX_FAILURES * readers else None


def _cause(error: StoreError) -> str:
    return str(error).removeprefix(f"secret {error.secret_id}: ")


def _error_of(secret_id: str, error: StoreError, problem: str) -> StoreError:
    """The error of a secret for which a call of others stands."""
    return store_error(
        problem,
        error.operation,
        secret_id,
        aws_code=error.aws_code,
        retryable=error.retryable,
        is_answered=error.is_answered,
    )


def _is_unanswered(read: object) -> TypeGuard[StoreError]:
    """Whether this is the error of a call that hung, or did not reach the service."""
    return isinstance(read, StoreError) and read.retryable and not read.is_answered
