"""A little of each row about native rotation."""

import pytest

from tests.evidence.native_faults import native_faults
from tests.evidence.native_histories import (
    draw_fortnight,
    live_through,
    native_histories,
    ours,
    template_order,
)
from tests.evidence.native_races import DRAWN_RACES, RACES, explore, native_races
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort
from tests.support.interleaving import interleavings

QUICK = (
    "last step, scheduled run",
    "last step, forced run",
    "last step twice",
    "first step twice",
    "rotation with a token grown old, scheduled run",
)


@pytest.mark.parametrize("case", QUICK)
def test_no_order_of_calls_breaks_a_promise(case: str) -> None:
    number, problem = explore(interleavings(RACES[case], actors=2))
    assert problem is None
    assert number > 30


@pytest.mark.parametrize("case", DRAWN_RACES)
def test_no_drawn_order_of_three_breaks_a_promise(case: str) -> None:
    found = native_races(Effort(case=case, limit=10))
    assert found.violations == []
    assert found.count == 10


def test_no_fault_at_any_call_keeps_a_rotation_from_its_end() -> None:
    found = native_faults(Effort(limit=40))
    assert found.violations == []
    # At least a dozen calls where the token is due, each with three faults.
    assert found.count > 3 * 12 + 3 * 40


def test_no_fortnight_ends_with_a_stuck_label() -> None:
    assert native_histories(Effort(limit=3)).violations == []


def test_order_of_the_template_gets_stuck_where_ours_does_not() -> None:
    """Else the fortnights would be too calm to show anything."""
    with silent_logs():
        for turn in range(20):
            history = draw_fortnight(Effort().random(f"fortnight {turn}"))
            if not live_through(history, template_order).on.is_over():
                break
        else:
            pytest.fail("the order of the template never gets stuck")
        assert live_through(history, ours).on.is_over()
