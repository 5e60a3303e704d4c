"""Probes of a fleet: a slow API costs no other binding its token; a rejected one is replaced."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import ProbeError
from rotator.fleet.probes import FleetProbes
from rotator.fleet.report import BindingReport
from rotator.fleet.settings import FleetBinding
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import EndpointOf, FleetRig, Others, outcomes
from tests.support.http_server import RESET, HttpServer, Reply, Request, json_reply
from tests.support.memory_endpoint import MemoryEndpoint

API = "https://api.example/me"


@dataclass
class ProbesOf(FleetProbes):
    """Asks `on_new` and `on_stored` in place of the API of each binding that has one."""

    on_new: Callable[[str], str | None] = lambda _: None
    on_stored: Callable[[str], bool] = lambda _: False
    stored_asked: list[str] = field(default_factory=list)

    def host(self, fleet_binding: FleetBinding) -> str | None:
        return None if fleet_binding.probe_url is None else "api.example"

    def new_token_probe(self, fleet_binding: FleetBinding) -> Any:  # noqa: ANN401 - a probe
        if fleet_binding.probe_url is None:
            return None
        return lambda token: self.on_new(token.access_token.reveal())

    def stored_token_probe(self, fleet_binding: FleetBinding) -> Any:  # noqa: ANN401 - a probe
        if fleet_binding.probe_url is None:
            return None

        def is_rejected(token: AccessToken) -> bool:
            text = token.access_token.reveal()
            self.stored_asked.append(text)
            return self.on_stored(text)

        return is_rejected


def add(rig: FleetRig, name: str, *, age: timedelta, **options: Any) -> Binding:
    """A binding whose API is probed."""
    binding = rig.add(name, age=age, **options)
    rig.bindings[-1] = replace(rig.bindings[-1], probe_url=API)
    return binding


@pytest.mark.parametrize("age", [23 * HOUR, HOUR], ids=["of new tokens", "of stored tokens"])
def test_api_that_hangs_holds_no_worker_that_another_binding_needs(age: timedelta) -> None:
    rig = FleetRig()
    others = Others(rig, age=23 * HOUR, host="well.example")
    for number in range(10):  # each of a token endpoint of its own, and of the same API
        rig.add(f"first{number}", age=23.9 * HOUR, host=f"ims{number}.example")
        add(rig, f"slow{number}", age=age + HOUR / 2, host=f"ims{number}.example")

    def report(done: BindingReport) -> None:
        # By then each token endpoint has responded, so that it may have more workers.
        if not done.binding.token_secret.startswith("t/first"):
            others.on_report(done)

    probes = ProbesOf(on_new=others.wait_for, on_stored=others.wait_for)
    reports = rig.run(workers=8, on_report=report, probes=probes)

    assert others.were_first()
    assert "failed" not in outcomes(reports).values()


def test_stored_token_that_its_api_rejects_is_replaced_and_no_other() -> None:
    rig = FleetRig()
    add(rig, "rejected", age=HOUR)
    add(rig, "good", age=HOUR)
    rig.add("unprobed", age=HOUR)

    reports = rig.run(probes=ProbesOf(on_stored=lambda text: text == "old-rejected"))

    assert outcomes(reports) == {"rejected": "rotated", "good": "not_due", "unprobed": "not_due"}
    assert reports["t/rejected"].result.reason == "rejected"
    assert rig.store.writes == ["put t/rejected"]


def test_replacement_that_is_rejected_too_is_kept_for_an_hour() -> None:
    rig = FleetRig()
    rig.endpoint = MemoryEndpoint(rig.clock)
    probes = ProbesOf(on_stored=lambda _: True)
    add(rig, "a", age=HOUR)

    first, second = rig.run(probes=probes), rig.run(probes=probes)
    rig.clock.advance(3600)
    third = rig.run(probes=probes)

    assert [outcomes(each)["a"] for each in (first, second, third)] == [
        "rotated",
        "not_due",
        "rotated",
    ]
    assert "less than an hour ago" in second["t/a"].result.warnings[0].problem


def test_due_token_is_not_probed_before_it_is_replaced() -> None:
    rig = FleetRig()
    probes = ProbesOf(on_stored=lambda _: True)
    add(rig, "due", age=23 * HOUR)

    assert outcomes(rig.run(probes=probes)) == {"due": "rotated"}
    assert probes.stored_asked == []


def test_token_goes_to_no_api_before_its_credentials_agree() -> None:
    rig = FleetRig()
    probes = ProbesOf(on_stored=lambda _: True)
    add(rig, "a", age=HOUR, needs_consent=True)

    assert outcomes(rig.run(probes=probes)) == {"a": "failed"}
    assert probes.stored_asked == []


def test_dry_run_says_what_is_rejected_and_changes_nothing() -> None:
    rig = FleetRig()
    add(rig, "a", age=HOUR)

    reports = rig.run(probes=ProbesOf(on_stored=lambda _: True), dry_run=True)

    assert outcomes(reports) == {"a": "would_rotate"}
    assert reports["t/a"].result.reason == "rejected"
    assert rig.store.writes == []


def test_stored_token_that_the_run_has_no_time_to_probe_stays_as_it_is() -> None:
    rig = FleetRig()
    rig.endpoint = EndpointOf(rig.clock, ims=lambda: rig.clock.advance(60))
    rig.add("due", age=23 * HOUR)
    add(rig, "fresh", age=HOUR)

    reports = rig.run(probes=ProbesOf(on_stored=lambda _: True), remaining_s=60)

    assert outcomes(reports) == {"due": "rotated", "fresh": "not_due"}
    assert "the run ended first" in reports["t/fresh"].result.warnings[0].problem


def test_api_that_cannot_be_asked_leaves_the_stored_token_and_warns() -> None:
    def unreachable(_: str) -> bool:
        raise ProbeError("API: no response in time", retryable=True)

    rig = FleetRig()
    add(rig, "a", age=HOUR)

    report = rig.run(probes=ProbesOf(on_stored=unreachable))["t/a"]

    assert report.outcome == "not_due"
    assert [each.event for each in report.result.warnings] == ["rotator.stored_token_unverified"]


def stored_token() -> AccessToken:
    return AccessToken.from_fields(token_document(issued_at=NOW - HOUR))


def binding_of(url: str) -> FleetBinding:
    return FleetBinding(Binding("c", "t"), probe_url=url)


def test_api_that_does_not_answer_is_called_three_times_in_a_run() -> None:
    requests: list[str] = []

    def respond(request: Request) -> Reply:
        requests.append(request.path)
        return RESET

    probes = FleetProbes(with_stored=True)
    with HttpServer(respond) as silent, HttpServer(lambda _: json_reply(200, {})) as well:
        new = probes.new_token_probe(binding_of(f"{silent.url}/new"))
        stored = probes.stored_token_probe(binding_of(f"{silent.url}/stored"))
        other = probes.new_token_probe(binding_of(well.url.replace("127.0.0.1", "localhost")))
        assert new is not None
        assert stored is not None
        assert other is not None
        problems = [new(stored_token()) for _ in range(4)]
        with pytest.raises(ProbeError, match="not called again in this run"):
            stored(stored_token())
        fine = other(stored_token())

    assert requests == ["/new"] * 3
    assert all(problems)
    assert "not called again in this run" in str(problems[3])
    assert fine is None


def test_answer_of_an_api_forgives_what_it_did_not_answer_before() -> None:
    replies = [RESET, RESET, json_reply(200, {}), RESET, RESET, json_reply(200, {})]
    with HttpServer(lambda _: replies.pop(0)) as server:
        probe = FleetProbes(server.url).new_token_probe(FleetBinding(Binding("c", "t")))
        assert probe is not None
        problems = [probe(stored_token()) for _ in range(6)]

    assert [each is None for each in problems] == [False, False, True, False, False, True]


def test_only_what_has_an_api_is_probed() -> None:
    probes = FleetProbes(with_stored=True)
    unprobed = FleetBinding(Binding("c", "t"))

    assert probes.host(unprobed) is None
    assert probes.new_token_probe(unprobed) is None
    assert probes.stored_token_probe(unprobed) is None
    assert FleetProbes(API).stored_token_probe(unprobed) is None
    assert FleetProbes(API).host(unprobed) == "api.example"
