"""The fleet's template: temporary failures come back, good messages stay, and rights are few."""

from functools import partial
from typing import Any

import pytest

from tests.support.templates import as_list, load, properties_of, statements

TEMPLATE = load("fleet.yaml")
properties = partial(properties_of, TEMPLATE)


def environment(function: str) -> dict[str, Any]:
    found: dict[str, Any] = properties(function)["Environment"]["Variables"]
    return found


VPC = ("LambdaAttachesFunction", "FunctionItselfDoesNot")


def grants(role: str) -> dict[str, dict[str, Any]]:
    """What a role may do outside a VPC."""
    found = statements(properties(role)["Policies"])
    own = {name: each for name, each in found.items() if name not in VPC}
    assert all(each["Effect"] == "Allow" for each in own.values())
    return own


def actions(role: str) -> set[str]:
    return {action for each in grants(role).values() for action in as_list(each["Action"])}


def test_message_stays_hidden_for_six_timeouts_and_is_given_up_before_it_is_dropped() -> None:
    queue = properties("DueBindings")
    hidden_s, kept_s = queue["VisibilityTimeout"], queue["MessageRetentionPeriod"]

    assert "FifoQueue" not in queue
    assert hidden_s >= 6 * properties("Worker")["Timeout"]
    assert kept_s == 60 * 60
    assert queue["RedrivePolicy"]["maxReceiveCount"] * hidden_s < kept_s
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {
        "Fn::GetAtt": ["FailedBindings", "Arn"]
    }


def test_worker_gives_back_single_messages_and_is_paced_by_the_queue_alone() -> None:
    mapping = properties("WorkerTakes")

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "Workers"}}
    limits = TEMPLATE["Parameters"]["Workers"]
    assert (limits["MinValue"], limits["MaxValue"]) == (2, 1000)
    assert "ReservedConcurrentExecutions" not in properties("Worker")


def test_dispatcher_and_worker_decide_alike_and_only_one_of_them_sends() -> None:
    dispatcher, worker = environment("Dispatcher"), environment("Worker")

    assert worker.keys() == {
        "ROTATOR_FLEET",
        "ROTATOR_INTERVAL",
        "ROTATOR_SPREAD",
        "ROTATOR_CADENCE",
        "ROTATOR_PROBE_URL",
        "ROTATOR_PROBE_STORED",
    }
    assert worker.items() <= dispatcher.items()
    assert dispatcher["ROTATOR_QUEUE_URL"] == {"Ref": "DueBindings"}
    assert dispatcher["ROTATOR_DISCOVER"] == "true"
    assert worker["ROTATOR_INTERVAL"] == {"Fn::Sub": "${TickMinutes}m"}
    assert properties("Schedule")["ScheduleExpression"] == {
        "Fn::Sub": "rate(${TickMinutes} minutes)"
    }


COMMON = {
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "kms:Decrypt",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


def test_each_function_may_do_its_own_and_nothing_else() -> None:
    assert actions("DispatcherRole") == COMMON | {"secretsmanager:ListSecrets", "sqs:SendMessage"}
    assert actions("WorkerRole") == COMMON | {
        "secretsmanager:PutSecretValue",
        "kms:GenerateDataKey",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
    assert actions("SchedulerRole") == {"lambda:InvokeFunction"}


def test_only_token_secrets_are_written_and_only_listing_has_no_bounds() -> None:
    written = grants("WorkerRole")["PutTokens"]["Resource"]["Fn::Sub"]
    unbounded = {
        name
        for role in ("DispatcherRole", "WorkerRole", "SchedulerRole")
        for name, each in grants(role).items()
        if each["Resource"] == "*"
    }

    assert written.endswith(":secret:${TokenPrefix}*")
    assert unbounded == {"ReadManyAtOnce", "FindTokenSecrets"}


def test_short_life_silence_and_given_up_messages_are_alarms() -> None:
    life, failed = properties("RemainingLifeAlarm"), properties("FailedBindingsAlarm")

    assert (life["Namespace"], life["MetricName"]) == ("Rotator", "MinRemainingSeconds")
    assert life["Dimensions"] == [{"Name": "Fleet", "Value": {"Ref": "FleetName"}}]
    assert life["Threshold"] == {"Ref": "RemainingLifeAlarmSeconds"}
    assert life["TreatMissingData"] == "breaching"
    assert life["Period"] > 60 * max(TEMPLATE["Parameters"]["TickMinutes"]["AllowedValues"])
    assert failed["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["FailedBindings", "QueueName"]}
    assert all(each["AlarmActions"] == [{"Ref": "AlarmTopicArn"}] for each in (life, failed))


@pytest.mark.parametrize("function", ["Dispatcher", "Worker"])
def test_function_in_a_vpc_has_no_more_rights_than_lambda_needs_to_attach_it(function: str) -> None:
    config = properties(function)["VpcConfig"]["Fn::If"]
    found = statements(properties(f"{function}Role")["Policies"])
    own = found[VPC[1]]

    assert config[0] == "InVpc"
    assert config[2] == {"Ref": "AWS::NoValue"}
    assert (own["Effect"], own["Action"]) == ("Deny", "ec2:*")
    name = own["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]["Fn::Sub"].rpartition(
        ":function:"
    )[2]
    assert {"Fn::Sub": name} == properties(function)["FunctionName"]


def test_settings_that_need_each_other_are_refused_apart() -> None:
    asserted = {name: each["Assertions"] for name, each in TEMPLATE["Rules"].items()}

    assert asserted.keys() == {"SubnetsComeWithSecurityGroups", "StoredTokensAreProbedAtAnApi"}
