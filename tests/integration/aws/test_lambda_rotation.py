"""The function as the rotation function of a token secret, on the strict Secrets Manager."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from rotator.app import native
from rotator.errors import ConfigError, RotatorError, SecretNotFound
from rotator.lambda_handler import handler
from rotator.local.binding import LocalBinding
from rotator.local.environment import aws_variables, secrets_manager_client
from rotator.local.ims import LocalIms
from tests.strict_aws.rotation import Rotation
from tests.strict_aws.service import StrictSecretsManager
from tests.support.lambda_function import LambdaContext
from tests.support.native_rig import FUNCTION
from tests.support.wire import Wire

TAG = "rotator:credentials-secret"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass(slots=True)
class Deployed:
    """A token secret that rotates by our function."""

    wire: Wire
    ims: LocalIms
    binding: LocalBinding
    client: Any

    @property
    def service(self) -> StrictSecretsManager:
        return self.wire.secrets_manager

    def create(self, name: str, *, tag: str | None = None, consent: bool = True) -> None:
        """A token secret without a value, bound by a tag or not at all."""
        fields = json.loads(self.binding.init_input())
        if consent:
            fields["token_secrets"] = [name]
        self.client.create_secret(
            Name=self.binding.credentials_secret, SecretString=json.dumps(fields)
        )
        tags = [] if tag is None else [{"Key": TAG, "Value": tag}]
        self.client.create_secret(Name=name, Tags=tags)

    def begin(self, name: str, region: str = "us-east-1", **params: Any) -> Rotation:
        self.service.ask(
            "RotateSecret", region=region, SecretId=name, RotationLambdaARN=FUNCTION, **params
        )
        return self.service.rotations.begun[-1]

    def labels(self, name: str) -> list[list[str]]:
        return [sorted(each.stages) for each in self.service.versions(name).all if each.stages]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    native.open_rotation_store.cache_clear()
    with LocalIms() as ims, Wire(StrictSecretsManager()) as wire:
        for name, value in aws_variables(wire.endpoint_url).items():
            monkeypatch.setenv(name, value)
        client = secrets_manager_client(wire.endpoint_url)
        yield Deployed(wire, ims, LocalBinding.register(ims, prefix="app"), client)
        client.close()
    structlog.reset_defaults()


def call(event: dict[str, str]) -> dict[str, Any]:
    return handler(event, LambdaContext())


@pytest.mark.parametrize("by_arn", [True, False])
def test_four_steps_rotate_the_secret_that_the_environment_names(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    by_arn: bool,
) -> None:
    name = deployed.binding.token_secret
    deployed.create(name, consent=False)
    deployed.client.put_secret_value(SecretId=name, SecretString="{}")
    arn = deployed.client.describe_secret(SecretId=name)["ARN"]
    monkeypatch.setenv("ROTATOR_TOKEN_SECRET", arn if by_arn else name)
    monkeypatch.setenv("ROTATOR_CREDENTIALS_SECRET", deployed.binding.credentials_secret)
    answers: list[dict[str, Any]] = []
    deployed.service.run_rotation(deployed.begin(name), lambda event: answers.append(call(event)))
    output = capsys.readouterr()
    token = json.loads(deployed.client.get_secret_value(SecretId=name)["SecretString"])

    assert [each["step"] for each in answers] == list(STEPS)
    assert [each["outcome"] for each in answers] == ["staged", "tested", "tested", "rotated"]
    assert deployed.labels(name) == [["AWSPREVIOUS"], ["AWSCURRENT"]]
    assert answers[-1]["expires_at"] == token["expires_at"]
    assert [json.loads(line)["event"] for line in output.err.splitlines()] == [
        "rotator.token_staged",
        "rotator.token_tested",
        "rotator.token_tested",
        "rotator.token_rotated",
    ]
    metrics = [json.loads(line) for line in output.out.splitlines()]
    assert [line["RotationSucceeded"] for line in metrics] == [0, 0, 0, 1]
    assert all("MintDuration" not in line for line in metrics)
    rotation = deployed.service.rotations.begun[-1]
    for secret in (token["access_token"], deployed.binding.client_secret, rotation.rotation_token):
        assert secret not in output.out + output.err + json.dumps(answers)


def test_old_spelling_of_the_steps_works_too(deployed: Deployed) -> None:
    name = deployed.binding.token_secret
    deployed.create(name, tag=deployed.binding.credentials_secret)
    rotation = deployed.begin(name)
    for step in STEPS:
        call(rotation.event(step) | {"Step": step.replace("Secret", "_secret")})
    assert deployed.labels(name) == [["AWSCURRENT"]]


def test_tag_with_the_consent_of_the_credentials_is_a_binding(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    name = deployed.binding.token_secret
    deployed.create(name, tag=deployed.binding.credentials_secret)
    deployed.service.run_rotation(deployed.begin(name), call)

    assert deployed.labels(name) == [["AWSCURRENT"]]
    assert capsys.readouterr().out == ""  # whoever may tag a secret would make dimensions


@pytest.mark.parametrize("step", STEPS)
def test_tag_without_consent_is_handed_no_token(deployed: Deployed, step: str) -> None:
    deployed.create("stranger/token", tag=deployed.binding.credentials_secret, consent=False)
    rotation = deployed.begin("stranger/token")
    with pytest.raises(ConfigError, match="does not name it in token_secrets"):
        call(rotation.event(step))
    assert deployed.labels("stranger/token") == [["AWSPENDING"]]
    assert deployed.ims.observed()["token_requests"] == 0


def test_secret_without_a_binding_is_refused_with_the_way_out(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.create("another/token")
    monkeypatch.setenv("ROTATOR_TOKEN_SECRET", deployed.binding.token_secret)
    monkeypatch.setenv("ROTATOR_CREDENTIALS_SECRET", deployed.binding.credentials_secret)
    rotation = deployed.begin("another/token")
    with pytest.raises(ConfigError, match=r"nothing names its credentials; .*--bind-only"):
        call(rotation.event("createSecret"))
    output = capsys.readouterr()
    [line] = [json.loads(line) for line in output.err.splitlines()]
    assert line["event"] == "rotator.rotation_failed"
    assert line["binding"] == rotation.arn
    assert output.out == ""


def test_rotation_of_the_credentials_secret_is_refused_with_the_command_that_ends_it(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATOR_TOKEN_SECRET", deployed.binding.token_secret)
    monkeypatch.setenv("ROTATOR_CREDENTIALS_SECRET", deployed.binding.credentials_secret)
    deployed.create(deployed.binding.token_secret)
    rotation = deployed.begin(deployed.binding.credentials_secret)
    cancel = f"`aws secretsmanager cancel-rotate-secret --secret-id {rotation.arn} --region"
    with pytest.raises(ConfigError, match=f"is the credentials secret, .*{cancel}"):
        call(rotation.event("createSecret"))


def test_replica_is_refused_and_the_primary_region_named(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = deployed.binding.token_secret
    deployed.create(name, tag=deployed.binding.credentials_secret)
    deployed.client.replicate_secret_to_regions(
        SecretId=name, AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    event = deployed.begin(name).event("createSecret")
    event["SecretId"] = event["SecretId"].replace("us-east-1", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(ConfigError, match=r"is a replica, .* for the primary secret, in us-east-1"):
        call(event)


def test_secret_that_is_not_there_is_named(deployed: Deployed) -> None:
    deployed.create(deployed.binding.token_secret)
    event = deployed.begin(deployed.binding.token_secret).event("createSecret")
    with pytest.raises(SecretNotFound, match="secret gone/token: does not exist"):
        call(event | {"SecretId": "gone/token"})


def test_role_without_the_right_to_move_labels_is_told_which_one(deployed: Deployed) -> None:
    name = deployed.binding.token_secret
    deployed.create(name, tag=deployed.binding.credentials_secret)
    deployed.client.put_secret_value(SecretId=name, SecretString="{}")
    deployed.service.denied = {"UpdateSecretVersionStage"}
    with pytest.raises(RotatorError, match="grant secretsmanager:UpdateSecretVersionStage"):
        deployed.service.run_rotation(deployed.begin(name), call)
