"""The templates promise what cfn-lint cannot see: that they tick, warn, and let nobody else in."""

import importlib
import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rotator.aws import metrics
from rotator.config import LOG_LEVELS, load_log_settings, load_settings
from rotator.model.binding import BINDING_TAG
from rotator.model.policy import DEFAULT_CADENCE, DEFAULT_INTERVAL, RenewalPolicy
from rotator.model.providers import PRESETS
from tests.support.templates import (
    all_statements,
    as_list,
    choose,
    fill_in,
    load,
    properties_of,
    statements,
)

ROOT = Path(__file__).parents[2]
ADOBE_LIFETIME = timedelta(seconds=PRESETS["adobe-ims"].lifetime_s or 0)

# EventBridge Scheduler User Guide, "Schedule types": rate(value unit), the unit singular for 1.
RATE = re.compile(r"rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d+) (?:minute|hour|day)s)\)")

ARGUED_WILDCARDS = {
    "ReadBothAtOnce": "BatchGetSecretValue takes no resource, and gives what GetSecretValue allows",
    "LambdaAttachesFunction": "the network interfaces do not exist yet; denied to the code itself",
}
KEY_POLICY = {"AccountAdministersThisKey", "ForeignConsumersDecryptThroughSecretsManager"}
"""In a key policy "*" is the key that carries it."""


ONE_BINDING = {"RunsFleet": False, "HasFleetKey": False, "HasWhere": False}
TEMPLATE = choose(load("template.yaml"), **ONE_BINDING)
CONSUMER = load("consumer-policy.yaml")
properties = partial(properties_of, TEMPLATE)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == kind}


def actions(resource: str, *, effect: str = "Allow") -> set[str]:
    return {
        action
        for statement in statements(properties(resource)).values()
        if statement["Effect"] == effect and "AssumeRole" not in str(statement["Action"])
        for action in as_list(statement["Action"])
    }


def alarms_on(metric: str) -> dict[str, dict[str, Any]]:
    alarms = of_type("AWS::CloudWatch::Alarm")
    return {name: alarm for name, alarm in alarms.items() if alarm["MetricName"] == metric}


# --- When ---------------------------------------------------------------------------------------


def test_every_tick_that_can_be_chosen_is_an_expression_that_scheduler_takes() -> None:
    every_minute, otherwise = properties("Schedule")["ScheduleExpression"]["Fn::If"][1:]

    for minutes in PARAMETERS["TickMinutes"]["AllowedValues"]:
        chosen = every_minute if minutes == 1 else otherwise["Fn::Sub"]
        assert RATE.fullmatch(chosen.replace("${TickMinutes}", str(minutes))), minutes
    assert properties("Schedule")["State"] == "ENABLED"
    assert TEMPLATE["Conditions"]["TicksEveryMinute"] == {"Fn::Equals": [{"Ref": "TickMinutes"}, 1]}


@pytest.mark.parametrize("minutes", PARAMETERS["TickMinutes"]["AllowedValues"])
def test_every_tick_that_can_be_chosen_keeps_adobes_tokens_valid(minutes: int) -> None:
    policy = RenewalPolicy(interval=timedelta(minutes=minutes))

    assert policy.keeps_valid(ADOBE_LIFETIME)


def test_default_tick_is_the_jobs_own() -> None:
    assert timedelta(minutes=PARAMETERS["TickMinutes"]["Default"]) == DEFAULT_INTERVAL


def test_function_has_time_to_mint_and_to_publish() -> None:
    mint_deadline_s, publishing_s = 30, 15

    assert properties("Function")["Timeout"] > mint_deadline_s + publishing_s
    # A tick that waited longer than the next one needs is not worth delivering.
    assert (
        properties("FunctionRetries")["MaximumEventAgeInSeconds"] < DEFAULT_INTERVAL.total_seconds()
    )


# --- Who may what -------------------------------------------------------------------------------


