"""A fault at every call of a run: it costs one binding at most, and that one only this run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from rotator.errors import MintError, StoreError
from tests.support.documents import HOUR
from tests.support.fleet_rig import FleetRig, outcomes
from tests.support.memory_endpoint import MemoryEndpoint

NAMES = ("a", "b", "c", "d")


@dataclass
class Faults:
    """Counts the calls to what it wraps, and raises at one of them, before or after it."""

    strikes_at: int = -1
    after: bool = False
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - of any call
            strikes = len(self.calls) == self.strikes_at
            self.calls.append(name)
            if strikes and not self.after and self.error is not None:
                raise self.error
            found = call(*args, **options)
            if strikes and self.error is not None:
                raise self.error
            return found

        return wrapped


def rig_with(faults: Faults) -> FleetRig:
    rig = FleetRig()
    for name in NAMES:
        rig.add(name, age=23 * HOUR)
    rig.endpoint = MemoryEndpoint(rig.clock)
    rig.endpoint.mint = faults.wrap("mint", rig.endpoint.mint)
    for name in ("put", "read_version"):
        setattr(rig.store, name, faults.wrap(name, getattr(rig.store, name)))
    return rig


def calls_of_a_run() -> list[str]:
    faults = Faults()
    rig_with(faults).run()
    return faults.calls


ERRORS = [
    StoreError("unreachable", operation="PutSecretValue", secret_id="x", retryable=True),
    StoreError("denied", operation="PutSecretValue", secret_id="x"),
    MintError("token endpoint: failed (HTTP 503)", retryable=True),
    ZeroDivisionError(),
]


def test_faults_strike_each_binding_when_it_mints_and_when_it_publishes() -> None:
    calls = calls_of_a_run()

    assert (calls.count("mint"), calls.count("put")) == (len(NAMES), len(NAMES))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", ERRORS, ids=["unreachable", "denied", "503", "mistake"])
def test_fault_at_any_call_costs_one_binding_one_run_at_most(
    error: Exception, *, after: bool
) -> None:
    for position in range(len(calls_of_a_run())):
        rig = rig_with(Faults(strikes_at=position, after=after, error=error))

        first = list(outcomes(rig.run()).values())
        rig.run()

        tokens = [rig.store.fields(f"t/{name}")["access_token"] for name in NAMES]
        assert first.count("rotated") >= len(NAMES) - 1, position
        assert not any(token.startswith("old-") for token in tokens), position
