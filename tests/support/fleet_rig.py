"""A fleet over a store and an endpoint in memory: what its tests share."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rotator.errors import RotatorError
from rotator.fleet.pacer import Pacer
from rotator.fleet.report import BindingReport
from rotator.fleet.run import FleetRun, run_fleet
from rotator.fleet.settings import FleetBinding, FleetSettings, RefusedBinding, Selection
from rotator.model.access_token import Minted
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import SecretInfo, StoredSecret
from tests.support.clock import NOW, ManualClock
from tests.support.documents import token_document
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemoryStore

Found = dict[str, StoredSecret | SecretInfo | RotatorError]


@dataclass
class FleetRig:
    """A fleet whose bindings have the credentials `c/NAME` and the token secret `t/NAME`."""

    clock: ManualClock = field(default_factory=ManualClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    unreadable: dict[str, RotatorError] = field(default_factory=dict)
    undescribable: dict[str, RotatorError] = field(default_factory=dict)
    endpoint: Any = None
    bindings: list[FleetBinding] = field(default_factory=list)
    refused: list[RefusedBinding] = field(default_factory=list)
    reads: list[list[str]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        *,
        age: timedelta | None = None,
        host: str = "ims.example",
        needs_consent: bool = False,
        **credentials: Any,
    ) -> Binding:
        fields = {
            "client_id": "my-client",
            "client_secret": "canary",
            "token_url": f"https://{host}/token",
            **credentials,
        }
        self.store.add(f"c/{name}", fields)
        stored = None if age is None else token_document(f"old-{name}", issued_at=NOW - age)
        self.store.add(f"t/{name}", stored)
        binding = Binding(f"c/{name}", f"t/{name}")
        self.bindings.append(FleetBinding(binding, needs_consent=needs_consent))
        return binding

    def alias(self, other: str, name: str) -> None:
        """Let `other` (an ARN, or a partial one) mean the secret `name`."""
        self.aliases[other] = name

    def status_store(self) -> "StatusStoreOf":
        """What `fleet_status` reads from."""
        return StatusStoreOf(self)

    def _read(self, secret_id: str) -> StoredSecret:
        name = self.aliases.get(secret_id, secret_id)
        return self.store.read(name)[0]._replace(secret_id=secret_id)

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
        names = list(secret_ids)
        for start in range(0, len(names), 20):
            batch = names[start : start + 20]
            self.reads.append(batch)
            yield {each: self.unreadable.get(each) or self._read(each) for each in batch}
        while to_describe:
            yield self.describe(to_describe.popleft())

    def describe(self, secret_id: str) -> Found:
        described = self.store.describe(self.aliases.get(secret_id, secret_id))
        return {secret_id: self.undescribable.get(secret_id) or described}

    def run(self, **options: Any) -> dict[str, Any]:
        """The reports by token secret."""
        return {each.binding.token_secret: each for each in self.reports(**options)}

    def reports(
        self, *, workers: int = 1, remaining_s: float = 600, **options: Any
    ) -> list[BindingReport]:
        fleet = FleetRun(
            store=self.store,
            batches=self,
            endpoint=self.endpoint or MemoryEndpoint(self.clock),
            settings=FleetSettings(workers=workers),
            policy_of=lambda each: RenewalPolicy(cadence=each.cadence),
            clock=self.clock,
            puts=Pacer(1000, self.clock),
            remaining_s=remaining_s,
            **options,
        )
        reports = run_fleet(fleet, Selection(tuple(self.bindings), tuple(self.refused)))
        assert len(reports) == len(self.bindings) + len(self.refused)
        return reports


class StatusStoreOf(MemoryStore):
    """The store of a rig, as a status reads it."""

    def __init__(self, rig: FleetRig) -> None:
        super().__init__()
        self.rig = rig

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
        return self.rig.read_many(secret_ids, to_describe)

    def describe(self, secret_id: str) -> SecretInfo:
        return self.rig.store.describe(self.rig.aliases.get(secret_id, secret_id))

    def read_previous(self, secret_id: str) -> StoredSecret | None:
        return self.rig.store.read_previous(self.rig.aliases.get(secret_id, secret_id))


class Others:
    """Lets what hangs go on once so many other bindings, `well0` ..., are done."""

    def __init__(self, rig: FleetRig, count: int = 20, **options: Any) -> None:
        self.count = count
        self.done: list[str] = []
        self._all_done = threading.Event()
        for number in range(count):
            rig.add(f"well{number}", **options)

    def on_report(self, report: BindingReport) -> None:
        self.done.append(report.binding.token_secret)
        if len(self.done) == self.count:
            self._all_done.set()

    def wait_for(self, *_: object) -> Any:  # noqa: ANN401 - as what hangs has it
        assert self._all_done.wait(30), "the others waited for what hangs"

    def were_first(self) -> bool:
        return all(name.startswith("t/well") for name in self.done[: self.count])


def outcomes(reports: dict[str, BindingReport]) -> dict[str, str]:
    return {name.removeprefix("t/"): each.outcome for name, each in reports.items()}


class EndpointOf(MemoryEndpoint):
    """Does something of the test's own for each mint, by the host of the token URL."""

    def __init__(self, clock: ManualClock, **by_host: Callable[[], object]) -> None:
        super().__init__(clock)
        self.by_host = by_host
        self.order: list[str] = []
        self.lock = threading.Lock()

    def mint(self, credentials: ClientCredentials) -> Minted:
        host = str(credentials.token_url).split("/")[2].partition(".")[0]
        with self.lock:
            self.order.append(host)
        self.by_host.get(host, lambda: None)()
        return super().mint(credentials)
