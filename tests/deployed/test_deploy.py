"""`make deploy` and `make destroy`, with the real aws command against ministack."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deployed.deploy import aws_with_bucket, run_deploy
from tests.deployed.emulator import Emulator
from tests.support.processes import run_to_end

Deploy = Callable[..., subprocess.CompletedProcess[str]]
BUCKET = "code-of-a-team"


@pytest.fixture(scope="module")
def aws(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with aws_with_bucket(tools, tmp_path_factory.mktemp("deploy"), BUCKET) as running:
        yield running


@pytest.fixture(scope="module")
def deploy(aws: Emulator) -> Deploy:
    return partial(run_deploy, aws)


def stacks(aws: Emulator) -> dict[str, str]:
    listed = aws.client("cloudformation").list_stacks()["StackSummaries"]
    return {
        s["StackName"]: s["StackStatus"] for s in listed if s["StackStatus"] != "DELETE_COMPLETE"
    }


def packages(aws: Emulator) -> list[str]:
    return [o["Key"] for o in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def secret_names(aws: Emulator) -> list[str]:
    return [s["Name"] for s in aws.client("secretsmanager").list_secrets()["SecretList"]]


def test_no_stack_is_made_without_a_yes(aws: Emulator, deploy: Deploy) -> None:
    shown = deploy("up", "--bucket", BUCKET)

    assert shown.returncode == 0, shown.stderr
    assert "Add     TokenSecret" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("nothing was changed; the package stays")
    assert len(packages(aws)) == 1
    assert stacks(aws) == {}
    assert secret_names(aws) == []


def test_stack_comes_changes_and_goes(aws: Emulator, deploy: Deploy) -> None:
    created = deploy("up", "--bucket", BUCKET, "--yes", "--set", "AlarmEmail=on-duty@example.com")
    again = deploy("up", "--bucket", BUCKET, "--yes")
    changed = deploy("up", "--bucket", BUCKET, "--yes", "--set", "Cadence=20h")
    function = aws.client("lambda").get_function_configuration(FunctionName="rotator")

    assert created.returncode == 0, created.stderr
    assert "stack rotator: CREATE_COMPLETE" in created.stdout
    assert "StoreCredentialsCommand" in created.stdout
    assert "nothing to change" in again.stdout
    # The same sources are the same bytes, so one package was uploaded for all three.
    assert len(packages(aws)) == 1
    assert "Modify  Function " in changed.stdout
    assert "stack rotator: UPDATE_COMPLETE" in changed.stdout
    assert function["Environment"]["Variables"]["ROTATOR_CADENCE"] == "20h"
    # A parameter that is not named stays as it was.
    assert aws.client("sns").list_subscriptions()["Subscriptions"]

    asked = deploy("down")
    assert asked.stdout.splitlines()[-1] == "nothing was changed"
    assert stacks(aws) == {"rotator": "UPDATE_COMPLETE"}

    gone = deploy("down", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "kept: CredentialsSecret (rotator/credentials)" in gone.stdout
    assert stacks(aws) == {}
    assert secret_names(aws) == ["rotator/credentials"]


def test_object_of_somebody_else_under_our_key_stops_it(aws: Emulator, deploy: Deploy) -> None:
    [key] = packages(aws)
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"not what was built")
    refused = deploy("up", "--bucket", BUCKET, "--yes")
    aws.client("s3").delete_object(Bucket=BUCKET, Key=key)

    assert refused.returncode == 1
    assert f"s3://{BUCKET}/{key}: is not the package that was built here" in refused.stderr
    assert stacks(aws) == {}


def test_output_stores_the_credentials_without_an_argument(aws: Emulator, deploy: Deploy) -> None:
    manager = aws.client("secretsmanager")
    arn = manager.describe_secret(SecretId="rotator/credentials")["ARN"]
    created = deploy("up", "--bucket", BUCKET, "--yes", "--set", f"CredentialsSecretArn={arn}")
    [command] = [
        line.split(maxsplit=1)[1]
        for line in created.stdout.splitlines()
        if line.startswith("  StoreCredentialsCommand")
    ]
    fields = {"client_id": "an-id", "client_secret": "p8e-canary"}
    environment = os.environ | aws.cli_environment()
    stored = run_to_end(*command.split(), env=environment, stdin=json.dumps(fields))
    value: dict[str, Any] = manager.get_secret_value(SecretId=arn)

    assert stored.returncode == 0, stored.stderr
    assert json.loads(value["SecretString"]) == fields
    assert "p8e-canary" not in command


@pytest.mark.parametrize(
    ("args", "variables", "problem"),
    [
        (("down", "--stack", "nobodys"), {}, "stack nobodys: does not exist"),
        (("up", "--bucket", "no-such-bucket"), {}, "bucket no-such-bucket: does not exist"),
        (("up", "--bucket", BUCKET), {"PATH": "/nowhere"}, "aws: not installed"),
        (("up", "--bucket", BUCKET, "--set", "Cadence"), {}, "write it as PARAMETER=VALUE"),
    ],
)
def test_what_stands_in_the_way_is_named(
    args: tuple[str, ...], variables: dict[str, str], problem: str, deploy: Deploy
) -> None:
    done = deploy(*args, **variables)

    assert done.returncode in {1, 2}
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
