"""The template of a fleet, deployed: the schedule fires, the dispatcher sends, workers rotate.

Against ministack, with IAM enforced. Besides what `test_stack` tells, it hands numbers among a
stack's parameters on as text, which its own poller of the queue cannot compare, and it asks for a
permission `sqs:SendMessageBatch`, which AWS does not have: batches are covered by `sqs:SendMessage`
(Service Authorization Reference, "Actions defined by Amazon SQS").
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from infra.package import Package
from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import Emulator
from tests.deployed.stack import ROOT, SWEEP_S
from tests.deployed.watch import (
    CLIENT_ID,
    GOOD,
    client_fields,
    logged,
    resources,
    stored_token,
    upload,
    wait_for,
)

TEMPLATE = ROOT / "infra" / "fleet.yaml"
BUCKET = "code-of-a-fleet"
TAG = "rotator:credentials-secret"
TICK_S = 60
CREDENTIALS = "oauth/credentials/adobe"
TOKENS = ("oauth/tokens/a", "oauth/tokens/b")
REFUSED, KILLED = "oauth/tokens/refused", "oauth/tokens/killed"
WRONG = "p8e-canary-of-a-client-that-was-deleted"


@dataclass(frozen=True, slots=True)
class FleetStack:
    """The deployed fleet, and what watches it."""

    emulator: Emulator
    outputs: dict[str, str]

    def put(self, name: str, value: dict[str, Any] | None, **tags: str) -> None:
        text = {} if value is None else {"SecretString": json.dumps(value)}
        listed = [{"Key": key, "Value": each} for key, each in tags.items()]
        self.emulator.client("secretsmanager").create_secret(Name=name, Tags=listed, **text)

    def token(self, name: str) -> dict[str, Any] | None:
        return stored_token(self.emulator, name)

    def logged(self, function: str) -> list[dict[str, Any]]:
        return logged(self.emulator, f"rotator-fleet-{function}")

    def waiting(self, queue: str) -> int:
        """Messages in a queue, those that a worker has in hand included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.emulator.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=names
        )["Attributes"]
        return sum(int(found.get(name, 0)) for name in names)


@pytest.fixture(scope="module")
def fleet(emulator: Emulator, package: Package, ims: RemoteIms) -> FleetStack:
    """Deployed with a tick of a minute: two good bindings, and one whose client is refused."""
    ims.reset()
    ims.configure(clients={CLIENT_ID: [GOOD]})
    topic = emulator.client("sns").create_topic(Name="on-duty")["TopicArn"]
    outputs = emulator.create_stack(
        "rotator-fleet",
        TEMPLATE,
        **upload(emulator, package, BUCKET),
        TickMinutes="1",
        CredentialsPrefix="oauth/credentials/",
        TokenPrefix="oauth/tokens/",
        AlarmTopicArn=topic,
    )
    functions = emulator.client("lambda")
    [mapping] = functions.list_event_source_mappings(FunctionName="rotator-fleet-worker")[
        "EventSourceMappings"
    ]
    assert int(mapping["ScalingConfig"]["MaximumConcurrency"]) == 4
    functions.update_event_source_mapping(
        UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": 4}
    )
    _allow_batches(emulator)
    fleet = FleetStack(emulator, outputs)
    # By name: with ministack they have an empty value, which a pattern would not cover.
    fields = client_fields(ims) | {"token_secrets": [*TOKENS, REFUSED, KILLED]}
    fleet.put(CREDENTIALS, fields)
    fleet.put("oauth/credentials/refused", fields | {"client_secret": WRONG})
    for name in TOKENS:
        fleet.put(name, None, **{TAG: CREDENTIALS})
    fleet.put(REFUSED, None, **{TAG: "oauth/credentials/refused"})
    return fleet


def _allow_batches(emulator: Emulator) -> None:
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "*"}
    emulator.client("iam").put_role_policy(
        RoleName=resources(emulator, "rotator-fleet")["DispatcherRole"],
        PolicyName="batches",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )


@pytest.fixture(scope="module")
def ticked(fleet: FleetStack) -> FleetStack:
    """After the schedule fired for the first time, and the workers were done with what it sent."""

    def told() -> str:
        return f"{fleet.logged('dispatcher')}\n{fleet.logged('worker')}"

    wait_for(lambda: all(map(fleet.token, TOKENS)), timeout_s=3 * TICK_S + 3 * SWEEP_S, told=told)
    wait_for(lambda: _failures(fleet), timeout_s=TICK_S, told=told)
    return fleet


def _failures(fleet: FleetStack) -> list[dict[str, Any]]:
    return [
        line for line in fleet.logged("worker") if line.get("event") == "rotator.rotation_failed"
    ]


def test_schedule_fires_the_dispatcher_sends_and_a_worker_rotates(ticked: FleetStack) -> None:
    sent = [
        line["sent"]
        for line in ticked.logged("dispatcher")
        if line.get("event") == "rotator.fleet_dispatched"
    ]
    tokens = [ticked.token(name) for name in TOKENS]

    assert sent[0] == len(TOKENS) + 1
    assert all(token is not None and token["client_id"] == CLIENT_ID for token in tokens)
    assert not any(line.get("outcome") == "rotated" for line in ticked.logged("dispatcher"))


def test_refused_binding_ends_in_the_log_and_not_in_the_queue(ticked: FleetStack) -> None:
    failures = _failures(ticked)

    assert {line["binding"] for line in failures} == {REFUSED}
    assert all("invalid_client" in line["error"] for line in failures)
    assert ticked.waiting("FailedBindingsQueueUrl") == 0
    assert not ticked.token(REFUSED)


def test_dispatcher_measures_the_fleet(ticked: FleetStack) -> None:
    measured = [line for line in ticked.logged("dispatcher") if "_aws" in line]

    assert measured[0]["Bindings"] == len(TOKENS) + 1
    assert measured[0]["Due"] == len(TOKENS) + 1


def test_worker_that_is_killed_loses_nothing(ticked: FleetStack, ims: RemoteIms) -> None:
    """It dies in the middle of a mint; the binding is sent again for as long as it is due."""
    before = ims.observed()["token_requests"]
    ims.configure(behaviour="hang", hang_s=60.0)
    ticked.put(KILLED, None, **{TAG: CREDENTIALS})

    def told() -> str:
        return f"{ticked.logged('worker')[-5:]}\n{ticked.emulator.log[-2000:]}"

    wait_for(
        lambda: ims.observed()["token_requests"] > before,
        timeout_s=2 * TICK_S + 3 * SWEEP_S,
        told=told,
    )
    assert ticked.emulator.kill_function("rotator-fleet-worker")
    assert not ticked.token(KILLED)
    assert ticked.waiting("DueBindingsQueueUrl") > 0

    ims.configure(behaviour="ok")
    # What came back is hidden for twelve minutes; until then the next ticks send it anew.
    wait_for(lambda: ticked.token(KILLED), timeout_s=2 * TICK_S + 3 * SWEEP_S, told=told)


def test_no_secret_is_in_what_the_fleet_logged(ticked: FleetStack) -> None:
    logged = json.dumps([ticked.logged(name) for name in ("dispatcher", "worker")])
    tokens = [ticked.token(name) for name in TOKENS]

    for secret in (GOOD, WRONG, *(token["access_token"] for token in tokens if token)):
        assert secret not in logged
