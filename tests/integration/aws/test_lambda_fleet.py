"""The function over many bindings: by schedule, as a dispatcher, and as a worker of the queue."""

import json
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.app.aws_lambda.fleet import open_fleet
from rotator.errors import ConfigError, StoreError
from rotator.lambda_handler import handler
from rotator.local.binding import LocalBinding
from rotator.local.environment import secrets_manager_client
from rotator.local.ims import LocalIms
from tests.integration.cli.front import Front
from tests.support.documents import HOUR, token_document
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.lambda_function import LambdaContext, run_secrets_manager, set_environment

TAG = "rotator:credentials-secret"
SCHEDULED = {"source": "aws.scheduler", "detail": "{}"}


@dataclass(frozen=True, slots=True)
class FleetOf:
    """One client at the provider, and as many token secrets as a test wants."""

    client: Any
    binding: LocalBinding
    ims: LocalIms
    team: str

    def add(self, name: str, **tags: str) -> str:
        full = f"{self.team}/{name}"
        pairs = {TAG: self.binding.credentials_secret, "team": self.team, **tags}
        listed = [{"Key": key, "Value": text} for key, text in pairs.items()]
        self.client.create_secret(Name=full, Tags=listed)
        return full

    def has_token(self, name: str) -> bool:
        versions = self.client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
        return bool(versions)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetOf]:
    team = str(uuid.uuid4())
    with run_secrets_manager() as endpoint_url, LocalIms() as ims:
        set_environment(monkeypatch, endpoint_url)
        binding = LocalBinding.register(ims, prefix=team)
        fields = json.loads(binding.init_input()) | {"token_secrets": [f"{team}/*"]}
        client = secrets_manager_client(endpoint_url)
        client.create_secret(Name=binding.credentials_secret, SecretString=json.dumps(fields))
        monkeypatch.setenv("ROTATOR_DISCOVER", "true")
        monkeypatch.setenv("ROTATOR_WHERE", f"team={team}")
        monkeypatch.setenv("ROTATOR_FLEET", "creative")
        open_fleet.cache_clear()
        yield FleetOf(client, binding, ims, team)
        client.close()


def metrics_of(text: str) -> dict[str, Any]:
    [line] = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    fields: dict[str, Any] = line
    return fields


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


def test_outage_of_the_provider_is_seen_in_the_metrics_and_raises_nothing(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.add("token")
    fleet.ims.configure(behaviour="outage")

    response = handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert response["failed"] == 1
    assert (metrics["Failed"], metrics["Unusable"], metrics["MinRemainingSeconds"]) == (1, 1, 0)


def test_secret_that_somebody_tagged_does_not_hold_the_alarm(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.add("token")
    stranger = f"stranger/{fleet.team}"
    tags = {TAG: fleet.binding.credentials_secret, "team": fleet.team}
    fleet.client.create_secret(
        Name=stranger, Tags=[{"Key": key, "Value": text} for key, text in tags.items()]
    )

    handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert (metrics["Failed"], metrics["Unusable"]) == (1, 0)
    assert metrics["MinRemainingSeconds"] > 86_000
    assert not fleet.has_token(stranger)


@pytest.mark.parametrize(
    ("age", "is_heard_of"),
    [(None, False), (23.5 * HOUR, True), (25 * HOUR, True), (50 * HOUR, False)],
    ids=["never had a token", "about to expire", "just expired", "expired for long"],
)
@pytest.mark.parametrize(
    ("names", "value"),
    [
        ("{team}/lost-credentials", None),
        ("{team}/lost-credentials", "no JSON"),
        ("{team}/lost-credentials", '{"client_id": "a", "client_secret": "b"}'),
        ("no name", None),
        ("{team}/well", None),
    ],
    ids=["missing", "malformed", "without consent", "no name", "a token secret"],
)
def test_tag_that_names_no_usable_credentials_holds_the_alarm_for_as_long_as_a_token_is_missed(
    fleet: FleetOf,
    capsys: pytest.CaptureFixture[str],
    age: timedelta | None,
    names: str,
    value: str | None,
    *,
    is_heard_of: bool,
) -> None:
    fleet.add("well")
    lost = names.format(team=fleet.team)
    if value is not None:
        fleet.client.create_secret(Name=lost, SecretString=value)
    name = fleet.add("other", **{TAG: lost})
    if age is not None:
        document = token_document(issued_at=datetime.now(UTC) - age)
        fleet.client.put_secret_value(SecretId=name, SecretString=json.dumps(document))

    handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert metrics["Failed"] == 1
    assert (metrics["MinRemainingSeconds"] < 2_700) == is_heard_of
    assert metrics["Unusable"] == (is_heard_of and age is not None and age > 24 * HOUR)


def test_binding_that_its_credentials_name_is_heard_of_before_its_first_token(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.add("well")
    fields = {"client_id": "a", "token_secrets": [f"{fleet.team}/new"]}
    name = f"{fleet.team}/incomplete"
    fleet.client.create_secret(Name=name, SecretString=json.dumps(fields))
    fleet.add("new", **{TAG: name})

    handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert (metrics["Failed"], metrics["Unusable"], metrics["MinRemainingSeconds"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("line", "unusable"),
    [
        ('token_secret = "{team}/empty"', 1),
        ('token_secret = "{team}/fresh"', 0),
        ('credentials_secret = "{credentials}"', 1),
        ('credentials_secret = "{credentials}"\ntoken_secret = "{team}/first"', 0),
    ],
    ids=["no token", "a token", "no token secret", "another line's token secret"],
)
def test_refused_line_of_a_manifest_counts_with_the_life_of_its_token(
    fleet: FleetOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    line: str,
    unusable: int,
) -> None:
    first, fresh, _ = map(fleet.add, ("first", "fresh", "empty"))
    document = token_document(issued_at=datetime.now(UTC) - HOUR)
    fleet.client.put_secret_value(SecretId=fresh, SecretString=json.dumps(document))
    credentials = fleet.binding.credentials_secret
    manifest = tmp_path / "fleet.toml"
    manifest.write_text(
        f'[[binding]]\ncredentials_secret = "{credentials}"\ntoken_secret = "{first}"\n'
        "[[binding]]\n" + line.format(team=fleet.team, credentials=credentials)
    )
    monkeypatch.delenv("ROTATOR_DISCOVER")
    monkeypatch.delenv("ROTATOR_WHERE")
    monkeypatch.setenv("ROTATOR_CONFIG", str(manifest))

    handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert (metrics["Failed"], metrics["Unusable"]) == (1, unusable)
    assert (metrics["MinRemainingSeconds"] == 0) == (unusable == 1)


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
        with pytest.raises(StoreError, match="did not answer in the time that was left"):
            handler(SCHEDULED, LambdaContext(remaining_ms=15_500))
        ended.set()


def test_list_that_breaks_off_is_raised_after_what_was_found_is_done(
    fleet: FleetOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = fleet.add("a")
    [entry] = fleet.client.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]
    listed = {key: entry[key] for key in ("ARN", "Name", "Tags")}
    with Front(os.environ["AWS_ENDPOINT_URL"]) as front:
        front.answer("ListSecrets", {"SecretList": [listed], "NextToken": "again"})
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.env["AWS_ENDPOINT_URL"])
        with pytest.raises(StoreError, match="list of secrets: does not end"):
            handler(SCHEDULED, LambdaContext())
    out = capsys.readouterr()

    assert fleet.has_token(name)
    assert metrics_of(out.out)["Rotated"] == 1
    assert "rotator.discovery_incomplete" in out.err


def record(message_id: str, body: object) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": message_id, "eventSource": "aws:sqs", "body": text}


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
