"""The one function for a small fleet: what `FleetName` changes in the template, nothing else."""

import json
import re
from functools import partial
from typing import Any

import pytest

from rotator.aws import metrics
from rotator.config import load_fleet
from rotator.model.policy import DEFAULT_INTERVAL
from tests.support.templates import as_list, choose, fill_in, load, properties_of, statements

TEMPLATE = load("template.yaml")
FLEET = choose(TEMPLATE, RunsFleet=True, HasFleetKey=True, HasWhere=True)
ONE_BINDING = choose(TEMPLATE, RunsFleet=False, HasFleetKey=False, HasWhere=False)
PARAMETERS = ("FleetName", "CredentialsPrefix", "TokenPrefix", "Where")
SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
BELOW = {name: {"Fn::Sub": f"{SECRET}${{{name}}}*"} for name in PARAMETERS[1:3]}


properties = partial(properties_of, FLEET)


def granted(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return statements(properties_of(template, "FunctionRole"))


def test_stack_without_a_fleets_parameters_is_one_of_a_single_binding() -> None:
    defaults = [TEMPLATE["Parameters"][name]["Default"] for name in PARAMETERS]

    assert defaults == [""] * 4
    assert TEMPLATE["Conditions"]["RunsFleet"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "FleetName"}, ""]}]
    }
    assert "Fleet" not in json.dumps(ONE_BINDING["Resources"])


def test_fleet_changes_no_more_than_grants_settings_and_what_is_watched() -> None:
    changed = {
        (name, key)
        for name in FLEET["Resources"]
        for key, value in properties(name).items()
        if value != properties_of(ONE_BINDING, name)[key]
    }

    # None of these replaces the resource (CloudFormation's reference, "Update requires").
    assert changed == {
        ("FunctionRole", "Policies"),
        ("Function", "Environment"),
        ("Function", "Timeout"),
        ("RemainingLifeAlarm", "MetricName"),
        ("RemainingLifeAlarm", "Dimensions"),
        ("Dashboard", "DashboardBody"),
    }


def test_function_of_a_fleet_understands_its_environment() -> None:
    variables = properties("Function")["Environment"]["Variables"]
    given = {"FleetName": "creative", "Where": "env=prod,team=a"}
    environ = {
        name: value if isinstance(value, str) else given.get(str(value.get("Ref")), "15m")
        for name, value in variables.items()
        if name in {"ROTATOR_DISCOVER", "ROTATOR_FLEET", "ROTATOR_WHERE", "ROTATOR_INTERVAL"}
    }
    selector = load_fleet({}, environ=environ)

    assert selector is not None
    assert selector.name == "creative"
    assert selector.where == (("env", "prod"), ("team", "a"))
    # Either of them would name a single binding.
    assert not variables.keys() & {"ROTATOR_CREDENTIALS_SECRET", "ROTATOR_TOKEN_SECRET"}


def test_run_over_a_fleet_ends_before_the_next_one_begins() -> None:
    assert properties("Function")["Timeout"] < DEFAULT_INTERVAL.total_seconds()


def test_fleet_is_granted_what_lies_below_its_prefixes_and_the_list() -> None:
    before, after = granted(ONE_BINDING), granted(FLEET)

    assert {name: after[name] for name in before} == before
    assert {
        name: (as_list(each["Action"]), each["Resource"])
        for name, each in after.items()
        if name not in before
    } == {
        "ReadFleet": (
            ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            [BELOW["CredentialsPrefix"], BELOW["TokenPrefix"]],
        ),
        "PutTokensOfFleet": (["secretsmanager:PutSecretValue"], BELOW["TokenPrefix"]),
        "FindTokenSecrets": (["secretsmanager:ListSecrets"], "*"),
        "UseKeyOfFleet": (
            ["kms:Decrypt", "kms:GenerateDataKey"],
            before["UseKeyOfSecrets"]["Resource"],
        ),
    }


def test_fleet_uses_the_key_for_its_own_secrets_through_secrets_manager_only() -> None:
    assert granted(FLEET)["UseKeyOfFleet"]["Condition"] == {
        "StringEquals": {
            "kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}
        },
        "ArnLike": {
            "kms:EncryptionContext:SecretARN": [BELOW["CredentialsPrefix"], BELOW["TokenPrefix"]]
        },
    }


def test_alarm_and_dashboard_show_the_fleet() -> None:
    alarm = properties("RemainingLifeAlarm")
    body = fill_in(properties("Dashboard")["DashboardBody"])
    shown = re.findall(
        rf'"{metrics.NAMESPACE}", "(\w+)", "{metrics.FLEET_DIMENSION}", "(.+?)"', body
    )

    assert alarm["MetricName"] == "MinRemainingSeconds"
    assert alarm["Dimensions"] == [{"Name": metrics.FLEET_DIMENSION, "Value": {"Ref": "FleetName"}}]
    assert shown == [
        (name, "${FleetName}") for name in ("MinRemainingSeconds", "Rotated", "Failed")
    ]
    assert {name for name, _ in shown} <= metrics.FLEET_UNITS.keys()
    assert f'"{metrics.DIMENSION}"' not in body
    assert json.loads(re.sub(r"\$\{[\w.:]+\}", "1", body))


@pytest.mark.parametrize("given", [{}, dict.fromkeys(PARAMETERS, "a")])
def test_rules_take_all_of_a_fleets_parameters_or_none(given: dict[str, str]) -> None:
    assert not refusals(given)


@pytest.mark.parametrize("missing", [{"FleetName"}, {"CredentialsPrefix"}, {"TokenPrefix"}])
def test_rules_refuse_half_a_fleet(missing: set[str]) -> None:
    given = dict.fromkeys(set(PARAMETERS) - missing, "a")

    assert refusals(given)
    assert refusals({"Where": "a=b"})


def refusals(given: dict[str, str]) -> list[str]:
    """What the rules say of these parameters; the others are empty."""
    found = []
    for name in ("FleetHasPrefixes", "OnlyAFleetHasPrefixes"):
        rule = TEMPLATE["Rules"][name]
        if holds(rule["RuleCondition"], given):
            found += [
                each["AssertDescription"]
                for each in rule["Assertions"]
                if not holds(each["Assert"], given)
            ]
    return found


def holds(condition: dict[str, Any], given: dict[str, str]) -> bool:
    [(function, arguments)] = condition.items()
    if function == "Fn::Equals":
        [parameter, value] = arguments
        return given.get(parameter["Ref"], "") == str(value)
    results = [holds(each, given) for each in arguments]
    return not results[0] if function == "Fn::Not" else all(results)
