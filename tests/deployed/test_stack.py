"""The template, deployed: it ticks by itself, keeps others out, and tells what went wrong.

Against ministack, with IAM enforced. What it does differently from AWS: a secret that is created
without a value has an empty one, attempts follow within seconds, the schedule's role is not asked
for, metrics are not made from logs, and alarms are not evaluated.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from infra.package import Package
from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import REGION, Emulator
from tests.deployed.stack import (
    BUCKET,
    CONSUMER_POLICY,
    CREDENTIALS,
    DENIED,
    FOREIGN,
    SWEEP_S,
    TEMPLATE,
    TICK_S,
    TOKEN,
    WRONG,
    Stack,
)
from tests.deployed.watch import CLIENT_ID, GOOD, KEY, Call, call_as, upload, wait_for
from tests.support.processes import run_to_end


def denied(call: Callable[..., Any], **params: object) -> bool:
    try:
        call(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"]) in {DENIED, "AccessDenied"}
    return False


@pytest.fixture(scope="module")
def stack(emulator: Emulator, package: Package, ims: RemoteIms) -> Stack:
    """Deployed with a tick of a minute, the shortest there is; credentials are stored."""
    ims.reset()
    ims.configure(clients={CLIENT_ID: [GOOD]})
    code = upload(emulator, package, BUCKET)
    emulator.client("secretsmanager").create_secret(Name=FOREIGN, SecretString="{}")
    outputs = emulator.create_stack(
        "rotator", TEMPLATE, TickMinutes="1", AlarmEmail="on-duty@example.com", **code
    )
    stack = Stack(emulator, ims, outputs)
    stack.store_credentials(GOOD)
    return stack


@pytest.fixture(scope="module")
def ticked(stack: Stack) -> Stack:
    """The stack after its schedule fired for the first time. Nobody has invoked the function."""
    wait_for(stack.token, timeout_s=2 * TICK_S + SWEEP_S)
    return stack


def test_schedule_fires_by_itself_and_the_token_is_in_the_secret(ticked: Stack) -> None:
    token = ticked.token()
    assert token is not None
    request = Request(  # noqa: S310 - loopback
        ticked.ims.urls.hello,
        headers={
            "Authorization": f"Bearer {token['access_token']}",
            "x-api-key": token["client_id"],
        },
    )

    with urlopen(request, timeout=5) as response:  # noqa: S310
        assert response.status == 200
    assert ticked.outcomes()[:1] == ["rotated"]
    assert ticked.ims.observed()["tokens_minted"] == 1


def test_second_tick_is_a_no_op(ticked: Stack) -> None:
    before = ticked.read(TOKEN)["VersionId"]
    wait_for(lambda: "not_due" in ticked.outcomes(), timeout_s=TICK_S + 3 * SWEEP_S)

    assert ticked.read(TOKEN)["VersionId"] == before
    assert ticked.ims.observed()["tokens_minted"] == 1


def test_every_tick_logged_metrics_with_its_request_id(ticked: Stack) -> None:
    logged = ticked.logged()
    measured = {line["request_id"]: line for line in logged if "_aws" in line}

    assert measured
    assert measured.keys() == {line["request_id"] for line in logged if "event" in line}
    assert all(line["TokenRemainingSeconds"] > 86_000 for line in measured.values())


def test_function_role_may_what_it_needs_and_nothing_else(ticked: Stack) -> None:
    current = ticked.read(TOKEN)
    same = {"ClientRequestToken": current["VersionId"], "SecretString": current["SecretString"]}
    manager = "secretsmanager"
    label = {"VersionStage": "MINE", "MoveToVersionId": current["VersionId"]}
    needed: list[Call] = [
        (manager, "get_secret_value", {"SecretId": CREDENTIALS}),
        (manager, "get_secret_value", {"SecretId": TOKEN}),
        (manager, "describe_secret", {"SecretId": CREDENTIALS}),
        (manager, "describe_secret", {"SecretId": TOKEN}),
        (manager, "batch_get_secret_value", {"SecretIdList": [CREDENTIALS, TOKEN]}),
        (manager, "put_secret_value", {"SecretId": TOKEN, **same}),
    ]
    refused: list[Call] = [
        (manager, "put_secret_value", {"SecretId": CREDENTIALS, "SecretString": "{}"}),
        (manager, "get_secret_value", {"SecretId": FOREIGN}),
        (manager, "put_secret_value", {"SecretId": FOREIGN, "SecretString": "{}"}),
        (manager, "update_secret", {"SecretId": TOKEN, "SecretString": "{}"}),
        (manager, "delete_secret", {"SecretId": TOKEN}),
        # Granted with native rotation only.
        (manager, "update_secret_version_stage", {**label, "SecretId": TOKEN}),
        (manager, "create_secret", {"Name": "a/new-one"}),
        (manager, "list_secrets", {}),
        ("lambda", "invoke", {"FunctionName": "rotator"}),
        (
            "sts",
            "assume_role",
            {"RoleArn": ticked.role_of("SchedulerRole"), "RoleSessionName": "somebody"},
        ),
    ]
    batch: Call = (manager, "batch_get_secret_value", {"SecretIdList": [TOKEN, FOREIGN]})
    said = call_as(
        ticked.emulator, ticked.role_of("FunctionRole"), "probe", [*needed, *refused, batch]
    )

    assert said[: len(needed)] == ["ok"] * len(needed)
    assert set(said[len(needed) : -1]) <= {DENIED, "AccessDenied"}
    # The permission to read in batches is no permission to read.
    assert said[-1] == [DENIED]
    assert ticked.read(TOKEN)["VersionId"] == current["VersionId"]


def consumer(emulator: Emulator, name: str, policy_arn: str) -> dict[str, str]:
    """Credentials of a role with this policy and no other."""
    iam = emulator.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    credentials: dict[str, str] = emulator.client("sts").assume_role(
        RoleArn=role["Arn"], RoleSessionName="reader"
    )["Credentials"]
    return credentials


@pytest.mark.parametrize("source", ["output", "stack of its own"])
def test_consumer_reads_the_token_and_nothing_else(ticked: Stack, source: str) -> None:
    policy_arn = ticked.outputs["ConsumerPolicyArn"]
    if source != "output":
        policy_arn = ticked.emulator.create_stack(
            "reader", CONSUMER_POLICY, TokenSecretArn=ticked.outputs["TokenSecretArn"]
        )["ConsumerPolicyArn"]
    keys = consumer(ticked.emulator, f"reader-{source[:5].strip()}", policy_arn)
    manager = ticked.emulator.client("secretsmanager", keys)
    token = ticked.token()
    assert token is not None

    assert json.loads(manager.get_secret_value(SecretId=TOKEN)["SecretString"]) == token
    assert denied(manager.get_secret_value, SecretId=CREDENTIALS)
    assert denied(manager.put_secret_value, SecretId=TOKEN, SecretString="{}")
    assert denied(manager.batch_get_secret_value, SecretIdList=[TOKEN, CREDENTIALS])
    assert denied(manager.list_secrets)


def test_commands_work_for_a_consumer_as_far_as_its_policy_goes(ticked: Stack) -> None:
    keys = consumer(ticked.emulator, "shell-reader", ticked.outputs["ConsumerPolicyArn"])
    environment = {
        **os.environ,
        **ticked.emulator.cli_environment(),
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    token = ticked.token()
    assert token is not None

    command = (sys.executable, "-m", "rotator")
    selectors = ("--credentials-secret", CREDENTIALS, "--token-secret", TOKEN)
    read = run_to_end(*command, "token", TOKEN, env=environment)
    rotated = run_to_end(*command, "run", *selectors, "--force", env=environment)

    assert read.stdout.strip() == token["access_token"]
    assert rotated.returncode == 5, rotated.stderr
    assert "access denied" in rotated.stderr


def test_roles_can_be_taken_by_their_services_only(ticked: Stack) -> None:
    iam = ticked.emulator.client("iam")
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.create_user(UserName="administrator")
    iam.put_user_policy(
        UserName="administrator",
        PolicyName="everything",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anything]}),
    )
    keys = iam.create_access_key(UserName="administrator")["AccessKey"]
    own = {name: keys[name] for name in ("AccessKeyId", "SecretAccessKey")}
    tokens = ticked.emulator.client("sts", own)

    assert tokens.get_caller_identity()["Arn"].endswith("user/administrator")
    for name in ("FunctionRole", "SchedulerRole"):
        role = ticked.role_of(name)
        assert denied(tokens.assume_role, RoleArn=role, RoleSessionName="administrator"), name


def test_schedules_role_may_invoke_the_function_and_no_other(ticked: Stack) -> None:
    iam = ticked.emulator.client("iam")

    def decision(action: str, resource: str) -> str:
        [result] = iam.simulate_principal_policy(
            PolicySourceArn=ticked.role_of("SchedulerRole"),
            ActionNames=[action],
            ResourceArns=[resource],
        )["EvaluationResults"]
        return str(result["EvalDecision"])

    function = ticked.outputs["FunctionArn"]
    assert decision("lambda:InvokeFunction", function) == "allowed"
    assert decision("lambda:InvokeFunction", f"{function}-of-others") == "implicitDeny"
    assert decision("lambda:UpdateFunctionCode", function) == "implicitDeny"
    assert decision("secretsmanager:GetSecretValue", ticked.outputs["TokenSecretArn"]) == (
        "implicitDeny"
    )


def test_queues_take_nothing_in_the_clear(ticked: Stack) -> None:
    attributes = ticked.emulator.client("sqs").get_queue_attributes(
        QueueUrl=ticked.outputs["FailedRunsQueueUrl"], AttributeNames=["All"]
    )["Attributes"]

    assert attributes["SqsManagedSseEnabled"] == "true"
    assert "aws:SecureTransport" in attributes["Policy"]


def test_wrong_client_secret_ends_in_the_failure_queue_and_the_token_stays(ticked: Stack) -> None:
    before = ticked.read(TOKEN)["VersionId"]
    asked = ticked.ims.observed()["token_requests"]
    ticked.store_credentials(WRONG)
    ticked.emulator.client("lambda").invoke(
        FunctionName="rotator", InvocationType="Event", Payload=b'{"force": true}'
    )
    queue = ticked.emulator.client("sqs")

    def arrived() -> Any:  # noqa: ANN401 - a message
        return queue.receive_message(QueueUrl=ticked.outputs["FailedRunsQueueUrl"]).get("Messages")

    [message] = wait_for(arrived, timeout_s=30)
    body = json.loads(message["Body"])
    ticked.store_credentials(GOOD)

    assert body["requestPayload"] == {"force": True}
    assert "invalid_client" in body["responsePayload"]["errorMessage"]
    assert WRONG not in message["Body"]
    # Two attempts, as the template says, and one request each: a refusal is not tried again.
    assert ticked.ims.observed()["token_requests"] == asked + 2
    assert ticked.read(TOKEN)["VersionId"] == before
    failed = [line for line in ticked.logged() if line.get("RotationFailed") == 1]
    assert all(line["TokenRemainingSeconds"] > 86_000 for line in failed)
    assert len(failed) == 2


def test_no_secret_is_in_anything_that_was_logged(ticked: Stack) -> None:
    token = ticked.token()
    assert token is not None

    for secret in (GOOD, WRONG, token["access_token"]):
        assert secret not in ticked.emulator.log
        assert secret not in json.dumps(ticked.logged())


def test_update_of_the_stack_overwrites_no_secret(ticked: Stack) -> None:
    before = {secret: ticked.read(secret)["VersionId"] for secret in (CREDENTIALS, TOKEN)}
    ticked.emulator.update_stack("rotator", TEMPLATE, CodeBucket=BUCKET, CodeKey=KEY, Cadence="20h")
    variables = ticked.emulator.client("lambda").get_function_configuration(FunctionName="rotator")
    assert variables["Environment"]["Variables"]["ROTATOR_CADENCE"] == "20h"
    assert {secret: ticked.read(secret)["VersionId"] for secret in before} == before
    assert ticked.invoke({})["outcome"] == "not_due"


def test_alarms_and_schedule_are_as_the_template_says(ticked: Stack) -> None:
    resources = ticked.emulator.client("cloudformation").list_stack_resources(StackName="rotator")
    names = {
        each["PhysicalResourceId"]
        for each in resources["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::CloudWatch::Alarm"
    }
    found = ticked.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    alarms = [alarm for alarm in found if alarm["AlarmName"] in names]  # of no other test's stack
    [life] = [alarm for alarm in alarms if alarm["MetricName"] == "TokenRemainingSeconds"]
    schedule = ticked.emulator.client("scheduler").get_schedule(Name="rotator")

    assert len(alarms) == 4
    assert life["TreatMissingData"] == "breaching"
    assert life["Dimensions"] == [{"Name": "TokenSecret", "Value": TOKEN}]
    assert schedule["Target"]["Arn"].split(":")[3] == REGION
    assert schedule["Target"]["DeadLetterConfig"]["Arn"].rpartition(":")[2].startswith("rotator-")
