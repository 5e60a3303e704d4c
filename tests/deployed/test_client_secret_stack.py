"""The template that rotates a client secret, deployed beside the job's as its users do it.

Against ministack, with IAM enforced. Its schedule of six hours would not fire in a test: the stack
is created with one that is due, and then updated to the template as it is. A rotation takes days:
here the overlap is a minute, tokens live for three, and the clock of the provider and the functions
is moved, by less than the five minutes that a signature may be off.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.package import Package
from tests.deployed.client_secret_stack import (
    CREDENTIALS,
    EVERY_SIX_HOURS,
    FOREIGN,
    JOB,
    MANAGEMENT,
    ROTATE,
    SECRET_TEMPLATE,
    STACK,
    TOKEN,
    ClientSecretStack,
    deploy_job,
    firing_at_once,
)
from tests.deployed.emulator import Emulator
from tests.deployed.file_clock import FileClock
from tests.deployed.stack import DENIED, SWEEP_S
from tests.deployed.watch import Call, call_as, role_of, wait_for
from tests.support.secret_providers import FIRST_VALUE, FakeAdobe, FakeEntraId
from tests.support.secret_server import MANAGEMENT_CLIENT, serve

OVERLAP_S, LIFETIME_S = 60, 180
CHECKED, FAILED = "rotator.client_secret_checked", "rotator.client_secret_rotation_failed"
MANAGER = "secretsmanager"


@pytest.fixture(scope="module")
def emulator(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS of its own: a fleet in another test counts every token secret that it finds."""
    with Emulator(tools, tmp_path_factory.mktemp("client-secret-aws")) as running:
        yield running


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> FileClock:
    """The provider's, which both functions can be given too."""
    return FileClock(tmp_path_factory.mktemp("clock") / "ahead")


@pytest.fixture(scope="module")
def adobe(clock: FileClock) -> FakeAdobe:
    """A client with one client secret, 200 days old."""
    return FakeAdobe(clock)


@pytest.fixture(scope="module")
def job(
    emulator: Emulator, package: Package, clock: FileClock, adobe: FakeAdobe
) -> Iterator[ClientSecretStack]:
    """The job's stack, with a token that the only client secret has minted."""
    stack = ClientSecretStack(emulator, clock, deploy_job(emulator, package))
    for name in (MANAGEMENT, FOREIGN):
        emulator.client(MANAGER).create_secret(Name=name, SecretString="{}")
    with serve(adobe, lifetime_s=LIFETIME_S) as url:
        stack.put_credentials(adobe, url)
        assert stack.invoke(JOB, {})["outcome"] == "rotated"
        yield stack


@pytest.fixture(scope="module")
def deployed(
    job: ClientSecretStack, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ClientSecretStack, dict[str, str]]:
    """Both stacks, and the outputs of the one that rotates."""
    template = firing_at_once(tmp_path_factory.mktemp("client-secret"))
    return job, job.emulator.create_stack(STACK, template, **job.parameters)


@pytest.fixture(scope="module")
def started(deployed: tuple[ClientSecretStack, dict[str, str]]) -> ClientSecretStack:
    """After the schedule fired; nobody has invoked the function. The template is as it is now."""
    stack, _ = deployed
    wait_for(
        lambda: stack.logged(CHECKED),
        timeout_s=6 * SWEEP_S,
        told=lambda: f"{stack.logged()}\n{stack.emulator.log[-2000:]}",
    )
    stack.emulator.update_stack(STACK, SECRET_TEMPLATE, **stack.parameters)
    return stack


def test_job_cannot_begin_a_rotation(job: ClientSecretStack, adobe: FakeAdobe) -> None:
    answer = job.invoke(JOB, ROTATE)

    assert answer["errorMessage"].startswith(f"secret {CREDENTIALS}: access denied")
    assert len(adobe.secrets) == 1
    assert job.stored() == [FIRST_VALUE]


