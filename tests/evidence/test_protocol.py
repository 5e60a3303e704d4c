import uuid

import pytest

from rotator.rotation import publish as publication
from tests.evidence.protocol import explore
from tests.evidence.protocol_state import Budget, Scenario
from tests.evidence.replay import Runner
from tests.evidence.scenarios import SCENARIOS

TWO = (Runner("A"), Runner("B"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_interleaving_breaks_the_protocol(scenario: Scenario) -> None:
    found = explore(scenario)
    assert found.violation is None
    assert found.endings > 0


def test_removing_the_compare_and_set_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "successor_id", lambda *_: str(uuid.uuid4()))
    violation = explore(Scenario("no compare-and-set", TWO, Budget())).violation
    assert violation is not None
    assert violation.startswith("B replaced a version that it has not seen: ")


def test_believing_the_first_read_after_a_conflict_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publication, "CONSISTENCY_WAITS_S", ())
    violation = explore(Scenario("no waiting", TWO, Budget(stale=2))).violation
    assert violation is not None


def test_giving_up_at_a_version_moved_aside_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "MAX_ATTEMPTS", 1)
    violation = explore(Scenario("one id only", TWO, Budget(), "moved")).violation
    assert violation is not None
    assert "failed without cause" in violation
