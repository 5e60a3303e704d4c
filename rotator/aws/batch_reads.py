"""Reads many secrets with a few threads, so that a read that hangs does not delay the others."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["STALL_S", "Task", "TaskRead", "read_in_parallel"]

R = TypeVar("R")

STALL_S = 1.0
"""After this time without a result, all remaining calls hang: a call takes a twentieth of it."""


class Task(NamedTuple):
    """Secrets to read in one call; `is_retry` if a call for them has hung before.

    With `describes` their metadata is read, not their values.
    """

    secret_ids: list[str]
    is_retry: bool = False
    describes: bool = False


class TaskRead(NamedTuple, Generic[R]):
    """The secrets that a task has found, and tasks for the others."""

    found: dict[str, R]
    tasks: list[Task]


@dataclass(slots=True)
class _Tasks(Generic[R]):
    """The tasks that wait, and the results; a result may be an exception of its thread.

    Retries of calls that hung come after everything else, or they would keep all readers busy.
    """

    waiting: deque[Task]
    retries: deque[Task] = field(default_factory=deque)
    results: SimpleQueue[TaskRead[R] | tuple[Task, Exception]] = field(default_factory=SimpleQueue)
    changed: threading.Condition = field(default_factory=threading.Condition)
    running: int = 0
    """Tasks in progress that are not retries."""
    is_over: bool = False

    def add(self, tasks: list[Task]) -> None:
        with self.changed:
            self.waiting.extend(tasks)
            self.changed.notify_all()

    def take(self, *, from_end: bool) -> Task | None:
        with self.changed:
            while not self.is_over:
                if self.waiting:
                    self.running += 1
                    return self.waiting.pop() if from_end else self.waiting.popleft()
                if self.retries and not self.running:
                    return self.retries.popleft()
                self.changed.wait()
            return None

    def end(self, task: Task, result: TaskRead[R] | tuple[Task, Exception]) -> None:
        with self.changed:
            self.running -= not task.is_retry
            if isinstance(result, TaskRead):
                for each in result.tasks:
                    (self.retries if each.is_retry else self.waiting).append(each)
            self.changed.notify_all()
        self.results.put(result)

    def end_all(self) -> None:
        with self.changed:
            self.is_over = True
            self.changed.notify_all()


def read_in_parallel(
    tasks: list[Task],
    read: Callable[[Task], TaskRead[R]],
    *,
    readers: int,
    is_in_doubt: Callable[[], bool],
    stall_s: float = STALL_S,
    take_new: Callable[[], list[Task]] = list,
) -> Iterator[dict[str, R | RotatorError]]:
    """Yield what `read` finds for each task; an empty dict after `stall_s` without a result.

    `take_new` returns the tasks that the consumer has added since.

    While `is_in_doubt` says that the last calls failed, tasks are taken from the end of the queue:
    the secrets that fail may be neighbours. A RotatorError of `read` is raised if nothing was read
    before it; otherwise it is the result of the task's secrets.
    """
    state: _Tasks[R] = _Tasks(deque(tasks))
    count = min(readers, sum(len(task.secret_ids) for task in tasks))
    _start_threads(count, partial(_work, state, read, is_in_doubt))
    left, has_read = len(tasks), False
    try:
        while True:
            added = take_new()
            state.add(added)
            left += len(added)
            if not left:
                return
            try:
                result = state.results.get(timeout=stall_s)
            except Empty:
                yield {}
                continue
            if isinstance(result, TaskRead):
                has_read = True
                left += len(result.tasks) - 1
                if result.found:
                    yield dict(result.found)
                continue
            task, error = result
            if not has_read or not isinstance(error, RotatorError):
                raise error
            left -= 1
            yield dict.fromkeys(task.secret_ids, error)
    finally:
        state.end_all()


def _start_threads(count: int, work: Callable[[], None]) -> None:
    for number in range(count):
        threading.Thread(target=work, name=f"rotator-read-{number}", daemon=True).start()


def _work(
    state: _Tasks[R], read: Callable[[Task], TaskRead[R]], is_in_doubt: Callable[[], bool]
) -> None:
    while (task := state.take(from_end=is_in_doubt())) is not None:
        try:
            result: TaskRead[R] | tuple[Task, Exception] = read(task)
        except Exception as error:  # noqa: BLE001 - raised again where results are waited for
            result = (task, error)
        state.end(task, result)
