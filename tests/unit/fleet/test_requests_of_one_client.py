"""One client, several kinds of requests: those that fail defer none of the others.

The provider may fail for one audience only, and anybody can store the public client id of another
team together with a client secret of their own.
"""

from typing import Any

import pytest

from rotator.errors import MintError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from tests.support.documents import HOUR
from tests.support.fleet_rig import FleetRig, outcomes
from tests.support.memory_endpoint import MemoryEndpoint

DOWN = MintError("token endpoint: failed (HTTP 503)", retryable=True, status=503)
THROTTLED = MintError("slow down", retryable=True, status=429, retry_after_s=3600)
FAILURES = pytest.mark.parametrize("failure", [DOWN, THROTTLED], ids=["down", "throttled"])


class EndpointForSome(MemoryEndpoint):
    """Fails for what is "sick": a client secret, an audience or a scope; `all` for any request."""

    def __init__(self, rig: FleetRig, failure: MintError, *, fails_for_all: bool = False) -> None:
        super().__init__(rig.clock)
        self.sick_failure, self.fails_for_all = failure, fails_for_all

    def mint(self, credentials: ClientCredentials) -> Minted:
        secret = credentials.client_secrets[0].reveal()
        if self.fails_for_all or "sick" in {secret, credentials.audience, credentials.scope}:
            self.minted_for.append(credentials)
            raise self.sick_failure
        return super().mint(credentials)


@pytest.mark.parametrize("workers", [1, 2, 16])
@pytest.mark.parametrize("count", [1, 4, 12])
@pytest.mark.parametrize("field", ["client_secret", "audience", "scope"])
@FAILURES
def test_request_that_fails_defers_no_other_of_the_same_client(
    failure: MintError, field: str, count: int, workers: int
) -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForSome(rig, failure)
    for number in range(count):
        sick: Any = {field: "sick"}
        rig.add(f"sick{number}", age=23.9 * HOUR, **sick)
    for number in range(5):
        rig.add(f"well{number}", age=23.5 * HOUR)

    found = outcomes(rig.run(workers=workers))

    assert {found[f"well{number}"] for number in range(5)} == {"rotated"}
    assert "rotated" not in {found[f"sick{number}"] for number in range(count)}
    # Three attempts, and with 16 workers what is in progress at its host.
    assert rig.endpoint.mints <= 5 + 3 + 3


@FAILURES
def test_client_that_is_throttled_gets_one_attempt_for_each_kind_of_request(
    failure: MintError,
) -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForSome(rig, failure, fails_for_all=True)
    for number in range(40):
        rig.add(f"{number}", age=23.5 * HOUR, scope=f"scope{number % 10}")

    found = list(outcomes(rig.run()).values())

    assert sorted({str(each.scope) for each in rig.endpoint.minted_for}) == sorted(
        f"scope{number}" for number in range(10)
    )
    assert rig.endpoint.mints == 10
    assert (found.count("failed"), found.count("deferred")) == (10, 30)


def test_requests_that_failed_come_last_and_untried_ones_of_the_client_before_them() -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForSome(rig, DOWN)
    rig.add("sick0", age=23.9 * HOUR, scope="sick")
    rig.add("sick1", age=23.8 * HOUR, scope="sick")
    rig.add("untried", age=23.7 * HOUR, scope="another")
    rig.add("other", age=23.1 * HOUR, client_id="other")

    rig.run()

    asked = [(each.client_id, each.scope) for each in rig.endpoint.minted_for]
    sick = ("my-client", "sick")
    assert asked == [sick, ("other", None), ("my-client", "another"), sick]
