"""One client in several bindings, where its provider keeps one token active."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.documents import HOUR
from tests.support.fleet_rig import FleetRig

ACTIVE: dict[str, Any] = {"single_active": True}


@pytest.mark.parametrize("options", [{}, {"dry_run": True}])
def test_bindings_that_share_a_client_with_one_active_token_are_warned_of(
    options: dict[str, Any],
) -> None:
    rig = FleetRig()
    rig.add("due", age=23 * HOUR, **ACTIVE)
    rig.add("fresh", age=HOUR, **ACTIVE)
    with capture_logs() as events:
        rig.run(**options)
    [warning] = [each for each in events if each["event"] == "rotator.active_token_shared"]
    assert warning["log_level"] == "warning"
    assert warning["problem"].startswith("token secrets t/due, t/fresh: share a client whose")


@pytest.mark.parametrize(
    "other", [{"client_id": "another", **ACTIVE}, {"host": "another.example", **ACTIVE}, {}]
)
def test_bindings_with_tokens_of_their_own_are_not(other: dict[str, Any]) -> None:
    rig = FleetRig()
    rig.add("one", age=HOUR, **ACTIVE)
    rig.add("two", age=HOUR, **other)
    with capture_logs() as events:
        rig.run()
    assert "rotator.active_token_shared" not in {each["event"] for each in events}


def test_warning_of_a_client_that_many_share_stays_short() -> None:
    rig = FleetRig()
    for number in range(12):
        rig.add(f"{number}", age=HOUR, **ACTIVE)
    with capture_logs() as events:
        rig.run()
    assert "t/9 and 2 more: share" in events[0]["problem"]