def test_function_may_do_what_it_needs_and_nothing_else() -> None:
    assert actions("FunctionRole") == {
        "secretsmanager:BatchGetSecretValue",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        # With native rotation only.
        "secretsmanager:UpdateSecretVersionStage",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "sqs:SendMessage",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        # In a VPC only, and denied to the function's own code.
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    }
    assert actions("FunctionRole", effect="Deny") == {"ec2:*"}


def test_function_never_writes_the_credentials() -> None:
    granted = statements(properties("FunctionRole"))

    writes = [
        s for s in granted.values() if "secretsmanager:PutSecretValue" in as_list(s["Action"])
    ]
    assert [s["Resource"] for s in writes] == [{"Fn::GetAtt": ["TokenSecret", "Id"]}]


def test_schedule_may_invoke_exactly_this_function() -> None:
    granted = statements(properties("SchedulerRole"))

    assert actions("SchedulerRole") == {"lambda:InvokeFunction", "sqs:SendMessage"}
    assert granted["InvokeFunction"]["Resource"] == {"Fn::GetAtt": ["Function", "Arn"]}


@pytest.mark.parametrize("template", [TEMPLATE, CONSUMER], ids=["template", "consumer-policy"])
def test_no_wildcard_is_granted_but_those_argued_for(template: dict[str, Any]) -> None:
    for statement in all_statements(template):
        sid = statement.get("Sid", "")
        if statement["Effect"] != "Allow" or sid in KEY_POLICY:
            continue
        assert not any("*" in action for action in as_list(statement["Action"])), sid
        wide = [r for r in as_list(statement.get("Resource")) if "*" in json.dumps(r)]
        assert not wide or sid in ARGUED_WILDCARDS, sid


def test_roles_trust_one_service_each() -> None:
    trusted = {
        name: [s["Principal"] for s in statements(role["AssumeRolePolicyDocument"]).values()]
        for name, role in of_type("AWS::IAM::Role").items()
    }
    [by_scheduler] = statements(properties("SchedulerRole")["AssumeRolePolicyDocument"]).values()

    assert trusted == {
        "FunctionRole": [{"Service": "lambda.amazonaws.com"}],
        "SchedulerRole": [{"Service": "scheduler.amazonaws.com"}],
    }
    # The confused deputy: neither another account's schedule nor another group's.
    assert by_scheduler["Condition"]["StringEquals"].keys() == {
        "aws:SourceAccount",
        "aws:SourceArn",
    }


def test_consumers_read_one_token_and_nothing_else() -> None:
    for template in (TEMPLATE, CONSUMER):
        granted = statements(template["Resources"]["ConsumerPolicy"])
        assert {s: g["Action"] for s, g in granted.items()} == {
            "ReadToken": "secretsmanager:GetSecretValue",
            "DecryptToken": "kms:Decrypt",
        }
        assert "Condition" in granted["DecryptToken"]
    read = statements(properties("ConsumerPolicy"))["ReadToken"]
    assert read["Resource"][0] == {"Fn::GetAtt": ["TokenSecret", "Id"]}


def test_consumers_read_every_replica_and_no_other_secret_there() -> None:
    made = properties("TokenSecret")["ReplicaRegions"]["Fn::If"][1]
    read = statements(properties("ConsumerPolicy"))["ReadToken"]["Resource"][1:]
    # "Replicate secrets" of the user guide: the ARN is the primary's except for the region.
    same_name = {"Fn::Select": [6, {"Fn::Split": [":", {"Fn::GetAtt": ["TokenSecret", "Id"]}]}]}

    assert len(read) == len(made) == 2
    for granted, replica in zip(read, made, strict=True):
        condition, region, _ = replica["Fn::If"]
        account = f"${{{region['Region']['Ref']}}}:${{AWS::AccountId}}"
        arn = f"arn:${{AWS::Partition}}:secretsmanager:{account}:secret:${{Name}}"
        assert granted["Fn::If"] == [
            condition,
            {"Fn::Sub": [arn, {"Name": same_name}]},
            {"Ref": "AWS::NoValue"},
        ]


