"""A few sick clients look like a sick host: sampling tells them apart, by chance and in any order.

The worlds are played through by `Simulation`, for fixed seeds.
"""

from collections.abc import Callable, Iterable

import pytest

from rotator.fleet.breaker import Failure
from rotator.fleet.lanes import Kind, Work
from tests.support.fleet_simulation import HEALTHY, HEALTHY_S, SICK, Outcome, Simulation

RUN_S = 840.0
DOWN: Outcome = (1.0, Failure("HTTP 503"))
Outcomes = Callable[[Work[str], float], Outcome]


def works(
    count: int, name: str, *, host: str = "a", each: int = 1, kind: Kind = "renew"
) -> list[Work[str]]:
    """So many clients `NAME0` ..., with `each` bindings; those named first are the most urgent."""
    urgency = (0 if kind == "recover" else 1,)
    return [
        Work(f"{name}{number}/{turn}", host, f"{name}{number}", f"c/{name}{number}", kind, urgency)
        for number in range(count)
        for turn in range(each)
    ]


def sick_are(outcome: Outcome) -> Outcomes:
    return lambda work, _: outcome if work.item.startswith("sick") else HEALTHY


def names(of: Iterable[Work[str]]) -> set[str]:
    return {each.item for each in of}


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("sick", range(1, 7))
@pytest.mark.parametrize("kind", SICK)
def test_sick_clients_with_the_soonest_expiry_defer_no_healthy_one(
    kind: str, sick: int, workers: int
) -> None:
    healthy = works(40 - sick, "well")
    found = Simulation([*works(sick, "sick"), *healthy], sick_are(SICK[kind]), workers)

    assert set(found.done) == names(healthy)


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("seed", range(5))
def test_hanging_clients_with_the_soonest_expiry_do_not_take_the_whole_run(
    workers: int, seed: int
) -> None:
    # One after the other, they would take it: each takes a minute of a worker.
    share = max(1, workers // 4)
    hanging, healthy = works(15 * share, "sick"), works(185 * share, "well")
    found = Simulation([*hanging, *healthy], sick_are(SICK["hangs"]), workers, seed=seed)

    assert len(found.done) > len(healthy) / 2


def test_most_urgent_goes_first_again_once_responses_took_as_long_as_failures() -> None:
    found = Simulation([*works(3, "sick"), *works(100, "well")], sick_are(DOWN), workers=1)

    drawn = 3 + round(3 / HEALTHY_S)
    numbers = [int(name.removeprefix("well").partition("/")[0]) for name in found.begun[3:103]]
    assert numbers[: drawn - 3] != sorted(numbers[: drawn - 3])
    assert numbers[drawn:] == sorted(numbers[drawn:])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["503", "429 for a day", "429 for two minutes"])
@pytest.mark.parametrize("sick", [10, 15])
def test_sample_finds_the_healthy_clients_among_many_sick_ones(
    kind: str, sick: int, seed: int
) -> None:
    # With 15 of 40, all of a sample are sick with C(12, 7) / C(37, 7), or 1 in 13,000.
    healthy = works(40 - sick, "well")
    found = Simulation([*works(sick, "sick"), *healthy], sick_are(SICK[kind]), seed=seed)

    assert set(found.done) == names(healthy)


def test_sample_is_another_one_in_each_run() -> None:
    found = {
        tuple(Simulation(works(40, "sick"), sick_are(DOWN), workers=1, seed=seed).begun)
        for seed in range(10)
    }

    assert len(found) == 10
    assert {each[:3] for each in found} == {("sick0/0", "sick1/0", "sick2/0")}


