"""A fleet over a store and an endpoint in memory: one binding's trouble is its own."""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.errors import ConfigError, MintError, StoreError
from rotator.fleet.report import BindingReport
from rotator.fleet.settings import FleetBinding, RefusedBinding
from rotator.model.binding import Binding
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import EndpointOf, FleetRig, Others, outcomes
from tests.support.memory_endpoint import MemoryEndpoint


def test_what_is_due_is_rotated_and_the_rest_is_left_alone() -> None:
    rig = FleetRig()
    rig.add("due", age=23 * HOUR)
    rig.add("fresh", age=HOUR)
    rig.add("new")

    assert outcomes(rig.run()) == {"due": "rotated", "fresh": "not_due", "new": "rotated"}
    assert rig.store.writes == ["put t/new", "put t/due"]


def test_soonest_expiry_goes_first() -> None:
    rig = FleetRig()
    for name, hours in (("a", 23.2), ("b", 23.9), ("c", 23.5)):
        rig.add(name, age=hours * HOUR)
    rig.add("none")

    rig.run()

    assert rig.store.writes == ["put t/none", "put t/b", "put t/c", "put t/a"]


def test_credentials_that_serve_many_are_read_once() -> None:
    rig = FleetRig()
    rig.add("0", age=HOUR)
    for number in range(1, 30):
        rig.store.add(f"t/{number}", token_document(issued_at=NOW - HOUR))
        rig.bindings.append(FleetBinding(Binding("c/0", f"t/{number}")))

    rig.run()

    read = [name for batch in rig.reads for name in batch]
    assert sorted(read) == sorted(["c/0", *(f"t/{n}" for n in range(30))])


def denied(secret_id: str) -> StoreError:
    return StoreError("access denied", operation="GetSecretValue", secret_id=secret_id)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rig: rig.unreadable.update({"t/sick": denied("t/sick")}),
        lambda rig: rig.unreadable.update({"c/sick": denied("c/sick")}),
        lambda rig: rig.store.add("c/sick", "no JSON"),
        lambda rig: rig.store.add("c/sick", {"client_id": "a"}),
        lambda rig: rig.store.add("t/sick", "a password"),
    ],
    ids=["token denied", "credentials denied", "not JSON", "no client secret", "foreign content"],
)
def test_binding_that_fails_costs_no_other_its_token(spoil: Callable[[FleetRig], None]) -> None:
    rig = FleetRig()
    for name in ("first", "sick", "last"):
        rig.add(name, age=23 * HOUR)
    spoil(rig)

    reports = rig.run()

    assert outcomes(reports) == {"first": "rotated", "sick": "failed", "last": "rotated"}


def test_batch_that_fails_as_a_whole_says_of_each_binding_what_is_known_of_its_token() -> None:
    rig = FleetRig()
    throttled = StoreError("slow down", operation="BatchGet", secret_id="c/a, c/b", retryable=True)
    for name, hours in (("a", 1), ("b", 2)):
        rig.add(name, age=hours * HOUR)
        rig.unreadable[f"c/{name}"] = throttled

    reports = rig.run()

    assert [reports[f"t/{name}"].expires_at for name in "ab"] == [NOW + 23 * HOUR, NOW + 22 * HOUR]
    assert throttled.details == {}


def test_mistake_of_our_own_is_kept_apart_as_well_and_shows_no_value() -> None:
    def fail() -> None:
        raise ZeroDivisionError("canary-secret")

    rig = FleetRig()
    rig.endpoint = EndpointOf(rig.clock, odd=fail)
    rig.add("odd", age=23.5 * HOUR, host="odd.example")
    rig.add("well", age=23 * HOUR)

    reports = rig.run()

    assert outcomes(reports) == {"odd": "failed", "well": "rotated"}
    problem = r"unexpected ZeroDivisionError in fail \(test_run\.py:\d+\); please report it"
    assert re.fullmatch(problem, str(reports["t/odd"].error))


