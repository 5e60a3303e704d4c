"""Under which conditions each grant of the templates holds, member by member."""

from typing import Any

import pytest

from tests.support.templates import all_statements, as_list, load

TEMPLATE = load("template.yaml")
CONSUMER = load("consumer-policy.yaml")
THIS_REGION = {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}
TOKEN = {"Fn::GetAtt": ["TokenSecret", "Id"]}


def statement(sid: str, template: dict[str, Any]) -> dict[str, Any]:
    """The one statement of this name; a second one would be a grant that nobody looks at."""
    [found] = [each for each in all_statements(template) if each.get("Sid") == sid]
    return found


@pytest.mark.parametrize("template", [TEMPLATE, CONSUMER], ids=["template", "consumer"])
def test_every_key_is_used_through_secrets_manager_only(template: dict[str, Any]) -> None:
    for each in all_statements(template):
        uses_key = any(action.startswith("kms:") for action in as_list(each["Action"]))
        if uses_key and each.get("Sid") != "AccountAdministersThisKey":
            assert "kms:ViaService" in each["Condition"]["StringEquals"], each["Sid"]


def test_the_job_uses_the_key_for_its_two_secrets_only() -> None:
    assert statement("UseKeyOfSecrets", TEMPLATE)["Condition"] == {
        "StringEquals": {
            "kms:ViaService": THIS_REGION,
            "kms:EncryptionContext:SecretARN": [
                TOKEN,
                {
                    "Fn::If": [
                        "CreatesCredentials",
                        {"Fn::GetAtt": ["CredentialsSecret", "Id"]},
                        {"Ref": "CredentialsSecretArn"},
                    ]
                },
            ],
        }
    }


def test_consumers_decrypt_the_token_only() -> None:
    assert statement("DecryptToken", TEMPLATE)["Condition"] == {
        "StringEquals": {"kms:ViaService": THIS_REGION, "kms:EncryptionContext:SecretARN": TOKEN}
    }
    condition = statement("DecryptToken", CONSUMER)["Condition"]["StringEquals"]
    service, names = condition["kms:ViaService"]["Fn::Sub"]
    assert service == "secretsmanager.${Region}.${AWS::URLSuffix}"
    arn = {"Ref": "TokenSecretArn"}
    # The region is the fourth of the parts that colons separate in an ARN.
    assert names == {"Region": {"Fn::Select": [3, {"Fn::Split": [":", arn]}]}}
    assert condition["kms:EncryptionContext:SecretARN"] == arn


def test_foreign_consumers_are_the_named_ones_and_decrypt_the_token_only() -> None:
    granted = statement("ForeignConsumersDecryptThroughSecretsManager", TEMPLATE)

    assert granted["Principal"] == {"AWS": {"Fn::Split": [",", {"Ref": "ConsumerPrincipalArns"}]}}
    assert granted["Action"] == "kms:Decrypt"
    assert granted["Condition"]["StringEquals"] == {"kms:ViaService": THIS_REGION}
    secret = granted["Condition"]["ArnLike"]["kms:EncryptionContext:SecretARN"]["Fn::Sub"]
    # Secrets Manager ends an ARN with a hyphen and six random characters (user guide).
    assert secret.endswith(":${AWS::AccountId}:secret:${TokenSecretName}-??????")


def test_the_schedule_of_this_account_and_group_only_takes_its_role() -> None:
    [trust] = all_statements(
        TEMPLATE["Resources"]["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]
    )

    ours = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}"
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"},
            "aws:SourceArn": {"Fn::Sub": f"{ours}:schedule-group/default"},
        }
    }


def test_alarms_of_this_account_only_reach_the_topic() -> None:
    granted = statement("AlarmsOfThisAccount", TEMPLATE)

    assert granted["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert granted["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


def test_no_two_grants_of_a_template_have_one_name() -> None:
    for template in (TEMPLATE, CONSUMER):
        names = [each["Sid"] for each in all_statements(template) if "Sid" in each]
        assert len(names) == len(set(names))
