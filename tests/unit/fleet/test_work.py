from collections.abc import Iterable

import pytest

from rotator.errors import StoreError
from rotator.fleet.breaker import Failure
from rotator.fleet.descriptions import Descriptions
from rotator.fleet.lanes import Kind, Work
from rotator.fleet.pacer import Pacer
from rotator.fleet.read import PrefetchedStore
from rotator.fleet.work import OUT_OF_TIME, Observation, WorkQueue
from rotator.model.secret import Secret, StoredSecret
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore
from tests.support.reader_threads import in_threads

DOWN = Failure("HTTP 503")
THROTTLED = Failure("HTTP 429", 1000)
ENDS_AFTER_S = 100.0


def work_of(name: str) -> Work[str]:
    """`a/x1`: at host a, of client x. A capital client has no valid token (`a/X1`)."""
    host, _, client = name.rpartition("/")
    kind: Kind = "recover" if client[0].isupper() else "renew"
    return Work(name, host, client=(host, client[0].lower()), name=f"c/{client[0]}", kind=kind)


def queue_of(
    names: Iterable[str], *, clock: ManualClock | None = None, workers: int = 16, per_host: int = 2
) -> WorkQueue[str]:
    """Work in the order of urgency; it ends after 100 s."""
    clock = clock or ManualClock()
    queue: WorkQueue[str] = WorkQueue(
        workers=workers, per_host=per_host, ends_at_s=clock.monotonic() + ENDS_AFTER_S, clock=clock
    )
    queue.add(map(work_of, names))
    queue.close()
    return queue


def taken(queue: WorkQueue[str]) -> Work[str]:
    work = queue.take()
    assert work is not None
    return work


def work_off(queue: WorkQueue[str], *, sick: Iterable[str], failure: Failure = DOWN) -> list[str]:
    """All that is handed out, one after another; the clients in `sick` fail, all others do not."""
    order = []
    while (work := queue.take()) is not None:
        order.append(work.item)
        is_sick = work.item[:-1].lower() in sick or work.host in sick
        queue.end(work, failure if is_sick else "responded")
    return order


def deferred(queue: WorkQueue[str]) -> dict[str, str]:
    return {work.item: cause for work, cause in queue.defer_rest()}


def test_work_is_handed_out_in_the_order_of_urgency() -> None:
    names = ["a/x1", "b/x1", "a/x2", "c/x1"]
    queue = queue_of(names)

    assert work_off(queue, sick=[]) == names
    assert queue.defer_rest() == []


def test_host_that_hangs_holds_no_more_than_its_share() -> None:
    queue = queue_of(["a/x1", "a/x2", "a/x3", "a/x4", "b/x1", "b/x2"])

    assert {taken(queue).item for _ in range(4)} == {"a/x1", "a/x2", "b/x1", "b/x2"}
    assert queue.take(block=False) is None


def test_host_that_may_hang_gets_its_second_request_after_the_first_of_all_others() -> None:
    queue = queue_of(["a/x1", "a/x2", "b/x1", "b/x2", "c/x1"])

    assert [taken(queue).item for _ in range(5)] == ["a/x1", "b/x1", "c/x1", "a/x2", "b/x2"]


def test_host_that_has_answered_is_served_in_the_order_of_urgency() -> None:
    queue = queue_of(["a/x1", "a/x2", "a/x3", "b/x1"])
    queue.end(taken(queue), "responded")

    assert [taken(queue).item for _ in range(3)] == ["a/x2", "a/x3", "b/x1"]


def test_thread_that_waits_for_a_host_gets_its_work_as_soon_as_one_ends() -> None:
    queue = queue_of(["a/x1", "a/x2"], per_host=1)
    first = taken(queue)
    join = in_threads(1, lambda: taken(queue).item)

    queue.end(first, "responded")

    assert join() == ["a/x2"]


def test_thread_that_waits_for_what_is_still_read_gets_it() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(workers=2, per_host=1, ends_at_s=100, clock=clock)
    join = in_threads(1, lambda: taken(queue).item)

    queue.add([work_of("a/x1")])

    assert join() == ["a/x1"]


def test_threads_that_wait_for_a_client_go_home_when_it_is_given_up() -> None:
    queue = queue_of(["a/x1", "a/x2", "a/x3", "a/x4", "a/x5"], per_host=1)
    for _ in range(2):
        queue.end(taken(queue), DOWN)
    last = taken(queue)
    join = in_threads(5, queue.take)

    queue.end(last, DOWN)

    assert join() == [None] * 5


def test_client_that_keeps_failing_gets_no_more_in_this_run() -> None:
    queue = queue_of(["a/x1", "a/x2", "a/x3", "a/x4", "b/y1"])

    assert work_off(queue, sick=["a/x"]) == ["a/x1", "b/y1", "a/x2", "a/x3"]
    [(name, cause)] = deferred(queue).items()
    assert name == "a/x4"
    assert cause == "token endpoint a failed 3 times in a row for the client of c/x (HTTP 503)"


def test_client_that_failed_goes_behind_the_others_at_its_host() -> None:
    queue = queue_of(["a/x1", "a/x2", "a/y1", "a/z1"])

    assert work_off(queue, sick=["a/x"]) == ["a/x1", "a/y1", "a/z1", "a/x2"]