def test_host_that_keeps_failing_is_left_alone_and_its_rest_deferred() -> None:
    rig = FleetRig()

    def fail() -> None:
        raise MintError("token endpoint: failed (HTTP 503)", retryable=True)

    rig.endpoint = EndpointOf(rig.clock, down=fail)
    for number in range(6):
        rig.add(f"down{number}", age=(23.9 - number / 100) * HOUR, host="down.example")
    rig.add("well", age=23 * HOUR)

    reports = rig.run()

    expected = dict.fromkeys(("down0", "down1", "down2"), "failed")
    expected |= dict.fromkeys(("down3", "down4", "down5"), "deferred")
    assert outcomes(reports) == {**expected, "well": "rotated"}
    assert rig.endpoint.order.count("down") == 3
    assert reports["t/down5"].error.retryable


def test_failure_after_an_answer_says_nothing_against_the_host() -> None:
    rig = FleetRig()
    for number in range(5):
        rig.add(f"{number}", age=23 * HOUR)
    # Ends before the stored ones do, an hour from now: not published, and asked for again later.
    rig.endpoint = MemoryEndpoint(rig.clock, lifetime=HOUR / 6)

    reports = rig.run()

    assert set(outcomes(reports).values()) == {"failed"}
    assert all(each.error.retryable for each in reports.values())
    assert rig.endpoint.mints == 5


def test_who_cannot_listen_costs_no_token() -> None:
    def told(_: BindingReport) -> None:
        raise BrokenPipeError

    rig = FleetRig()
    for number in range(3):
        rig.add(f"{number}", age=23 * HOUR)

    assert set(outcomes(rig.run(on_report=told)).values()) == {"rotated"}


def test_host_that_hangs_holds_no_worker_that_another_needs() -> None:
    rig = FleetRig()
    others = Others(rig, age=23 * HOUR)
    rig.endpoint = EndpointOf(rig.clock, hangs=others.wait_for)
    for number in range(10):
        rig.add(f"hangs{number}", age=23.9 * HOUR, host="hangs.example")

    reports = rig.run(workers=8, on_report=others.on_report)

    assert others.were_first()
    assert set(outcomes(reports).values()) == {"rotated"}


def test_host_that_hangs_once_it_has_responded_holds_no_more_than_its_share() -> None:
    rig = FleetRig()
    others = Others(rig, age=23 * HOUR)
    first, responded = iter([True]), threading.Event()

    def hang() -> None:
        if not next(first, False):
            others.wait_for()

    def report(done: BindingReport) -> None:
        if done.binding.token_secret.startswith("t/hangs"):
            responded.set()
        else:
            others.on_report(done)

    rig.endpoint = EndpointOf(rig.clock, hangs=hang, ims=lambda: responded.wait(30))
    for number in range(10):
        rig.add(f"hangs{number}", age=23.9 * HOUR, host="hangs.example")

    reports = rig.run(workers=8, on_report=report)

    assert set(outcomes(reports).values()) == {"rotated"}


def test_what_is_not_reached_in_time_is_deferred_and_keeps_its_token() -> None:
    rig = FleetRig()
    rig.endpoint = EndpointOf(rig.clock, ims=lambda: rig.clock.advance(40))
    for name in ("a", "b", "c"):
        rig.add(name, age=23 * HOUR)

    reports = rig.run(remaining_s=60)

    assert list(outcomes(reports).values()).count("rotated") == 2
    [left] = [each for each in reports.values() if each.outcome == "deferred"]
    assert left.expires_at == NOW + HOUR
    assert "the time limit of this run was reached" in str(left.error)
    assert rig.store.fields(left.binding.token_secret)["access_token"].startswith("old-")


@pytest.mark.parametrize(("entries", "is_served"), [(["t/a"], True), (["t/b"], False), ([], False)])
def test_binding_found_by_tag_needs_the_consent_of_its_credentials(
    entries: list[str], *, is_served: bool
) -> None:
    rig = FleetRig()
    rig.add("a", needs_consent=True, token_secrets=entries or None)

    reports = rig.run()

    assert outcomes(reports) == {"a": "rotated" if is_served else "failed"}
    if not is_served:
        assert isinstance(reports["t/a"].error, ConfigError)
        assert "`rotator init --credentials-secret c/a --token-secret t/a --bind-only`" in str(
            reports["t/a"].error
        )
        assert rig.store.writes == []


def test_one_credentials_secret_can_serve_one_binding_and_refuse_another() -> None:
    rig = FleetRig()
    rig.add("a", needs_consent=True, token_secrets=["t/a"])
    rig.store.add("t/b")
    rig.bindings.append(FleetBinding(Binding("c/a", "t/b"), needs_consent=True))

    assert outcomes(rig.run()) == {"a": "rotated", "b": "failed"}


