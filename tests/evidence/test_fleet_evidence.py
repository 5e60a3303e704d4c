"""A little of each row of a fleet, so that `make test` notices what breaks them."""

from collections.abc import Callable

import pytest

from tests.evidence.fleet_discovery import fleet_discovery
from tests.evidence.fleet_job import FleetJob
from tests.evidence.fleet_rows import fleet_faults, fleet_hangs, fleet_kills, fleet_races
from tests.evidence.fleet_sick import fleet_sick_clients
from tests.evidence.fleet_year import fleet_year
from tests.evidence.job import stage
from tests.evidence.row import Effort, TableRow


@pytest.mark.parametrize(
    ("row", "case"),
    [
        (fleet_faults, "0:sm:ListSecrets=HTML"),
        (fleet_faults, "5:sm:PutSecretValue=reset after"),
        (fleet_faults, "4:ims:token=503 before for good"),
        (fleet_kills, "SIGKILL after call 5"),
        (fleet_hangs, "4 workers, 4 of 10 hang"),
        (fleet_sick_clients, "throttled, 3 of them, 1 workers"),
        (fleet_sick_clients, "throttled, 3 of them, 4 workers, with tokens"),
        (fleet_sick_clients, "503, 1 of them, 4 workers"),
        (fleet_discovery, "without consent"),
        (fleet_discovery, "a tag on the credentials secret of others"),
        (fleet_discovery, "a token secret that holds a password"),
        (fleet_discovery, "two that name each other"),
        (fleet_discovery, "a list without an end"),
        (fleet_discovery, "a list that breaks off"),
    ],
)
def test_trouble_of_one_binding_breaks_no_promise_to_another(
    row: Callable[[Effort], TableRow], case: str
) -> None:
    found = row(Effort(case=case))
    assert found.count == 1
    assert found.violations == []


def test_fleets_and_single_runs_at_once_leave_one_new_version_of_each() -> None:
    found = fleet_races(Effort(limit=2))
    assert found.count == 2
    assert found.violations == []


def test_what_was_minted_at_once_is_spread_after_a_month() -> None:
    found = fleet_year(Effort(case="quiet, spread"))
    assert found.count > 1_000 * 40
    assert found.violations == []


def test_soonest_expiry_is_first_on_the_wire() -> None:
    with stage() as on:
        job = FleetJob(on, ["fresh", "due", "expired"])
        job.run()
        published = [c.params["SecretId"] for c in on.wire.calls if c.name == "sm:PutSecretValue"]
    assert published == [job.names[2], job.names[1]]