def test_roles_of_both_functions_end_at_their_secrets(
    deployed: tuple[ClientSecretStack, dict[str, str]],
) -> None:
    stack, _ = deployed
    beside: dict[str, object] = {"SecretString": "{}", "VersionStages": ["PROBE"]}
    written: Call = (MANAGER, "put_secret_value", {"SecretId": CREDENTIALS, **beside})
    needed: list[Call] = [
        (MANAGER, "get_secret_value", {"SecretId": CREDENTIALS}),
        (MANAGER, "get_secret_value", {"SecretId": TOKEN}),
        (MANAGER, "describe_secret", {"SecretId": CREDENTIALS}),
        (MANAGER, "describe_secret", {"SecretId": TOKEN}),
        written,
    ]
    destroying: list[Call] = [
        (MANAGER, "update_secret", {"SecretId": CREDENTIALS, "SecretString": "{}"}),
        (MANAGER, "delete_secret", {"SecretId": CREDENTIALS}),
    ]
    refused: list[Call] = [
        *destroying,
        (MANAGER, "put_secret_value", {"SecretId": TOKEN, **beside}),
        (MANAGER, "put_secret_value", {"SecretId": FOREIGN, **beside}),
        (MANAGER, "get_secret_value", {"SecretId": FOREIGN}),
        # Granted by the parameter ManagementSecretArn only.
        (MANAGER, "get_secret_value", {"SecretId": MANAGEMENT}),
        (MANAGER, "list_secrets", {}),
        ("lambda", "invoke", {"FunctionName": JOB}),
    ]
    own, of_job = (role_of(stack.emulator, each, "FunctionRole") for each in (STACK, JOB))

    said = call_as(stack.emulator, own, "probe-of-client-secret", [*needed, *refused])
    said_to_job = call_as(stack.emulator, of_job, "probe-of-job", [written, *destroying])

    assert said[: len(needed)] == ["ok"] * len(needed)
    assert set(said[len(needed) :]) <= {DENIED, "AccessDenied"}
    assert set(said_to_job) == {DENIED}


def test_schedule_fires_by_itself_and_a_rotation_begins(
    started: ClientSecretStack, adobe: FakeAdobe
) -> None:
    new, old = started.stored()
    [event] = started.logged(CHECKED)
    schedule = started.emulator.client("scheduler").get_schedule(Name=STACK)

    assert event["outcome"] == "started"
    assert event["credentials_secret"] == started.job["CredentialsSecretArn"]
    assert [kept.value for kept in adobe.secrets.values()] == [FIRST_VALUE, new]
    assert old == FIRST_VALUE
    assert schedule["ScheduleExpression"] == EVERY_SIX_HOURS
    assert schedule["State"] == "ENABLED"
    assert json.loads(schedule["Target"]["Input"]) == ROTATE


def test_rotation_ends_when_nothing_can_depend_on_the_old_client_secret(
    started: ClientSecretStack, clock: FileClock, adobe: FakeAdobe
) -> None:
    started.share_clock()
    new, _ = started.stored()

    def outcomes() -> tuple[str, str]:
        job = started.invoke(JOB, {"force": True})
        run = started.invoke(STACK, ROTATE)
        return job["outcome"], run["outcome"]

    assert outcomes() == ("rotated", "waiting")
    clock.move(timedelta(seconds=OVERLAP_S + 40))
    # A last token of the old one may live on, whatever has been minted since.
    assert outcomes() == ("rotated", "waiting")
    unmet = " ".join(started.invoke(STACK, ROTATE)["unmet"])
    assert "the last token that the old client secret minted ends by" in unmet
    assert "overlap" not in unmet
    clock.move(timedelta(seconds=LIFETIME_S + 10))
    ended = started.invoke(STACK, ROTATE)

    assert ended["outcome"] == "finished"
    assert [kept.value for kept in adobe.secrets.values()] == [new]
    assert started.stored() == [new]
    assert started.invoke(JOB, {"force": True})["outcome"] == "rotated"
    assert started.invoke(STACK, ROTATE)["outcome"] == "not_due"


