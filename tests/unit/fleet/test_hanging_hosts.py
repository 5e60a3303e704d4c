"""Many hosts hang, one for each tenant, and their tokens end first: the others get their tokens.

The worlds are played through by `Simulation`, for fixed seeds. A host that hangs takes a minute.
"""

from dataclasses import replace

import pytest

from rotator.fleet.lanes import Kind, Work
from tests.support.fleet_simulation import HEALTHY, HEALTHY_S, SICK, Outcome, Simulation

HANG_S = SICK["hangs"][0]


def tenants(count: int, name: str, *, each: int = 1, kind: Kind = "renew") -> list[Work[str]]:
    """So many hosts, each with one client and `each` bindings; the first are the most urgent."""
    urgency = (0 if kind == "recover" else 1,)
    return [
        Work(
            f"{name}{number}/{turn}",
            f"{name}{number}",
            f"{name}{number}",
            f"c/{name}{number}",
            kind,
            urgency,
        )
        for number in range(count)
        for turn in range(each)
    ]


def outcome(work: Work[str], _: float) -> Outcome:
    return SICK["hangs"] if work.host.startswith("hangs") else HEALTHY


def names(works: list[Work[str]]) -> set[str]:
    return {each.item for each in works}


@pytest.mark.parametrize("kind", ["renew", "recover"])
@pytest.mark.parametrize(
    ("workers", "starts_within_s"), [(1, HANG_S), (2, 0.0), (4, 0.0), (16, 0.0)]
)
def test_host_that_responds_waits_for_none_of_those_that_hang(
    workers: int, starts_within_s: float, kind: Kind
) -> None:
    hanging, healthy = tenants(70, "hangs", kind=kind), tenants(1, "well", each=20)
    found = Simulation([*hanging, *healthy], outcome, workers)

    assert set(found.done) == names(healthy)
    # As if one worker served it, as soon as it was tried.
    assert max(found.done.values()) <= starts_within_s + 20 * HEALTHY_S + 1


@pytest.mark.parametrize("workers", [2, 4, 16])
def test_hosts_that_respond_keep_half_of_the_workers(workers: int) -> None:
    healthy = tenants(8, "well", each=50)
    hanging, first = tenants(200, "hangs"), [each for each in healthy if each.item.endswith("/0")]
    later = [each for each in healthy if each not in first]
    found = Simulation([*first, *hanging, *later], outcome, workers)

    assert set(found.done) == names(healthy)
    assert max(found.done.values()) <= 400 * HEALTHY_S / (workers // 2) + 1


def test_one_worker_gives_half_of_its_time_to_hosts_that_respond() -> None:
    hanging, healthy = tenants(70, "hangs"), tenants(1, "well", each=2000)
    found = Simulation([*hanging, *healthy], outcome, 1)

    assert len(found.done) >= (840 - 2 * HANG_S) / 2 / HEALTHY_S


def test_bindings_without_a_token_at_hosts_that_hang_keep_no_host_from_its_first_request() -> None:
    hanging = tenants(70, "hangs", kind="recover")
    single, busy = tenants(30, "single"), tenants(4, "well", each=2000)
    found = Simulation([*hanging, *single, *busy], outcome, lasts_s=HANG_S)

    assert names(single) <= set(found.done)


def test_bindings_without_a_token_that_hang_at_a_host_leave_half_of_it_to_those_with_one() -> None:
    hanging = [
        *tenants(200, "hangs", kind="recover"),
        *tenants(4, "hangs-too"),  # and bring the host into doubt
    ]
    works = [replace(each, host="shared") for each in (*hanging, *tenants(400, "well"))]

    def outcome_of(work: Work[str], _: float) -> Outcome:
        return SICK["hangs"] if work.item.startswith("hangs") else HEALTHY

    healthy = [each for each in works if each.item.startswith("well")]

    found = Simulation(works, outcome_of, 16)

    assert set(found.done) == names(healthy)


def test_hosts_of_which_nothing_is_known_are_tried_by_chance_too() -> None:
    # The run is long enough for 28 that hang, and those come first in each run.
    hanging, healthy = tenants(70, "hangs"), tenants(10, "well")
    runs = [Simulation([*hanging, *healthy], outcome, 2, seed=seed) for seed in range(40)]

    assert {name for run in runs for name in run.done} == names(healthy)