def test_foreign_consumers_are_named_and_never_the_public() -> None:
    policy = CONSUMER["Resources"]["ForeignConsumers"]["Properties"]
    [granted] = statements(policy["ResourcePolicy"]).values()

    assert policy["BlockPublicPolicy"] is True
    assert granted["Action"] == "secretsmanager:GetSecretValue"
    assert granted["Principal"] == {"AWS": {"Fn::Split": [",", {"Ref": "ForeignPrincipalArns"}]}}
    pattern = CONSUMER["Parameters"]["ForeignPrincipalArns"]["AllowedPattern"]
    assert re.search(pattern, "arn:aws:iam::123456789012:role/reader")
    assert not re.search(pattern, "*")
    assert not re.search(pattern, "arn:aws:iam::123456789012:role/*")


def test_foreign_consumers_are_refused_where_no_created_key_could_name_them() -> None:
    rule = TEMPLATE["Rules"]["ForeignConsumersDecryptWithTheCreatedKey"]
    [assertion] = rule["Assertions"]

    assert rule["RuleCondition"] == TEMPLATE["Conditions"]["HasForeignConsumers"]
    assert assertion["Assert"] == TEMPLATE["Conditions"]["CreatesKey"]


# --- What is kept -------------------------------------------------------------------------------


def test_no_stack_update_overwrites_a_secret() -> None:
    secrets = of_type("AWS::SecretsManager::Secret")

    assert secrets.keys() == {"CredentialsSecret", "TokenSecret"}
    for name, secret in secrets.items():
        assert not secret.keys() & {"SecretString", "GenerateSecretString"}, name
        assert "KmsKeyId" in secret, name


def test_credentials_and_their_key_outlive_the_stack() -> None:
    for name in ("CredentialsSecret", "Key"):
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    assert properties("Key")["EnableKeyRotation"] is True


def test_token_secret_names_its_credentials_as_init_does() -> None:
    assert [tag["Key"] for tag in properties("TokenSecret")["Tags"]] == [BINDING_TAG]


def test_logs_do_not_stay_forever() -> None:
    assert properties("FunctionLogs")["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert properties("Function")["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}


# --- What tells that something is wrong ---------------------------------------------------------


def test_silence_is_an_alarm() -> None:
    [alarm] = alarms_on("TokenRemainingSeconds").values()
    longest_tick_s = 60 * max(PARAMETERS["TickMinutes"]["AllowedValues"])

    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Statistic"] == "Minimum"
    # Ticks come up to a minute late; a period without one would be a false alarm.
    assert alarm["Period"] * alarm["EvaluationPeriods"] > longest_tick_s + 60


def test_remaining_life_warns_after_one_missed_tick_and_never_before() -> None:
    threshold = timedelta(seconds=PARAMETERS["RemainingLifeAlarmSeconds"]["Default"])
    left_when_due = ADOBE_LIFETIME - DEFAULT_CADENCE

    assert left_when_due - DEFAULT_INTERVAL <= threshold < left_when_due
    assert properties("RemainingLifeAlarm")["Threshold"] == {"Ref": "RemainingLifeAlarmSeconds"}


def test_cadence_names_the_alarm_that_a_longer_one_would_set_off() -> None:
    assert "RemainingLifeAlarmSeconds" in PARAMETERS["Cadence"]["Description"]


def test_every_way_to_fail_ends_in_a_queue_and_every_queue_has_an_alarm() -> None:
    target = properties("Schedule")["Target"]
    failed = properties("FunctionRetries")["DestinationConfig"]["OnFailure"]["Destination"]
    watched = [
        alarm["Dimensions"][0]["Value"]
        for alarm in alarms_on("ApproximateNumberOfMessagesVisible").values()
    ]

    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["UndeliveredTicks", "Arn"]}
    assert failed == {"Fn::GetAtt": ["FailedRuns", "Arn"]}
    assert watched == [{"Fn::GetAtt": [q, "QueueName"]} for q in ("FailedRuns", "UndeliveredTicks")]
    assert len(alarms_on("Errors")) == 1
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name


