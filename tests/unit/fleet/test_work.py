import threading
from collections.abc import Iterable

from rotator.fleet.pacer import Pacer
from rotator.fleet.work import Work, WorkQueue
from tests.support.clock import ManualClock


def queue_of(
    names: Iterable[str], *, clock: ManualClock | None = None, per_host: int = 2
) -> WorkQueue[str]:
    """Work whose host is the first letter of its name; it ends after 100 s."""
    clock = clock or ManualClock()
    work = [Work(name, name[0]) for name in names]
    return WorkQueue(work, per_host=per_host, ends_at_s=clock.monotonic() + 100, clock=clock)


def taken(queue: WorkQueue[str]) -> Work[str]:
    work = queue.take()
    assert work is not None
    return work


def test_work_is_handed_out_in_the_order_of_urgency() -> None:
    queue = queue_of(["a1", "b1", "a2", "c1"])

    assert [taken(queue).item for _ in range(4)] == ["a1", "b1", "a2", "c1"]
    assert queue.take() is None
    assert queue.deferred == []


def test_host_that_hangs_holds_no_more_than_its_share() -> None:
    queue = queue_of(["a1", "a2", "a3", "a4", "b1", "b2"])

    assert [taken(queue).item for _ in range(4)] == ["a1", "a2", "b1", "b2"]


def test_thread_that_waits_for_a_host_gets_its_work_as_soon_as_one_ends() -> None:
    queue = queue_of(["a1", "a2"], per_host=1)
    first = taken(queue)
    found: list[Work[str] | None] = []
    thread = threading.Thread(target=lambda: found.append(queue.take()), daemon=True)
    thread.start()

    queue.end(first, "done")
    thread.join(10)

    assert [work and work.item for work in found] == ["a2"]


def test_host_that_keeps_failing_gets_no_more_in_this_run() -> None:
    queue = queue_of(["a1", "a2", "a3", "a4", "b1"])
    for _ in range(3):
        queue.end(taken(queue), "temporary")

    assert [work.item for work in queue.deferred] == ["a4"]
    assert taken(queue).item == "b1"
    assert queue.take() is None


def test_binding_that_is_refused_says_nothing_against_its_host() -> None:
    queue = queue_of(["a1", "a2", "a3", "a4", "a5", "a6"])
    for ended in ("temporary", "temporary", "permanent", "temporary", "temporary"):
        queue.end(taken(queue), ended)

    assert taken(queue).item == "a6"


def test_work_that_is_not_reached_in_time_is_deferred() -> None:
    clock = ManualClock()
    queue = queue_of(["a1", "b1", "b2"], clock=clock)
    first = taken(queue)

    clock.advance(100)

    assert queue.take() is None
    queue.end(first, "done")
    assert [work.item for work in queue.deferred] == ["b1", "b2"]


def test_host_that_asks_for_a_pause_gets_it_while_others_go_on() -> None:
    clock = ManualClock()
    queue = queue_of(["a1", "a2", "b1"], clock=clock)
    queue.end(taken(queue), "temporary", retry_after_s=30)

    queue.end(taken(queue), "done")

    clock.advance(30)
    assert taken(queue).item == "a2"


def test_pause_beyond_the_end_of_the_run_defers_the_host() -> None:
    queue = queue_of(["a1", "a2", "b1"])
    queue.end(taken(queue), "temporary", retry_after_s=3600)

    assert [work.item for work in queue.deferred] == ["a2"]


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
