"""A client, a host or a secret that is sick costs the bindings of no other their tokens."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rotator.errors import MintError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from rotator.model.urls import endpoint_host
from tests.support.documents import HOUR
from tests.support.fleet_rig import EndpointOf, FleetRig, Found, Others, outcomes
from tests.support.memory_endpoint import MemoryEndpoint

DOWN = MintError("token endpoint: failed (HTTP 503)", retryable=True, status=503)
THROTTLED = MintError("slow down", retryable=True, status=429, retry_after_s=3600)


class EndpointForClients(MemoryEndpoint):
    """Fails for the clients in `sick`, and for those at the hosts in it."""

    def __init__(self, rig: FleetRig, failure: MintError, *sick: str) -> None:
        super().__init__(rig.clock)
        self.sick_failure, self.sick = failure, sick

    def mint(self, credentials: ClientCredentials) -> Minted:
        host = endpoint_host(str(credentials.token_url))
        if {credentials.client_id, host} & set(self.sick):
            self.minted_for.append(credentials)
            raise self.sick_failure
        return super().mint(credentials)


def add(rig: FleetRig, client: str, count: int, *, hours: float | None, **options: Any) -> None:
    """Bindings of one client whose tokens are so old, or which have none."""
    for number in range(count):
        age = None if hours is None else hours * HOUR
        rig.add(f"{client}{number}", age=age, client_id=client, **options)


@pytest.mark.parametrize("workers", [1, 2, 16])
@pytest.mark.parametrize("failure", [DOWN, THROTTLED], ids=["down", "throttled"])
@pytest.mark.parametrize("sick", [["s"], ["s", "t", "u"]])
def test_throttled_client_defers_no_other_client(
    sick: list[str], failure: MintError, workers: int
) -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForClients(rig, failure, *sick)
    for client in sick:
        add(rig, client, 6, hours=None)
    for number in range(10):
        add(rig, f"well{number}-", 2, hours=23.5)

    found = outcomes(rig.run(workers=workers))

    assert {each for name, each in found.items() if name.startswith("well")} == {"rotated"}
    assert {each for name, each in found.items() if name[0] in sick} == {"failed", "deferred"}


def test_host_that_asks_all_to_wait_costs_a_few_attempts_however_many_clients_it_has() -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForClients(rig, THROTTLED, "ims.example")
    for number in range(50):
        add(rig, f"new{number}-", 1, hours=None)
    for number in range(950):
        add(rig, f"old{number}-", 1, hours=23.5)

    found = outcomes(rig.run(workers=16))

    assert set(found.values()) == {"failed", "deferred"}
    # A sample of ten, beside what is in progress at a fourth of 16.
    assert rig.endpoint.mints <= 10 + 4


def test_ports_of_a_host_are_two_endpoints() -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForClients(rig, THROTTLED, "ims.example:8443")
    for number in range(12):
        add(rig, f"sick{number}-", 1, hours=23.9, host="ims.example:8443")
        add(rig, f"well{number}-", 1, hours=23.5, host="ims.example")

    found = outcomes(rig.run())

    assert {each for name, each in found.items() if name.startswith("well")} == {"rotated"}
    assert list(found.values()).count("deferred") == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://h/token", "h"),
        ("https://h:443/token", "h"),
        ("https://H:8443/token", "h:8443"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ],
)
def test_endpoint_is_its_host_and_a_port_that_is_not_the_schemes_own(url: str, host: str) -> None:
    assert endpoint_host(url) == host


def test_deferred_binding_says_which_endpoint_failed_for_whom_and_how() -> None:
    rig = FleetRig()
    rig.endpoint = EndpointForClients(rig, DOWN, "client-id")
    add(rig, "client-id", 4, hours=23.5)

    reports = rig.run()

    assert str(reports["t/client-id3"].error) == (
        "token secret t/client-id3: token endpoint ims.example failed 3 times in a row for the"
        " client of c/client-id2 (HTTP 503); the next run tries again"
    )


def test_hosts_that_hang_for_bindings_without_a_token_keep_no_living_token_waiting() -> None:
    rig = FleetRig()
    others = Others(rig, age=23.9 * HOUR)
    hosts = [f"hangs{number}" for number in range(40)]
    rig.endpoint = EndpointOf(rig.clock, **dict.fromkeys(hosts, others.wait_for))
    for host in hosts:
        rig.add(f"{host}-0", host=f"{host}.example")

    reports = rig.run(workers=8, on_report=others.on_report)

    assert others.were_first()
    assert set(outcomes(reports).values()) == {"rotated"}


@dataclass
class SlowlyRead(FleetRig):
    """Reads the secrets of the bindings whose names begin with `slow` after all others."""

    before_slow: threading.Event | None = None

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
        names = list(secret_ids)
        slow = [name for name in names if "/slow" in name]
        yield from super().read_many([each for each in names if each not in slow], to_describe)
        yield {}
        assert self.before_slow is not None
        assert self.before_slow.wait(30), "nothing was rotated while a secret was waited for"
        yield from super().read_many(slow, to_describe)


def test_secret_that_is_read_late_keeps_no_other_from_being_rotated() -> None:
    rotated = threading.Event()
    rig = SlowlyRead(before_slow=rotated)
    for name in ("slow", "quick"):
        rig.add(name, age=23.5 * HOUR)

    assert outcomes(rig.run(on_report=lambda _: rotated.set())) == {
        "quick": "rotated",
        "slow": "rotated",
    }


def test_bindings_without_a_token_go_in_an_order_by_chance() -> None:
    rig = FleetRig()
    chances = iter((0.9, 0.1, 0.5))
    rig.clock.uniform = lambda low, high: low + (high - low) * next(chances)  # type: ignore[method-assign]
    for name in "abc":
        rig.add(name)

    rig.run()

    assert rig.store.writes == ["put t/b", "put t/c", "put t/a"]
