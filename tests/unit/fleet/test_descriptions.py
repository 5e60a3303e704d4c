"""The metadata of a secret that hangs, or can't be read, costs no other binding its token."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.model.secret import SecretInfo
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import FleetRig, Found, outcomes
from tests.support.memory_store import MemoryStore


@dataclass
class SlowlyDescribed(FleetRig):
    """Describes the token secrets of `slow` bindings after all others, and in vain until then."""

    others: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.store = HangingStore(self.others)

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Found]:
        yield from super().read_many(secret_ids, deque())
        for secret_id in sorted(to_describe, key=lambda each: "/slow" in each):
            if "/slow" in secret_id:
                yield {}
            yield self.describe(secret_id)
        to_describe.clear()


class HangingStore(MemoryStore):
    def __init__(self, others: threading.Event) -> None:
        super().__init__()
        self.others = others

    def describe(self, secret_id: str) -> SecretInfo:
        if "/slow" in secret_id:
            assert self.others.wait(20), "nothing was rotated while metadata were waited for"
        return super().describe(secret_id)


def test_metadata_that_come_late_keep_no_other_from_being_rotated() -> None:
    rig = SlowlyDescribed()
    for number in range(2):
        rig.add(f"slow{number}")
        rig.store.add(f"t/slow{number}", "{}")
    rig.add("changed", age=HOUR, scope="another")
    rig.store.add("t/changed", token_document(issued_at=NOW - HOUR, client_id="previous"))
    rig.add("empty")
    rig.store.add("t/empty", "{}")
    rig.add("old", age=23.5 * HOUR)

    def report(_: object) -> None:
        if len({"put t/changed", "put t/empty", "put t/old"} & set(rig.store.writes)) == 3:
            rig.others.set()

    assert set(outcomes(rig.run(on_report=report)).values()) == {"rotated"}


def test_metadata_that_fail_for_now_fail_their_binding_only() -> None:
    rig = FleetRig()
    for name in ("sick", "well"):
        rig.add(name)
        rig.store.add(f"t/{name}", "{}")
    rig.undescribable["t/sick"] = StoreError(
        "down", operation="DescribeSecret", secret_id="t/sick", retryable=True
    )

    reports = rig.run()

    assert outcomes(reports) == {"sick": "failed", "well": "rotated"}
    assert str(reports["t/sick"].error) == "down"


@pytest.mark.parametrize("tagged", ["c/other", None])
def test_tag_that_names_other_credentials_refuses_the_binding(tagged: str | None) -> None:
    rig = FleetRig()
    rig.add("a")
    secret = rig.store.add("t/a", "{}")
    secret.tags = {} if tagged is None else {"rotator:credentials-secret": tagged}

    reports = rig.run()

    assert reports["t/a"].outcome == ("rotated" if tagged is None else "failed")
    if tagged is not None:
        assert isinstance(reports["t/a"].error, ConfigError)
