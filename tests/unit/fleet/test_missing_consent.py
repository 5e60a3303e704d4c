"""A line of a manifest that the credentials secret does not know of."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.documents import HOUR
from tests.support.fleet_rig import FleetRig


def warnings(rig: FleetRig, **options: Any) -> list[str]:
    with capture_logs() as events:
        ran = rig.run(**options)
    assert all(each.error is None for each in ran.values())
    return [each["problem"] for each in events if each["event"] == "rotator.consent_missing"]


@pytest.mark.parametrize("age", [HOUR, 23 * HOUR])
def test_line_that_the_credentials_do_not_name_is_served_and_warned_of(age: Any) -> None:  # noqa: ANN401
    rig = FleetRig()
    rig.add("a", age=age, token_secrets=["t/other"])

    [problem] = warnings(rig)

    assert problem.startswith("credentials secret c/a: the manifest has it serve t/a, which its")
    assert "`rotator init --credentials-secret c/a --token-secret t/a --bind-only`" in problem


@pytest.mark.parametrize("entries", [None, ["t/a"], ["t/*"]])
def test_line_that_they_name_or_that_name_nobody_is_not(entries: list[str] | None) -> None:
    rig = FleetRig()
    consent: dict[str, Any] = {} if entries is None else {"token_secrets": entries}
    rig.add("a", age=HOUR, **consent)

    assert warnings(rig) == []
