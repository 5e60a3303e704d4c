"""Native rotation in the template: off unless asked for, and with few rights."""

import json
from functools import partial
from typing import Any

from tests.support.templates import load, properties_of

TEMPLATE = load("template.yaml")
properties = partial(properties_of, TEMPLATE)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]


def test_labels_are_moved_with_native_rotation_only_and_on_the_token_only() -> None:
    [policy] = [p for p in properties("FunctionRole")["Policies"] if p.get("PolicyName")]
    [granted] = [
        statement["Fn::If"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "UpdateSecretVersionStage" in json.dumps(statement)
    ]

    assert granted[0] == "RotatesNatively"
    assert granted[1]["Resource"] == {"Fn::GetAtt": ["TokenSecret", "Id"]}
    assert granted[2] == {"Ref": "AWS::NoValue"}


def test_secrets_manager_of_this_account_alone_may_start_the_function() -> None:
    permission = properties("RotationPermission")

    # User guide, "Lambda rotation function execution role": the principal and aws:SourceAccount.
    assert permission == {
        "FunctionName": {"Fn::GetAtt": ["Function", "Arn"]},
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
    }


def test_native_rotation_is_off_unless_asked_for_and_as_often_as_the_service_allows() -> None:
    schedule = properties("RotationSchedule")

    assert PARAMETERS["NativeRotation"]["Default"] == "false"
    assert TEMPLATE["Conditions"]["RotatesNatively"] == {
        "Fn::Equals": [{"Ref": "NativeRotation"}, "true"]
    }
    for name in ("RotationSchedule", "RotationPermission"):
        assert RESOURCES[name]["Condition"] == "RotatesNatively"
    # User guide, "Rotation schedules": every four hours at most often.
    assert schedule["RotationRules"] == {"ScheduleExpression": "rate(4 hours)"}
    assert schedule["SecretId"] == {"Fn::GetAtt": ["TokenSecret", "Id"]}
    assert schedule["RotationLambdaARN"] == {"Fn::GetAtt": ["Function", "Arn"]}
    # The service looks at the permission when rotation is configured.
    assert RESOURCES["RotationSchedule"]["DependsOn"] == "RotationPermission"


def test_step_of_a_rotation_and_a_tick_can_run_at_once() -> None:
    reserved = properties("Function")["ReservedConcurrentExecutions"]["Fn::If"]

    assert reserved == [
        "ReservesConcurrency",
        {"Fn::If": ["RotatesNatively", 2, 1]},
        {"Ref": "AWS::NoValue"},
    ]