def test_binding_of_another_region_is_refused_by_name() -> None:
    rig = FleetRig()
    rig.add("a", age=23 * HOUR)
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbC123"
    rig.store.add(arn.removeprefix("arn:"))
    rig.bindings.append(FleetBinding(Binding("c/a", arn)))

    reports = rig.run(region="eu-west-1")

    assert reports["t/a"].outcome == "rotated"
    assert "is in another region" in str(reports[arn].error)


def test_provider_that_answers_after_the_deadline_is_named_and_the_others_are_done() -> None:
    rig = FleetRig()

    def answer_late() -> None:
        rig.clock.advance(30)  # the deadline of one mint
        raise MintError("token endpoint: no whole response in time (late.example)", retryable=True)

    rig.endpoint = EndpointOf(rig.clock, late=answer_late)
    rig.add("late", age=23.9 * HOUR, host="late.example")
    rig.add("well", age=23 * HOUR)

    reports = rig.run()

    assert outcomes(reports) == {"late": "failed", "well": "rotated"}
    assert "no whole response in time (late.example)" in str(reports["t/late"].error)
    assert reports["t/late"].expires_at == NOW + 0.1 * HOUR


def test_dry_run_decides_and_changes_nothing() -> None:
    rig = FleetRig()
    rig.add("due", age=23 * HOUR)
    rig.add("fresh", age=HOUR)

    assert outcomes(rig.run(dry_run=True)) == {"due": "would_rotate", "fresh": "not_due"}
    assert rig.store.writes == []


def test_refused_binding_is_reported_beside_the_others() -> None:
    rig = FleetRig()
    rig.add("a", age=HOUR)
    rig.store.add("t/odd")
    rig.refused.append(RefusedBinding(Binding("", "t/odd"), ConfigError("manifest: binding 2: x")))

    assert outcomes(rig.run()) == {"a": "not_due", "odd": "failed"}


def test_entry_of_the_same_name_as_another_is_reported_beside_it() -> None:
    rig = FleetRig()
    binding = rig.add("a", age=HOUR)
    twice = ConfigError("manifest: binding 2: token_secret is that of binding 1 too")
    rig.refused.append(RefusedBinding(binding, twice))
    rig.refused += [RefusedBinding(Binding("", ""), twice)] * 2

    assert [each.outcome for each in rig.reports()] == ["not_due", "failed", "failed", "failed"]


def test_run_logs_what_it_did_and_one_summary() -> None:
    rig = FleetRig()
    rig.add("due", age=23 * HOUR)
    rig.add("fresh", age=HOUR)

    with capture_logs() as events:
        rig.run()

    assert [(each["event"], each.get("binding")) for each in events] == [
        ("rotator.token_rotated", "t/due"),
        ("rotator.fleet_finished", None),
    ]
    assert {key: events[-1][key] for key in ("bindings", "rotated", "not_due", "failed")} == {
        "bindings": 2,
        "rotated": 1,
        "not_due": 1,
        "failed": 0,
    }


class EndedRig(FleetRig):
    """A fleet whose process is told to end while the first tokens are minted."""

    def __init__(self, minting: threading.Event) -> None:
        super().__init__()
        self.minting = minting

    def read_many(self, secret_ids: Iterable[str], to_describe: deque[str]) -> Iterator[Any]:
        yield from super().read_many(secret_ids, to_describe)
        yield {}
        assert self.minting.wait(30)
        raise SystemExit(143)


def test_run_that_is_ended_tells_at_once_what_it_leaves_open() -> None:
    minting, released = threading.Event(), threading.Event()
    rig = EndedRig(minting)

    def hang() -> None:
        minting.set()
        assert released.wait(30), "the run waited for its threads"

    rig.endpoint = EndpointOf(rig.clock, slow=hang)
    rig.add("fresh", age=HOUR)
    rig.add("due", age=23 * HOUR, host="slow.example")

    with capture_logs() as events, pytest.raises(SystemExit):
        rig.reports()
    released.set()

    [event] = [each for each in events if each["event"] == "rotator.fleet_interrupted"]
    assert (event["bindings"], event["not_due"], event["unfinished"]) == (2, 1, 1)
    assert "interrupted before the outcome of t/due; the next run goes on" in event["problem"]
