"""What the alarms of a fleet hear of: metrics, and invocations that fail."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.errors import StoreError
from rotator.lambda_handler import handler
from tests.integration.aws.fleet_of import TAG, FleetOf
from tests.integration.cli.front import Front
from tests.support.documents import HOUR, token_document
from tests.support.lambda_function import LambdaContext, metrics_of

SCHEDULED = {"source": "aws.scheduler", "detail": "{}"}


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


@pytest.mark.parametrize(
    "value",
    [
        '{"username": "u", "password": "p"}',
        "hunter2",
        b"\x00",
        '{"client_id": "a", "client_secret": "b"}',
        '{"access_token": "of another program"}',
    ],
)
def test_secret_that_somebody_tagged_below_a_pattern_sets_no_alarm_off(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str], value: str | bytes
) -> None:
    fleet.add("token")
    name = fleet.add("of-others")
    kind = "SecretString" if isinstance(value, str) else "SecretBinary"
    fleet.client.put_secret_value(SecretId=name, **{kind: value})

    handler(SCHEDULED, LambdaContext())
    metrics = metrics_of(capsys.readouterr().out)

    assert (metrics["Failed"], metrics["Unusable"]) == (1, 0)
    assert metrics["MinRemainingSeconds"] > 86_000
    assert fleet.client.get_secret_value(SecretId=name)[kind] == value


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("ExpiredTokenException", 400),
        ("UnrecognizedClientException", 400),
        ("InternalServiceError", 500),
    ],
)
def test_run_in_which_nothing_can_be_read_is_raised_after_the_metrics_are_printed(
    fleet: FleetOf,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: str,
    status: int,
) -> None:
    for name in ("a", "b"):
        fleet.add(name)
    fleet.add("c", **{TAG: "no name"})
    with Front(os.environ["AWS_ENDPOINT_URL"]) as front:
        reads = ("GetSecretValue", "BatchGetSecretValue", "DescribeSecret")
        front.refuse(*reads, code=code, status=status)
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.env["AWS_ENDPOINT_URL"])
        with pytest.raises(StoreError, match=code if status == 500 else None):
            handler(SCHEDULED, LambdaContext())

    assert metrics_of(capsys.readouterr().out)["Failed"] == 3


def test_secret_that_cannot_be_read_costs_the_invocation_nothing(
    fleet: FleetOf, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.add("a", **{TAG: f"{fleet.team}/missing"})

    response = handler(SCHEDULED, LambdaContext())

    assert response["failed"] == 1
    assert metrics_of(capsys.readouterr().out)["Failed"] == 1