def test_client_with_many_bindings_is_drawn_as_often_as_one_with_one() -> None:
    # Drawn by bindings, 300 of 303 would be of the three most urgent clients' neighbours.
    sick, healthy = works(9, "sick", each=100), works(31, "well")
    fourth = [
        Simulation([*sick, *healthy], sick_are(DOWN), workers=1, seed=seed).begun[3]
        for seed in range(20)
    ]

    # 31 of the 37 clients that have not failed are healthy: 17 of 20 are expected.
    assert sum(name.startswith("well") for name in fourth) >= 12


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_host_that_asks_all_to_wait_costs_a_sample_and_what_is_in_progress(workers: int) -> None:
    clients = [*works(50, "sick-new", kind="recover"), *works(950, "sick")]
    found = Simulation(clients, sick_are(SICK["429 for a day"]), workers)

    assert len(found.begun) <= 10 + workers // 4
    assert len(found.deferred) == 1000 - len(found.begun)


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("took_s", [0.0, 3.5, 60.0])
def test_outage_costs_a_sample_and_then_an_attempt_after_the_other(
    took_s: float, workers: int
) -> None:
    clients = [*works(50, "sick-new", kind="recover"), *works(1950, "sick")]
    found = Simulation(clients, sick_are((took_s, Failure("HTTP 503"))), workers)

    share = max(1, workers // 4)
    assert len(found.begun) <= 10 + share + RUN_S / max(1.0, took_s)
    assert len(set(found.begun)) == len(found.begun)


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("seed", range(3))
def test_healthy_client_is_found_among_sixty_sick_ones(seed: int, workers: int) -> None:
    sick, healthy = works(60, "sick"), works(1, "well", each=20)
    found = Simulation([*sick, *healthy], sick_are(SICK["503"]), workers, seed=seed)

    assert set(found.done) == names(healthy)
    # Each of them once, one after the other; then the healthy one is served at once.
    assert max(found.done.values()) <= 61 * SICK["503"][0] + 20 * HEALTHY_S + 10


def test_host_that_is_throttled_for_a_while_is_sampled_again_after_the_pause() -> None:
    clients = works(100, "any")
    throttled = SICK["429 for two minutes"]
    found = Simulation(clients, lambda _, now_s: throttled if now_s < 100 else HEALTHY)

    assert len(found.done) >= 100 - 10 - 4
    # No client was asked again before its two minutes were over.
    assert min(found.done.values()) >= 120
    assert found.deferred == {}


def test_host_is_sampled_again_a_few_times_only() -> None:
    found = Simulation(works(1000, "sick"), sick_are(SICK["429 for two minutes"]))

    # A first sample and three more, each with what is in progress.
    assert len(found.begun) <= 4 * (10 + 4)
    assert len(found.deferred) == 1000 - len(found.begun)


def test_answer_that_comes_late_opens_the_host_again() -> None:
    healthy = works(1, "slow") + works(30, "well")

    def outcome(work: Work[str], now_s: float) -> Outcome:
        if work.item.startswith("slow"):
            return 50.0, "responded"
        return DOWN if now_s < 40 else HEALTHY

    found = Simulation(healthy, outcome)

    assert "slow0/0" in found.done
    assert found.deferred == {}
    assert len(found.done) >= 31 - 10 - 4


def test_client_that_comes_late_opens_a_host_whose_few_clients_all_failed() -> None:
    simulation = Simulation(works(4, "sick"), sick_are(DOWN), lasts_s=60)
    assert simulation.deferred == {}
    queue = simulation.queue
    queue.add(works(1, "well"))
    simulation.now_s = 0

    late = queue.take(block=False)

    assert late is not None
    assert late.item == "well0/0"


@pytest.mark.parametrize("kind", SICK)
def test_one_of_two_clients_defers_nothing_of_the_other(kind: str) -> None:
    sick, healthy = works(1, "sick", each=6), works(1, "well", each=6)
    found = Simulation([*sick, *healthy], sick_are(SICK[kind]))

    assert set(found.done) == names(healthy)
    assert sum(name.startswith("sick") for name in found.begun) <= 3 + 3


@pytest.mark.parametrize("clients", [1, 2])
def test_host_of_few_clients_gets_three_attempts_of_each(clients: int) -> None:
    found = Simulation(works(clients, "sick", each=9), sick_are(DOWN), workers=1)

    assert len(found.begun) == 3 * clients
    assert len(found.deferred) == 6 * clients


def test_client_that_failed_before_tells_nothing_new_of_its_host() -> None:
    # At the end only the sick ones are left; ten of them in a row close nothing.
    sick, healthy = works(12, "sick", each=3), works(28, "well")
    found = Simulation([*sick, *healthy], sick_are(DOWN), workers=1)

    assert set(found.done) == names(healthy)
    assert found.deferred == {}
    assert len(found.begun) == 12 * 3 + 28


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("kind", SICK)
def test_dead_clients_without_a_token_defer_none_with_one(kind: str, workers: int) -> None:
    dead = works(60, "sick", kind="recover")
    healthy = works(20, "well")
    found = Simulation([*dead, *healthy], sick_are(SICK[kind]), workers)

    assert set(found.done) == names(healthy)


def test_fast_failures_without_a_token_do_not_outvote_hanging_clients_with_one() -> None:
    # While the two most urgent ones hang, thirty dead ones could fill the sample.
    dead, healthy = works(30, "dead", kind="recover"), works(20, "well")

    def outcome(work: Work[str], _: float) -> Outcome:
        return SICK["429 for a day"] if work.kind == "recover" else sick_are(SICK["hangs"])(work, _)

    found = Simulation([*dead, *works(2, "sick"), *healthy], outcome)

    assert set(found.done) == names(healthy)


@pytest.mark.parametrize("kind", ["503", "429 for a day"])
def test_sick_clients_with_a_token_defer_none_without(kind: str) -> None:
    sick, new = works(12, "sick"), works(40, "new", kind="recover")
    found = Simulation([*sick, *new], sick_are(SICK[kind]))

    assert set(found.done) == names(new)


@pytest.mark.parametrize("elsewhere", [1, 5, 60])
def test_hosts_that_hang_keep_no_other_host_waiting(elsewhere: int) -> None:
    hanging = [work for host in range(8) for work in works(5, f"sick-{host}-", host=f"hangs{host}")]
    healthy = [
        work
        for host in range(elsewhere)
        for work in works(60 // elsewhere, f"well-{host}-", host=f"well{host}")
    ]
    found = Simulation([*hanging, *healthy], sick_are(SICK["hangs"]), lasts_s=60)

    assert set(found.done) == names(healthy)
    # Eight of sixteen workers hang at first; the others need no longer than one would.
    assert max(found.done.values()) <= 60 * HEALTHY_S + 1


def test_host_in_doubt_is_sampled_while_other_hosts_are_busy() -> None:
    # What is due elsewhere takes longer than the run: 8 * 400 * 5 s / 16 workers = 1000 s.
    sick, healthy = works(6, "sick"), works(20, "well")
    busy = [
        work
        for n in range(400)
        for h in range(8)
        for work in works(1, f"b{n}-{h}-", host=f"busy{h}")
    ]

    def outcome(work: Work[str], _: float) -> Outcome:
        if work.host != "a":
            return 5.0, "responded"
        return (20.0, Failure("HTTP 503")) if work.item.startswith("sick") else HEALTHY

    found = Simulation([*sick, *healthy, *busy], outcome)

    assert names(healthy) <= set(found.done)


def test_deferred_work_says_which_host_failed_for_whom_and_how() -> None:
    down = Simulation(works(9, "sick", each=2), sick_are(DOWN), workers=1)
    throttled = Simulation(works(12, "sick"), sick_are(SICK["429 for a day"]), workers=1)

    assert set(down.deferred.values()) == {
        "token endpoint a failed for 9 clients in a row (HTTP 503)"
    }
    assert set(throttled.deferred.values()) == {
        "token endpoint a asked 10 clients in a row to wait 86400 s"
    }


def test_host_of_which_most_clients_need_not_wait_gets_no_pause() -> None:
    # Three of ten have to wait for two minutes: the median of all is no wait.
    def outcome(work: Work[str], _: float) -> Outcome:
        waits = work.client in {"sick0", "sick1", "sick2"}
        return SICK["429 for two minutes"] if waits else DOWN

    found = Simulation(works(100, "sick"), outcome, lasts_s=60)

    assert len(found.begun) > 50
