"""The function over many bindings: by schedule, as a dispatcher, and as a worker of the queue."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.lambda_handler import handler
from tests.integration.aws.fleet_of import FleetOf
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.lambda_function import LambdaContext, metrics_of

SCHEDULED = {"source": "aws.scheduler", "detail": "{}"}


def test_schedule_rotates_the_fleet_that_the_environment_selects(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [fleet.add(f"token{number}") for number in range(3)]

    response = handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert {key: response[key] for key in ("fleet", "bindings", "rotated", "failed")} == {
        "fleet": "creative",
        "bindings": 3,
        "rotated": 3,
        "failed": 0,
    }
    assert all(map(fleet.has_token, names))
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Fleet"]]
    assert (metrics["Fleet"], metrics["Rotated"], metrics["Unusable"]) == ("creative", 3, 0)
    assert 86_000 < metrics["MinRemainingSeconds"] <= 86_400


def test_dispatcher_sends_what_is_due_and_mints_nothing(
    fleet: FleetOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    def respond(request: Request) -> Any:  # noqa: ANN401 - a reply
        entries = json.loads(request.body)["Entries"]
        sent.append(entries)
        ids = [{"Id": each["Id"], "MessageId": "m", "MD5OfMessageBody": "0"} for each in entries]
        return json_reply(200, {"Successful": ids, "Failed": []})

    names = {fleet.add(f"token{number}") for number in range(12)}
    with HttpServer(respond) as queue:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", queue.url)
        monkeypatch.setenv("ROTATOR_QUEUE_URL", f"{queue.url}/123456789012/rotator")
        response = handler(SCHEDULED, LambdaContext())

    bodies = [json.loads(each["MessageBody"]) for batch in sent for each in batch]
    assert [len(batch) for batch in sent] == [10, 2]
    assert {body["token_secret"] for body in bodies} == names
    assert all(body.keys() == {"credentials_secret", "token_secret"} for body in bodies)
    assert response["sent"] == 12
    assert fleet.ims.observed()["token_requests"] == 0


def test_message_that_the_queue_refuses_counts_as_a_failed_binding(
    fleet: FleetOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def respond(request: Request) -> Any:  # noqa: ANN401 - a reply
        taken, refused = [each["Id"] for each in json.loads(request.body)["Entries"]]
        failed = {"Id": refused, "SenderFault": True, "Code": "InvalidMessageContents"}
        return json_reply(200, {"Successful": [{"Id": taken}], "Failed": [failed]})

    fleet.add("a")
    name = fleet.add("b")
    with HttpServer(respond) as queue:
        monkeypatch.setenv("ROTATOR_QUEUE_URL", f"{queue.url}/123456789012/rotator")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", queue.url)
        response = handler(SCHEDULED, LambdaContext())
    out = capsys.readouterr()

    counts = ("sent", "failed", "would_rotate")
    assert {key: response[key] for key in counts} == {"sent": 1, "failed": 1, "would_rotate": 1}
    assert [metrics_of(out.out)[key] for key in ("Failed", "Due", "Unusable")] == [1, 2, 2]
    [event] = [line for line in map(json.loads, out.err.splitlines()) if line["level"] == "error"]
    assert (event["event"], event["binding"]) == ("rotator.dispatch_failed", name)
    assert "InvalidMessageContents" in event["error"]


def test_queue_out_of_reach_is_raised_after_the_metrics_are_printed(
    fleet: FleetOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.add("a")
    with HttpServer(lambda _: json_reply(200, {})) as queue:
        url = queue.url  # where nobody listens any more
    monkeypatch.setenv("ROTATOR_QUEUE_URL", f"{url}/123456789012/rotator")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)

    with pytest.raises(StoreError, match="SQS cannot be reached") as raised:
        handler(SCHEDULED, LambdaContext(remaining_ms=15_500))

    assert raised.value.retryable
    assert metrics_of(capsys.readouterr().out)["Failed"] == 1


def record(message_id: str, body: object) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": message_id, "eventSource": "aws:sqs", "body": text}


@pytest.mark.parametrize("records", [None, [record("m1", {})]])
def test_function_with_lambdas_default_timeout_says_to_raise_it(
    fleet: FleetOf, records: object
) -> None:
    fleet.add("a")

    with pytest.raises(ConfigError, match=r"timeout leaves no time .* or 300 for a fleet"):
        handler({"Records": records} if records else SCHEDULED, LambdaContext(remaining_ms=3_000))


def test_function_ends_before_its_timeout_though_secrets_manager_hangs(
    fleet: FleetOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.add("a")
    ended = threading.Event()

    def hang(_: Request) -> Reply:
        assert ended.wait(30), "the function outlasted its time"
        return Reply(500)

    with HttpServer(hang) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", silent.url)
        # Of which 15 s are reserved: 12 s for publishing, the rest for reporting.
        with pytest.raises(StoreError, match="did not respond in the remaining time"):
            handler(SCHEDULED, LambdaContext(remaining_ms=15_500))
        ended.set()


def test_worker_rotates_each_message_and_gives_back_what_may_pass(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str]
) -> None:
    name = fleet.add("token")
    event = {"credentials_secret": fleet.binding.credentials_secret, "token_secret": name}
    broken = event | {"token_secret": f"{fleet.team}/missing"}
    records = [record("good", event), record("twice", event), record("missing", broken)]
    records += [
        record("odd", "no JSON"),
        record("deep", "[" * 50_000),
        record("field", event | {"probe_url": "https://a.example"}),
    ]

    response = handler({"Records": records}, LambdaContext())
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    assert response == {"batchItemFailures": []}
    assert fleet.has_token(name)
    assert fleet.ims.observed()["token_requests"] == 1
    failures = [each for each in events if each["event"] == "rotator.rotation_failed"]
    assert len(failures) == 4


def test_message_whose_provider_is_down_goes_back_to_the_queue(fleet: FleetOf) -> None:
    name = fleet.add("token")
    fleet.ims.configure(behaviour="outage")
    event = {"credentials_secret": fleet.binding.credentials_secret, "token_secret": name}

    response = handler({"Records": [record("1", event)]}, LambdaContext())

    assert response == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_records_of_another_service_are_refused(fleet: FleetOf) -> None:
    del fleet
    with pytest.raises(ConfigError, match="event: has an unknown field"):
        handler({"Records": [{"eventSource": "aws:s3"}]}, LambdaContext())


def test_manifest_can_be_part_of_the_package(
    fleet: FleetOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = fleet.add("token")
    manifest = tmp_path / "fleet.toml"
    manifest.write_text(
        f'[[binding]]\ncredentials_secret = "{fleet.binding.credentials_secret}"\n'
        f'token_secret = "{name}"\n'
    )
    monkeypatch.delenv("ROTATOR_DISCOVER")
    monkeypatch.delenv("ROTATOR_WHERE")
    monkeypatch.setenv("ROTATOR_CONFIG", str(manifest))

    response = handler(SCHEDULED, LambdaContext())

    assert (response["bindings"], response["rotated"]) == (1, 1)
