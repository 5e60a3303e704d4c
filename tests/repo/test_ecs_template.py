"""The scheduled task on ECS: the job and its rights are those of the function, and no others."""

from functools import partial
from typing import Any

import pytest

from rotator.cli.parser import parse
from rotator.config import load_log_settings, load_settings
from tests.support.templates import as_list, choose, load, properties_of, statements

TEMPLATE = load("ecs.yaml")
properties = partial(properties_of, TEMPLATE)
ONE_BINDING = choose(load("template.yaml"), RunsFleet=False, HasFleetKey=False)
FUNCTION = ONE_BINDING["Resources"]["FunctionRole"]["Properties"]["Policies"][0]


def container() -> dict[str, Any]:
    [found] = properties("Task")["ContainerDefinitions"]
    return dict(found)


def grants(role: str) -> dict[str, dict[str, Any]]:
    return statements(properties(role)["Policies"])


def test_task_runs_the_job_with_settings_that_it_understands() -> None:
    given = {each["Name"]: each["Value"] for each in container()["Environment"]}
    examples = {"ROTATOR_INTERVAL": "15m", "ROTATOR_LOG_FORMAT": "json", "AWS_REGION": "eu-west-1"}
    environ = {name: examples.get(name, "a/secret") for name in given}

    assert parse(container()["Command"]).command == "run"
    assert load_settings({}, environ=environ).needed_credentials_secret() == "a/secret"
    assert load_log_settings(environ).level == "info"
    assert given["ROTATOR_CREDENTIALS_SECRET"] == {"Ref": "CredentialsSecretArn"}
    assert given["ROTATOR_TOKEN_SECRET"] == {"Ref": "TokenSecretArn"}
    assert given["ROTATOR_INTERVAL"] == {"Fn::Sub": "${TickMinutes}m"}
    assert properties("Schedule")["ScheduleExpression"] == {
        "Fn::Sub": "rate(${TickMinutes} minutes)"
    }


def test_no_secret_is_handed_to_the_container() -> None:
    # ECS would put it into the environment, once, at the start.
    assert "Secrets" not in container()
    assert "secretsmanager" not in str(grants("ExecutionRole"))


def test_task_may_what_the_function_may() -> None:
    of_function, of_task = statements(FUNCTION), grants("TaskRole")
    of_lambda = {"ReportFailedRuns", "WriteLogs", "DecryptCredentials", "MoveLabelsOfToken"}

    assert of_task.keys() == of_function.keys() - of_lambda
    for name, grant in of_task.items():
        assert as_list(grant["Action"]) == as_list(of_function[name]["Action"]), name
        assert grant.get("Condition", {}).keys() == of_function[name].get("Condition", {}).keys()


@pytest.mark.parametrize("role", ["TaskRole", "ExecutionRole", "SchedulerRole"])
def test_rights_without_bounds_are_those_that_take_none(role: str) -> None:
    unbounded = {
        action
        for grant in grants(role).values()
        if grant["Resource"] == "*"
        for action in as_list(grant["Action"])
    }

    assert unbounded <= {"secretsmanager:BatchGetSecretValue", "ecr:GetAuthorizationToken"}


def test_schedule_starts_this_task_on_this_cluster_with_its_two_roles() -> None:
    granted = grants("SchedulerRole")

    assert granted.keys() == {"RunTask", "GiveTaskItsRoles", "ReportUndeliveredTicks"}
    assert granted["RunTask"]["Condition"] == {"ArnEquals": {"ecs:cluster": {"Ref": "ClusterArn"}}}
    assert granted["RunTask"]["Resource"]["Fn::Sub"].endswith("task-definition/${AWS::StackName}:*")
    assert properties("Task")["Family"] == {"Ref": "AWS::StackName"}
    assert granted["GiveTaskItsRoles"]["Resource"] == [
        {"Fn::GetAtt": ["TaskRole", "Arn"]},
        {"Fn::GetAtt": ["ExecutionRole", "Arn"]},
    ]
    assert granted["GiveTaskItsRoles"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


def test_container_is_the_image_by_digest_and_can_change_nothing() -> None:
    assert container()["Image"] == {"Ref": "Image"}
    assert "@sha256:" in TEMPLATE["Parameters"]["Image"]["AllowedPattern"]
    assert container()["User"] == "65532:65532"
    assert container()["ReadonlyRootFilesystem"] is True
    assert container()["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    network = properties("Schedule")["Target"]["EcsParameters"]["NetworkConfiguration"]
    assert network["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