@pytest.fixture(scope="module")
def entra(started: ClientSecretStack, clock: FileClock) -> Iterator[ClientSecretStack]:
    """The credentials of another client, whose secrets end, and which another client manages."""
    clock.move(timedelta(0))
    fake = FakeEntraId(clock)
    with serve(fake) as url:
        fields = MANAGEMENT_CLIENT | {
            "token_url": f"{url}/token",
            "auth_method": "client_secret_post",
            "admin_of": [CREDENTIALS],
        }
        started.emulator.client(MANAGER).put_secret_value(
            SecretId=MANAGEMENT, SecretString=json.dumps(fields)
        )
        started.put_credentials(fake, url, credentials_secret=MANAGEMENT)
        yield started


def statistic(stack: ClientSecretStack, alarm: dict[str, Any]) -> float:
    """What the alarm looks at, over these two days."""
    now = datetime.now(UTC)
    points = stack.emulator.client("cloudwatch").get_metric_statistics(
        **{name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions", "Period")},
        Statistics=[alarm["Statistic"]],
        StartTime=now - timedelta(days=1),
        EndTime=now + timedelta(days=1),
    )["Datapoints"]
    return sum(float(point[alarm["Statistic"]]) for point in points)


def test_failing_runs_are_in_the_metric_of_the_errors_alarm(entra: ClientSecretStack) -> None:
    alarm = entra.alarms()["Errors"]
    before = statistic(entra, alarm)

    answers = [entra.invoke(STACK, ROTATE) for _ in range(2)]

    assert alarm["Namespace"] == "AWS/Lambda"
    assert alarm["Statistic"] == "Sum"
    assert statistic(entra, alarm) - before == alarm["Threshold"] == 2
    assert alarm["AlarmActions"] == [entra.job["AlarmTopicArn"]]
    failures = entra.logged(FAILED)
    assert [line["error"] for line in failures] == [each["errorMessage"] for each in answers]
    assert failures[0]["error"].startswith(f"secret {MANAGEMENT}: access denied")
    assert failures[0]["credentials_secret"] == entra.job["CredentialsSecretArn"]


def test_management_credentials_are_read_with_the_parameter_that_names_them(
    entra: ClientSecretStack,
) -> None:
    arn = entra.emulator.client(MANAGER).describe_secret(SecretId=MANAGEMENT)["ARN"]
    entra.emulator.update_stack(STACK, SECRET_TEMPLATE, **entra.parameters, ManagementSecretArn=arn)

    assert entra.invoke(STACK, ROTATE)["outcome"] == "started"


def measured(line: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each metric that CloudWatch makes of a line of log."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            for names in directive["Dimensions"]:
                assert isinstance(line[metric["Name"]], int | float)
                yield directive["Namespace"], metric["Name"], {key: line[key] for key in names}


def test_alarms_look_at_what_the_function_has_measured(entra: ClientSecretStack) -> None:
    found = [each for line in entra.logged() if "_aws" in line for each in measured(line)]
    alarms = entra.alarms()
    ours = [alarms[name] for name in ("ClientSecretAgeSeconds", "ClientSecretRemainingSeconds")]

    assert len(alarms) == 3
    for alarm in ours:
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert (alarm["Namespace"], alarm["MetricName"], dimensions) in found
        assert alarm["AlarmActions"] == alarm["OKActions"] == [entra.job["AlarmTopicArn"]]


def test_output_runs_it_by_hand(
    entra: ClientSecretStack, deployed: tuple[ClientSecretStack, dict[str, str]]
) -> None:
    if shutil.which("aws") is None:
        pytest.skip("no aws command on this machine")
    _, outputs = deployed
    ended = subprocess.run(
        ["sh", "-c", outputs["RunNowCommand"]],  # noqa: S607 - as whoever copies it
        env=os.environ | entra.emulator.cli_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert '"outcome": "waiting"' in ended.stdout


def test_no_secret_is_in_what_was_logged_or_answered(entra: ClientSecretStack) -> None:
    # The fakes begin each value with this word.
    assert "canary" not in json.dumps(entra.logged())
    assert "canary" not in entra.emulator.log
