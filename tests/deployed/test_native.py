"""Native rotation as it is deployed: the package by AWS's runtime client, and the template.

ministack knows no AWS::SecretsManager::RotationSchedule and refuses a template that has one, so the
template is deployed without this one resource; its RotateSecret calls no function either, so the
steps are called here as the service calls them. On the strict Secrets Manager the service itself
calls the packaged function, rotated as the schedule of the template says.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.package import Package
from rotator.local.binding import LocalBinding
from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import Emulator
from tests.deployed.runtime_api import RuntimeProcess
from tests.deployed.stack import TEMPLATE
from tests.deployed.watch import CLIENT_ID, GOOD, client_fields, invoke, upload
from tests.strict_aws.rotation import STEPS
from tests.strict_aws.service import StrictSecretsManager
from tests.support.native_rig import FUNCTION
from tests.support.templates import load
from tests.support.wire import Wire

HANDLER = "rotator.lambda_handler.handler"
CREDENTIALS, TOKEN = "native/credentials", "native/token"
ANNOUNCED = "0" * 32
SCHEDULE: dict[str, Any] = load("template.yaml")["Resources"]["RotationSchedule"]["Properties"]


def test_service_rotates_by_the_packaged_function(
    lambda_python: str, task: Path, runtime_client: Path, ims: RemoteIms
) -> None:
    ims.reset()
    binding = LocalBinding.register(ims, prefix="native")
    service = StrictSecretsManager()
    service.rotations.checks_token = True
    tried: list[Any] = []
    answers: list[Any] = []
    with Wire(service) as wire:
        client = secrets_manager_client(wire.endpoint_url)
        client.create_secret(Name=binding.credentials_secret, SecretString=binding.init_input())
        client.create_secret(Name=binding.token_secret, SecretString="{}")
        environment = isolated_environment({}, endpoint_url=wire.endpoint_url) | {
            "ROTATOR_CREDENTIALS_SECRET": binding.credentials_secret,
            "ROTATOR_TOKEN_SECRET": binding.token_secret,
        }
        with RuntimeProcess(
            lambda_python,
            task=task,
            runtime_client=runtime_client,
            handler=HANDLER,
            environment=environment,
        ) as process:
            # What the resource is made of: rotation is configured, and tried by testSecret alone.
            service.ask(
                "RotateSecret",
                SecretId=binding.token_secret,
                RotationLambdaARN=FUNCTION,
                RotationRules=SCHEDULE["RotationRules"],
                RotateImmediately=SCHEDULE["RotateImmediatelyOnUpdate"],
            )
            service.run_rotation(
                service.rotations.begun[0], lambda event: tried.append(process.invoke(event))
            )
            service.ask("RotateSecret", SecretId=binding.token_secret)
            [_, rotation] = service.rotations.begun
            service.run_rotation(rotation, lambda event: answers.append(process.invoke(event)))
            refused = process.invoke(rotation.event("createSecret") | {"Step": "rotateSecret"})
        token = json.loads(client.get_secret_value(SecretId=binding.token_secret)["SecretString"])
        client.close()
    versions = service.versions(binding.token_secret)
    current = versions.labelled("AWSCURRENT")

    assert [(answer.failed, answer.value.get("step")) for answer in tried] == [
        (False, "testSecret")
    ], process.output
    assert [answer.failed for answer in answers] == [False] * 4, process.output
    assert [answer.value["step"] for answer in answers] == list(STEPS)
    assert answers[-1].value["outcome"] == "rotated"
    assert current is not None
    assert current.version_id == rotation.version_id
    assert versions.labelled("AWSPENDING") is None
    assert refused.failed
    assert refused.value["errorType"] == "ConfigError"
    assert ims.observed()["tokens_minted"] == 1
    for secret in (token["access_token"], binding.client_secret, rotation.rotation_token):
        assert secret not in process.output


def without_schedule(folder: Path) -> Path:
    """The template as ministack takes it."""
    text = TEMPLATE.read_text("utf-8")
    before, found, after = text.partition("  RotationSchedule:\n")
    assert found
    path = folder / "template.yaml"
    path.write_text(before + after[after.index("\n\n") :], "utf-8")
    return path


@pytest.fixture(scope="module")
def rotated(
    emulator: Emulator, package: Package, ims: RemoteIms, tmp_path_factory: pytest.TempPathFactory
) -> Emulator:
    """The template with rotation on, beside what other tests have deployed."""
    ims.reset()
    ims.configure(clients={CLIENT_ID: [GOOD]})
    emulator.create_stack(
        "native",
        without_schedule(tmp_path_factory.mktemp("native")),
        **upload(emulator, package, "code-of-native-rotation"),
        NativeRotation="true",
        CredentialsSecretName=CREDENTIALS,
        TokenSecretName=TOKEN,
    )
    emulator.client("secretsmanager").put_secret_value(
        SecretId=CREDENTIALS, SecretString=json.dumps(client_fields(ims))
    )
    return emulator


def take_step(emulator: Emulator, step: str, secret_id: str) -> dict[str, Any]:
    event = {"Step": step, "SecretId": secret_id, "ClientRequestToken": ANNOUNCED}
    return invoke(emulator, "native", event)


def test_template_lets_secrets_manager_of_this_account_start_the_function(
    rotated: Emulator,
) -> None:
    policy = json.loads(rotated.client("lambda").get_policy(FunctionName="native")["Policy"])
    [statement] = policy["Statement"]

    assert statement["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    assert "000000000000" in json.dumps(statement["Condition"])


def test_stuck_label_heals_with_the_rights_that_the_template_grants(rotated: Emulator) -> None:
    manager = rotated.client("secretsmanager")
    arn = manager.describe_secret(SecretId=TOKEN)["ARN"]
    manager.put_secret_value(SecretId=TOKEN, SecretString="{}")
    manager.put_secret_value(
        SecretId=TOKEN,
        ClientRequestToken=ANNOUNCED,
        SecretString=json.dumps({"access_token": "useless"}),
        VersionStages=["AWSPENDING"],
    )

    answers = [take_step(rotated, step, arn) for step in STEPS]
    stages = manager.describe_secret(SecretId=TOKEN)["VersionIdsToStages"]
    token = json.loads(manager.get_secret_value(SecretId=TOKEN)["SecretString"])

    assert [answer.get("step") for answer in answers] == list(STEPS), answers
    assert answers[0]["outcome"] in {"rotated", "not_due"}  # the schedule may have been faster
    assert "AWSPENDING" not in [label for labels in stages.values() for label in labels]
    assert token["client_id"] == CLIENT_ID


def test_foreign_secret_without_a_binding_is_handed_no_token(rotated: Emulator) -> None:
    manager = rotated.client("secretsmanager")
    arn = manager.create_secret(Name="native/foreign")["ARN"]

    answer = take_step(rotated, "createSecret", arn)

    # The role may not even describe it.
    assert "access denied" in answer["errorMessage"]
    assert not manager.get_secret_value(SecretId=arn).get("SecretString")
