"""A request that a token endpoint refused is not sent again for the other bindings of a run."""

import random
from typing import Any, cast

import pytest

from rotator.errors import MintError
from rotator.fleet.observed import ObservedEndpoint
from rotator.fleet.token_requests import Refusals, TokenRequest
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret
from tests.support.clock import ManualClock
from tests.support.documents import HOUR
from tests.support.fleet_rig import FleetRig, outcomes
from tests.support.memory_endpoint import MemoryEndpoint


class RefusingEndpoint(MemoryEndpoint):
    """Refuses the credentials whose `field` is "bad", with this status and code."""

    def __init__(self, rig: FleetRig, field: str, status: int, code: str | None) -> None:
        super().__init__(rig.clock)
        self.field, self.status, self.code = field, status, code

    def mint(self, credentials: ClientCredentials) -> Minted:
        values: dict[str, Any] = {
            "client_secret": credentials.client_secrets[0].reveal(),
            "audience": credentials.audience,
            "scope": credentials.scope,
        }
        if values[self.field] == "bad":
            self.minted_for.append(credentials)
            problem = f"token endpoint: answered {self.code} (HTTP {self.status})"
            raise MintError(problem, status=self.status, oauth_error=self.code)
        return super().mint(credentials)


class RefusingAccounts(MemoryEndpoint):
    """Refuses the client, as it says, for accounts named `bad...`."""

    def __init__(self, rig: FleetRig) -> None:
        super().__init__(rig.clock)

    def mint(self, credentials: ClientCredentials) -> Minted:
        if credentials.parameters["account"].startswith("bad"):
            self.minted_for.append(credentials)
            raise MintError("unknown account", status=401, oauth_error="invalid_client")
        return super().mint(credentials)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "invalid_client"),
        (400, "invalid_client"),
        (401, None),
        (401, "access_denied"),  # Auth0, for a wrong client secret
        (401, "unauthorized_client"),  # Keycloak
        (401, "unauthorized"),  # UAA
    ],
)
@pytest.mark.parametrize(("scopes", "requests"), [(1, 1), (2, 2), (3, 3), (40, 3)])
def test_refused_client_is_asked_for_three_different_requests_at_most(
    scopes: int, requests: int, status: int, code: str | None
) -> None:
    rig = FleetRig()
    rig.endpoint = RefusingEndpoint(rig, "client_secret", status, code)
    for number in range(40):
        rig.add(f"bad{number}", age=23.5 * HOUR, client_secret="bad", scope=f"s{number % scopes}")
    rig.add("other-secret", age=23.1 * HOUR)
    rig.add("other-host", age=23.1 * HOUR, client_secret="bad", host="other.example")

    reports = rig.run()

    assert {outcomes(reports)[f"bad{number}"] for number in range(40)} == {"failed"}
    assert outcomes(reports)["other-secret"] == "rotated"
    asked = [each for each in rig.endpoint.minted_for if "ims.example" in str(each.token_url)]
    # The refused one, and the other client secret.
    assert len(asked) == requests + 1
    # The other host is asked as well: nothing says that it refuses the client too.
    assert rig.endpoint.mints == requests + 2


@pytest.mark.parametrize("code", ["invalid_client", "access_denied", None])
@pytest.mark.parametrize("field", ["audience", "scope"])
def test_one_wrong_request_costs_no_other_of_its_client_whatever_the_refusal_says(
    field: str, code: str | None
) -> None:
    rig = FleetRig()
    rig.endpoint = RefusingEndpoint(rig, field, 401, code)
    for number in range(5):
        rig.add(f"bad{number}", age=23.9 * HOUR, **cast("Any", {field: "bad"}))
        rig.add(f"good{number}", age=23.5 * HOUR, **cast("Any", {field: f"good{number}"}))

    found = outcomes(rig.run())

    assert {found[f"good{number}"] for number in range(5)} == {"rotated"}
    assert {found[f"bad{number}"] for number in range(5)} == {"failed"}
    assert rig.endpoint.mints == 1 + 5


def test_client_of_which_one_request_was_granted_is_not_refused_in_this_run() -> None:
    rig = FleetRig()
    rig.endpoint = RefusingAccounts(rig)
    rig.add("good0", age=23.9 * HOUR, parameters={"account": "good0"})
    for number in range(9):
        rig.add(f"bad{number}", age=23.8 * HOUR, parameters={"account": f"bad{number}"})
    rig.add("good1", age=23.5 * HOUR, parameters={"account": "good1"})

    found = outcomes(rig.run())

    assert (found["good0"], found["good1"]) == ("rotated", "rotated")
    # Each of the wrong ones is a request of its own.
    assert rig.endpoint.mints == 2 + 9