def test_work_that_did_not_ask_its_host_says_nothing_for_it() -> None:
    queue = queue_of([f"a/{client}1" for client in "bcdefghijklm"])
    endings: list[Observation] = [*[THROTTLED] * 9, "unknown", THROTTLED]
    for ended in endings:
        queue.end(taken(queue), ended)

    assert queue.take() is None
    assert len(queue.defer_rest()) == 1


def test_thread_waits_for_an_answer_that_may_open_a_host_again() -> None:
    queue = queue_of([f"a/{client}1" for client in "bcdefghijklm"])
    slow = taken(queue)
    for _ in range(10):
        queue.end(taken(queue), THROTTLED)
    join = in_threads(1, queue.take)

    queue.end(slow, "responded")

    assert None not in join()


def test_work_that_is_not_reached_in_time_is_deferred() -> None:
    clock = ManualClock()
    queue = queue_of(["a/x1", "b/x1", "b/x2"], clock=clock)
    first = taken(queue)

    clock.advance(ENDS_AFTER_S)

    assert queue.take() is None
    queue.end(first, "responded")
    assert deferred(queue) == {"b/x1": OUT_OF_TIME, "b/x2": OUT_OF_TIME}


def test_client_that_is_asked_to_wait_does_while_others_go_on() -> None:
    clock = ManualClock()
    queue = queue_of(["a/x1", "a/x2", "a/y1", "b/z1"], clock=clock)
    queue.end(taken(queue), Failure("HTTP 429", 30))

    for name in ("a/y1", "b/z1"):
        work = taken(queue)
        assert work.item == name
        queue.end(work, "responded")
    clock.advance(30)

    assert taken(queue).item == "a/x2"


def test_bindings_without_a_token_hold_half_of_the_workers_while_others_wait() -> None:
    hanging = [f"h{number}/X1" for number in range(40)]
    queue = queue_of([*hanging, *(f"a/y{number}" for number in range(5))], workers=8, per_host=2)

    assert {taken(queue).item for _ in range(6)} == {*hanging[:4], "a/y0", "a/y1"}


def test_bindings_without_a_token_have_all_workers_where_nobody_else_waits() -> None:
    names = [f"h{number}/X1" for number in range(8)]
    queue = queue_of(names, workers=8)

    assert [taken(queue).item for _ in range(8)] == names


def test_bindings_without_a_token_hold_half_of_their_host_while_others_wait_there() -> None:
    queue = queue_of(["a/X1", "a/Y1", "a/Z1", "a/u1", "a/v1"], workers=16, per_host=4)

    assert [taken(queue).item for _ in range(4)] == ["a/X1", "a/Y1", "a/u1", "a/v1"]


def test_one_worker_takes_turns() -> None:
    queue = queue_of(["a/X1", "b/Y1", "c/u1", "d/v1"], workers=1, per_host=1)

    assert work_off(queue, sick=[]) == ["a/X1", "c/u1", "b/Y1", "d/v1"]


def test_one_worker_gives_half_of_its_time_to_bindings_without_a_token() -> None:
    clock = ManualClock()
    queue = queue_of(["a/X1", "b/Y1", "c/u1", "d/v1"], workers=1, per_host=1, clock=clock)
    order = []
    for took_s in (2, 1, 1, 1):
        work = taken(queue)
        order.append(work.item)
        clock.advance(took_s)
        queue.end(work, "responded")

    assert order == ["a/X1", "c/u1", "d/v1", "b/Y1"]


def test_calls_are_spread_evenly() -> None:
    clock = ManualClock()
    started_s = clock.monotonic()
    pacer = Pacer(50, clock)
    for _ in range(101):
        pacer.wait()

    assert abs(clock.monotonic() - started_s - 100 / 50) < 1e-6


def test_throttled_call_pauses_everybody_for_a_second() -> None:
    clock = ManualClock()
    pacer = Pacer(50, clock)
    pacer.wait()
    pacer.back_off()
    started_s = clock.monotonic()
    pacer.wait()

    assert abs(clock.monotonic() - started_s - 1) < 1e-6


class RefusingStore(MemoryStore):
    """A store whose puts are refused with this code of AWS."""

    def __init__(self, code: str) -> None:
        super().__init__(token={})
        self.code = code

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:  # noqa: ARG002 - as in `Store`
        raise StoreError(
            "refused", operation="PutSecretValue", secret_id=secret.secret_id, aws_code=self.code
        )


@pytest.mark.parametrize(
    ("code", "pause_s"),
    [
        ("ThrottlingException", 1),
        ("RequestLimitExceeded", 1),
        ("SlowDown", 1),
        ("TooManyRequestsException", 1),
        ("AccessDeniedException", 0),
    ],
)
def test_throttled_put_pauses_the_puts_of_all(code: str, pause_s: int) -> None:
    clock = ManualClock()
    pacer, store = Pacer(50, clock), RefusingStore(code)
    [version] = store.read("app/token")
    fleet_store = PrefetchedStore(store, {"app/token": version}, pacer, Descriptions())
    with pytest.raises(StoreError):
        fleet_store.put(version, Secret("{}"), version_id="second")
    started_s = clock.monotonic()
    pacer.wait()

    assert clock.monotonic() - started_s == pytest.approx(pause_s or 1 / 50)
