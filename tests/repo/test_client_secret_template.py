"""The template that rotates a client secret: a role of its own, and alarms on age and end."""

import importlib
import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rotator.app.aws_lambda import client_secret
from rotator.aws import metrics
from rotator.config import load_secret_id, load_secret_rotation
from rotator.model.secret_rotation import DEFAULT_OVERLAP
from rotator.rotation.secret_run import EXPIRY_LEAD, STORE_PATIENCE_S
from rotator.rotation.secret_verification import VERIFY_S
from tests.support.templates import all_statements, as_list, load, properties_of, statements

ROOT = Path(__file__).parents[2]
TEMPLATE = load("client-secret.yaml")
properties = partial(properties_of, TEMPLATE)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
JOB = load("template.yaml")
PUT = "secretsmanager:PutSecretValue"


def test_this_role_alone_writes_the_credentials() -> None:
    granted = statements(properties("FunctionRole")["Policies"])
    writes = [each["Resource"] for each in granted.values() if PUT in as_list(each["Action"])]

    assert writes == [{"Ref": "CredentialsSecretArn"}]
    of_the_job = statements(JOB["Resources"]["FunctionRole"]["Properties"]["Policies"])
    written = [each["Resource"] for each in of_the_job.values() if PUT in as_list(each["Action"])]
    assert "Credentials" not in json.dumps(written)


def test_role_has_no_more_rights_than_it_needs() -> None:
    granted = statements(properties("FunctionRole")["Policies"])

    assert {action for each in granted.values() for action in as_list(each["Action"])} == {
        "secretsmanager:GetSecretValue",
        "secretsmanager:DescribeSecret",
        PUT,
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    for each in all_statements(TEMPLATE):
        assert "*" not in json.dumps([each["Action"], each.get("Resource")]), each
    [trusted] = statements(properties("SchedulerRole")["AssumeRolePolicyDocument"]).values()
    assert trusted["Condition"]["StringEquals"].keys() == {"aws:SourceAccount", "aws:SourceArn"}


def test_schedule_sends_the_event_that_the_function_understands() -> None:
    target = properties("Schedule")["Target"]
    module, _, name = properties("Function")["Handler"].rpartition(".")

    assert json.loads(target["Input"]) == {client_secret.EVENT: True}
    assert callable(getattr(importlib.import_module(module), name))


def test_function_understands_its_environment() -> None:
    variables = properties("Function")["Environment"]["Variables"]
    environ = {
        name: PARAMETERS[value["Ref"]].get("Default", "arn:a:secretsmanager:b:c:secret:d-123456")
        for name, value in variables.items()
    }

    settings = load_secret_rotation(environ=environ)

    assert settings.max_age == timedelta(days=90)
    assert settings.overlap == DEFAULT_OVERLAP
    assert load_secret_id("credentials_secret", {}, environ=environ).startswith("arn:")


def test_function_has_time_to_see_a_new_client_secret_accepted() -> None:
    assert properties("Function")["Timeout"] > VERIFY_S + STORE_PATIENCE_S + 60


def test_alarms_watch_the_metrics_that_are_sent() -> None:
    alarms = [each["Properties"] for name, each in RESOURCES.items() if name.endswith("Alarm")]
    ours = [each for each in alarms if each["Namespace"] == metrics.NAMESPACE]

    assert {each["MetricName"] for each in ours} == metrics.CLIENT_SECRET_UNITS.keys()
    for each in ours:
        assert each["Dimensions"] == [
            {"Name": metrics.CLIENT_SECRET_DIMENSION, "Value": {"Ref": "CredentialsSecretArn"}}
        ]
    assert [each["MetricName"] for each in ours if each["TreatMissingData"] == "breaching"] == [
        "ClientSecretAgeSeconds"
    ]


def test_alarms_go_off_after_a_rotation_should_have_begun_and_before_it_is_too_late() -> None:
    age = timedelta(seconds=PARAMETERS["AgeAlarmSeconds"]["Default"])
    left = timedelta(seconds=PARAMETERS["ExpiryAlarmSeconds"]["Default"])

    assert age > timedelta(days=90) + DEFAULT_OVERLAP
    assert timedelta(0) < left < EXPIRY_LEAD + DEFAULT_OVERLAP


def test_every_alarm_says_what_to_do() -> None:
    page = (ROOT / "docs" / "client-secrets.md").read_text("utf-8")
    for name, each in RESOURCES.items():
        if each["Type"] == "AWS::CloudWatch::Alarm":
            said = each["Properties"]["AlarmDescription"]
            heading = re.search(r'docs/client-secrets\.md, "(.+)"', said)
            assert heading, name
            assert f"\n### {heading[1]}\n" in page, name


def test_function_is_started_by_hand_with_both_versions_of_the_aws_command() -> None:
    command = TEMPLATE["Outputs"]["RunNowCommand"]["Value"]["Fn::Sub"]
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")

    # Version 1 doesn't know --cli-binary-format, and version 2 takes text for base64 without it.
    # AWS CLI User Guide, "binary blob": fileb:// is sent as it is.
    for text in (command, page):
        assert "--cli-binary-format" not in text
        assert "--payload fileb:///dev/stdin" in text
    assert json.loads(command.split("'")[1]) == {client_secret.EVENT: True}
