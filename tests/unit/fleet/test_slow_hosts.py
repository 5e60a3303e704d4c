"""Hosts that respond, but slowly, and whose tokens end first: the others get their tokens in time.

The worlds are played through by `Simulation`.
"""

import pytest

from rotator.fleet.lanes import Work
from tests.support.fleet_simulation import HEALTHY, HEALTHY_S, Outcome, Simulation

STEP_S = 10.0


def works(count: int, host: str, *, urgency: int, api: str | None = None) -> list[Work[str]]:
    return [
        Work(f"{host}-{api}-{number}", host, host, f"c/{host}", "renew", (urgency,), api)
        for number in range(count)
    ]


@pytest.mark.parametrize("slow_s", [3.0, 20.0])
@pytest.mark.parametrize("hosts", [1, 4, 8])
@pytest.mark.parametrize("workers", [1, 4, 16])
def test_slow_host_waits_for_those_that_had_less_time(
    workers: int, hosts: int, slow_s: float
) -> None:
    slow = [each for n in range(hosts) for each in works(200, f"slow{n}", urgency=0)]
    healthy = works(3, "well", urgency=1)

    def outcome(work: Work[str], _: float) -> Outcome:
        return HEALTHY if work.host == "well" else (slow_s, "responded")

    found = Simulation([*slow, *healthy], outcome, workers)

    # Each slow host has a step, and a last request that begins in it. Half of the time of a single
    # worker is that of the hosts that have responded.
    first_s = hosts * (STEP_S + slow_s) / (min(workers, hosts) if workers > 1 else 1 / 2)
    ends_s = [found.done[each.item] for each in healthy]
    assert max(ends_s) <= first_s + 3 * (slow_s + HEALTHY_S)


def test_hosts_that_had_about_as_much_time_are_served_in_the_order_of_expiry() -> None:
    soon, later = works(20, "soon", urgency=0), works(20, "later", urgency=1)
    assert 20 * HEALTHY_S < STEP_S

    found = Simulation([*later, *soon], lambda *_: HEALTHY, 1)

    assert found.begun == [each.item for each in (*soon, *later)]


def test_slow_api_takes_no_time_of_other_bindings_at_its_token_endpoint() -> None:
    slow, healthy = works(200, "idp", urgency=0, api="api"), works(20, "idp", urgency=1)
    others = works(200, "other", urgency=0)

    def outcome(work: Work[str], _: float) -> Outcome:
        return HEALTHY if work.probe_host is None else (20.0, "responded")

    found = Simulation([*slow, *healthy, *others], outcome, 1)

    assert {each.item for each in healthy} <= set(found.done)
    assert max(found.done[each.item] for each in healthy) <= 20 + 2 * (STEP_S + 20) + 20 * HEALTHY_S
