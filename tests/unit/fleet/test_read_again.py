"""What changes between a fleet's reads and a binding's turn."""

import json
from collections.abc import Callable

import pytest

from rotator.model.client_credentials import ClientCredentials
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import EndpointOf, FleetRig, outcomes
from tests.support.rotation_rig import rival


def wait_for_the_first(
    rig: FleetRig, wait_s: float, meanwhile: Callable[[], object] = lambda: None
) -> dict[str, str]:
    """A run whose second binding waits until the provider of the first has answered."""

    def wait() -> None:
        rig.clock.advance(wait_s)
        meanwhile()

    rig.endpoint = EndpointOf(rig.clock, slow=wait)
    rig.add("early", age=23.9 * HOUR, host="slow.example")
    rig.add("late", age=23 * HOUR, needs_consent=True, token_secrets=["t/late"])
    return outcomes(rig.run())


def test_token_that_is_stored_while_a_binding_waits_for_its_turn_is_not_replaced() -> None:
    rig, by_hand = FleetRig(), json.dumps(token_document("by-hand", issued_at=NOW))

    def store() -> None:
        rig.store.secrets["t/late"].publish(by_hand, "by hand")

    assert wait_for_the_first(rig, 31, store) == {"early": "rotated", "late": "not_due"}
    assert rig.store.values["t/late"] == by_hand


@pytest.mark.parametrize(("wait_s", "again"), [(30, 0), (31, 1)])
def test_secrets_are_read_again_after_half_a_minute_only(wait_s: float, again: int) -> None:
    rig = FleetRig()
    assert set(wait_for_the_first(rig, wait_s).values()) == {"rotated"}
    assert rig.store.calls.count("read") == 4 + again  # the batch takes one for each secret


def test_consent_that_is_withdrawn_while_a_binding_waits_counts() -> None:
    rig = FleetRig()

    def withdraw() -> None:
        fields = rig.store.fields("c/late") | {"token_secrets": ["t/other"]}
        rig.store.secrets["c/late"].publish(json.dumps(fields), "later")

    assert wait_for_the_first(rig, 31, withdraw) == {"early": "rotated", "late": "failed"}


def test_fresh_token_is_not_replaced_because_a_fleets_read_of_the_credentials_lags() -> None:
    rig = FleetRig()
    rig.add("a", age=HOUR)
    changed = rig.store.fields("c/a") | {"scope": "new"}
    rig.store.lag_behind("c/a", reads=1)
    rig.store.secrets["c/a"].publish(json.dumps(changed), "edit")
    fresh = token_document(
        "of-the-newer-ones",
        issued_at=NOW - HOUR,
        credentials_fingerprint=ClientCredentials.from_fields(changed).fingerprint,
        credentials_version_id="edit",
    )
    rig.store.secrets["t/a"].publish(json.dumps(fresh), "second")
    assert outcomes(rig.run()) == {"a": "not_due"}
    assert rig.store.fields("t/a") == fresh


def test_forced_fleet_replaces_a_token_that_was_published_before_it_began() -> None:
    rig = FleetRig()
    rig.add("a", age=2 * HOUR)
    rig.store.lag_behind("t/a", reads=1)
    between = json.dumps(token_document("between", issued_at=NOW - HOUR))
    rival(rig.store, between, "t/a")
    assert outcomes(rig.run(force=True)) == {"a": "rotated"}
    assert rig.store.fields("t/a")["access_token"] == "canary-new-1"