def test_every_alarm_reaches_the_topic_and_says_what_to_do() -> None:
    runbook = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    topic = [{"Ref": "AlarmTopic"}]

    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == topic, name
        heading = re.search(r'docs/deploy\.md, "(.+)"', alarm["AlarmDescription"])
        assert heading, name
        assert f"\n### {heading[1]}\n" in runbook, name


def test_alarms_and_dashboard_show_metrics_that_the_function_sends() -> None:
    body = fill_in(properties("Dashboard")["DashboardBody"])
    shown = set(re.findall(rf'"{metrics.NAMESPACE}", "(\w+)", "{metrics.DIMENSION}"', body))
    filled_in = json.loads(re.sub(r"\$\{[\w.]+\}", "1", body))
    [alarm] = [a for a in of_type("AWS::CloudWatch::Alarm").values() if a["Namespace"] == "Rotator"]

    assert shown == metrics.UNITS.keys()
    assert len(filled_in["widgets"]) == 4
    assert alarm["Namespace"] == metrics.NAMESPACE
    assert alarm["MetricName"] in metrics.UNITS
    assert alarm["Dimensions"] == [{"Name": metrics.DIMENSION, "Value": {"Ref": "TokenSecretName"}}]


# --- The function and its documentation ---------------------------------------------------------


def test_handler_is_there() -> None:
    module, _, name = properties("Function")["Handler"].rpartition(".")

    assert callable(getattr(importlib.import_module(module), name))


def test_function_understands_its_environment() -> None:
    variables = properties("Function")["Environment"]["Variables"]
    example = {
        "ROTATOR_CADENCE": "23h",
        "ROTATOR_INTERVAL": "15m",
        "ROTATOR_PROBE_URL": "https://api.example.com/hello",
        "ROTATOR_LOG_LEVEL": "info",
    }
    environ = {name: example.get(name, "a/secret") for name in variables}
    settings = load_settings({}, environ=environ)

    assert settings.job.interval == timedelta(minutes=15)
    assert settings.needed_credentials_secret() == "a/secret"
    assert load_log_settings(environ).level == "info"
    assert variables["ROTATOR_INTERVAL"] == {"Fn::Sub": "${TickMinutes}m"}
    # The metrics' dimension is what the environment says, and the alarm waits for the same.
    assert variables["ROTATOR_TOKEN_SECRET"] == {"Ref": "TokenSecretName"}
    assert set(PARAMETERS["LogLevel"]["AllowedValues"]) == set(LOG_LEVELS)


def test_documentation_names_every_parameter_and_output() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")

    for template in (TEMPLATE, CONSUMER):
        for name in (*template["Parameters"], *template["Outputs"]):
            assert f"`{name}`" in page, name


def test_readme_draws_the_same_tick_and_leads_here() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    picture = readme.split("```text\n")[1].split("```")[0]

    assert f"every {PARAMETERS['TickMinutes']['Default']} minutes" in picture
    assert "docs/deploy.md" in readme


def test_template_fits_into_a_request() -> None:
    # CloudFormation quotas: a template body in a request; beyond it, it must lie in S3.
    assert (ROOT / "infra" / "template.yaml").stat().st_size <= 51_200


def test_documentation_draws_what_the_template_makes() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    picture = page.split("```text\n")[1].split("```")[0]

    for name, resource in RESOURCES.items():
        glue = {"AlarmsPublish", "QueuesTakeNothingInTheClear", "FunctionRetries"}
        assert name in picture or name in glue, f"{name} ({resource['Type']})"