def test_wrong_requests_with_the_soonest_expiry_do_not_hide_a_good_one_in_every_run() -> None:
    """Of four wrong ones and a good one, two of three draws decide: 1/2 of the runs find it."""

    def is_found(seed: int) -> bool:
        rig = FleetRig()
        chances = random.Random(seed)  # noqa: S311 - a fixed order
        rig.clock.uniform = chances.uniform  # type: ignore[method-assign,assignment]
        rig.endpoint = RefusingAccounts(rig)
        for number in range(4):
            rig.add(f"bad{number}", age=23.9 * HOUR, parameters={"account": f"bad{number}"})
        rig.add("good", age=23.5 * HOUR, parameters={"account": "good"})
        return outcomes(rig.run())["good"] == "rotated"

    found = sum(map(is_found, range(40)))

    assert 10 < found < 30


def test_binding_of_a_refused_client_is_told_of_the_refusal_with_its_own_token() -> None:
    rig = FleetRig()
    rig.endpoint = RefusingEndpoint(rig, "client_secret", 401, "invalid_client")
    rig.add("first", age=23.9 * HOUR, client_secret="bad")
    rig.add("second", age=23.5 * HOUR, client_secret="bad")

    reports = rig.run()

    first, second = reports["t/first"].error, reports["t/second"].error
    assert isinstance(second, MintError)
    assert (second.retryable, second.status, second.oauth_error) == (False, 401, "invalid_client")
    assert "answered invalid_client" in str(second)
    assert "not sent again" in str(second)
    assert "not sent again" not in str(first)
    assert reports["t/second"].expires_at != reports["t/first"].expires_at


@pytest.mark.parametrize(
    ("field", "status", "code"),
    [
        ("scope", 400, "invalid_scope"),
        ("scope", 401, "invalid_scope"),
        ("audience", 401, "invalid_request"),
        ("audience", 401, "invalid_grant"),
        ("audience", 403, "access_denied"),
        ("audience", 400, "unauthorized_client"),
        ("audience", 400, "invalid_target"),
        ("audience", 404, None),
    ],
)
def test_refusal_of_what_is_requested_counts_for_equal_requests_only(
    field: str, status: int, code: str | None
) -> None:
    rig = FleetRig(clock=ManualClock(chance=0))  # draws the most urgent first
    rig.endpoint = RefusingEndpoint(rig, field, status, code)
    for number in range(6):
        bad: Any = {field: "bad", "parameters": {"kind": f"{number // 2}"}}
        rig.add(f"bad{number}", age=23.5 * HOUR, **bad)
    for number in range(5):
        rig.add(f"good{number}", age=23.1 * HOUR, **cast("Any", {field: "good"}))

    found = outcomes(rig.run())

    assert {found[f"good{number}"] for number in range(5)} == {"rotated"}
    assert {found[f"bad{number}"] for number in range(6)} == {"failed"}
    assert rig.endpoint.mints == 3 + 5


def test_refusal_counts_only_where_the_client_is_authenticated_in_the_same_way() -> None:
    """One names its provider: Marketo takes the client secret in the body only."""
    same = {"client_id": "c", "client_secret": "s", "token_url": "https://a.mktorest.com/token"}
    plain = ClientCredentials.from_fields(same)
    named = ClientCredentials.from_fields(same | {"provider": "marketo"})
    refusals = Refusals()

    refusals.note(TokenRequest.of(plain), MintError("refused", status=401))

    assert refusals.find(TokenRequest.of(plain)) is not None
    assert refusals.find(TokenRequest.of(named)) is None


def test_refusal_that_repeats_the_stored_token_of_one_binding_shows_it_to_no_other() -> None:
    credentials = ClientCredentials.from_fields({"client_id": "c", "client_secret": "s"})
    refused = MintError("token endpoint: canary-of-one is revoked", status=401)
    endpoint = MemoryEndpoint(failure=refused)
    refusals = Refusals()
    observed = ObservedEndpoint(endpoint, refusals, Secret("canary-of-one"))

    with pytest.raises(MintError):
        observed.mint(credentials)
    refused.args = ("what its own run adds",)

    repeated = refusals.find(TokenRequest.of(credentials))
    assert repeated is not None
    assert "is revoked" in str(repeated)
    assert "canary-of-one" not in str(repeated)


def test_temporary_failure_refuses_nobody() -> None:
    rig = FleetRig()
    rig.endpoint = MemoryEndpoint(
        rig.clock, failure=MintError("slow down", retryable=True, status=429)
    )
    for number in range(2):
        rig.add(f"{number}", age=23.5 * HOUR)

    rig.run()

    assert rig.endpoint.mints == 2
