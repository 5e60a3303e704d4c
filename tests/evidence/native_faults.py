"""A rotation that is killed before a call, or loses the answer to one, at every call that it makes.

The service repeats the rotation, as it does with any that has failed. All the while a valid token
is current, and in the end the rotation is over and the token fresh. Of pairs of faults, the second
of which may strike the repetition, some are drawn.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from rotator.errors import RotatorError, StoreError
from rotator.model.access_token import Minted
from rotator.model.client_credentials import ClientCredentials
from tests.evidence.replay import silent_logs
from tests.evidence.row import Effort, TableRow
from tests.support.native_rig import NativeBinding
from tests.support.rotation_rig import HOUR

T = TypeVar("T")

FAULTS = ("killed before", "killed after", "answer lost")
ATTEMPTS = 4
PAIRS_IN_SHORT = 400

STARTS: dict[str, Callable[[], NativeBinding]] = {
    "due": lambda: NativeBinding(age=23 * HOUR, is_bare=True),
    "no value": lambda: NativeBinding(age=None, is_bare=True),
    "fresh": lambda: NativeBinding(age=HOUR, is_bare=True),
}


class Killed(BaseException):
    """The function's process is gone."""


class LostAnswer(StoreError):
    """The SDK has given up; whether the service has acted nobody knows."""

    def __init__(self, name: str) -> None:
        super().__init__("lost", operation=name, secret_id="app/token", retryable=True)


@dataclass
class Struck:
    """A rotation whose calls with these numbers go wrong; counts them over all attempts."""

    on: NativeBinding
    faults: dict[int, str]
    calls: int = 0
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mint = self.on.endpoint.mint
        self.on.client.around = self.strike
        self.on.endpoint.mint = self.strike_mint  # type: ignore[method-assign]

    def strike_mint(self, credentials: ClientCredentials) -> Minted:
        return self.strike("Mint", lambda: self.mint(credentials))

    def strike(self, name: str, call: Callable[[], T]) -> T:
        fault = self.faults.get(self.calls)
        self.calls += 1
        if fault == "killed before":
            raise Killed
        answer = call()
        self.look(name)
        if fault == "killed after":
            raise Killed
        if fault == "answer lost":
            raise LostAnswer(name)
        return answer

    def look(self, name: str) -> None:
        version = self.on.versions.labelled("AWSCURRENT")
        if version is not None and self.on.token().expires_at <= self.on.clock.now():
            self.problems.append(f"after {name} the current token has expired")


def live_through(
    make: Callable[[], NativeBinding], faults: dict[int, str]
) -> tuple[int, str | None]:
    """Repeat a rotation until it is over: the calls made, and what is wrong after the last one."""
    struck = Struck(make(), faults)
    rotation = struck.on.begin()
    for _ in range(ATTEMPTS):
        try:
            struck.on.rotate(rotation)
        except (Killed, RotatorError):
            continue
        break
    else:
        return struck.calls, "the rotation never succeeds"
    calls = struck.calls
    struck.faults = {}
    if not struck.on.is_over():
        struck.problems.append("AWSPENDING is left behind")
    if struck.on.run().outcome != "not_due":
        struck.problems.append("no fresh token at the end")
    current = [each for each in struck.on.versions.all if "AWSPREVIOUS" in each.stages]
    if len(current) > 1:
        struck.problems.append("more than one previous version")
    return calls, ", ".join(struck.problems) or None


def native_faults(effort: Effort) -> TableRow:
    """Each fault at each call of each start; in pairs where the effort is long."""
    row = TableRow("native rotation, a fault at each call", "1, 2, 3", "plans")
    with silent_logs():
        for start, make in STARTS.items():
            healthy, problem = live_through(make, {})
            row.add(f"{start}/healthy", problem)
            plans = [{n: fault} for n, fault in itertools.product(range(healthy), FAULTS)]
            # A repetition makes as many calls again, and the second fault may strike there.
            second = list(itertools.product(range(2 * healthy), FAULTS))
            pairs = [one | {n: fault} for one, (n, fault) in itertools.product(plans, second)]
            number = min(len(pairs), effort.turns(PAIRS_IN_SHORT, len(pairs)))
            plans += effort.random(f"pairs/{start}").sample(pairs, number)
            for plan in plans:
                case = f"{start}/" + " + ".join(f"call {n} {plan[n]}" for n in sorted(plan))
                if effort.wants(case):
                    row.add(case, live_through(make, plan)[1])
    return row
