"""Native rotation in the strict service, by the pages of the API reference and the user guide."""

from __future__ import annotations

from typing import Any

import pytest

from tests.strict_aws.rotation import STEPS, Rotation
from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import Refused

NAME = "app/token"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotator"
FIRST, SECOND, THIRD = (f"{number:032d}" for number in (1, 2, 3))


@pytest.fixture
def service() -> StrictSecretsManager:
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME, SecretString="old", ClientRequestToken=FIRST)
    return service


def rotate(service: StrictSecretsManager, token: str = SECOND, **params: Any) -> Rotation:
    service.ask(
        "RotateSecret",
        SecretId=NAME,
        ClientRequestToken=token,
        RotationLambdaARN=FUNCTION,
        **params,
    )
    return service.rotations.begun[-1]


def labels(service: StrictSecretsManager) -> dict[str, list[str]]:
    stages: dict[str, list[str]] = service.ask("DescribeSecret", SecretId=NAME)[
        "VersionIdsToStages"
    ]
    return stages


class Textbook:
    """A function that does what the user guide asks of each step, and remembers its events."""

    def __init__(self, service: StrictSecretsManager) -> None:
        self.service = service
        self.events: list[dict[str, str]] = []

    def __call__(self, event: dict[str, str]) -> None:
        self.events.append(event)
        secret, token = event["SecretId"], event["ClientRequestToken"]
        if event["Step"] == "createSecret":
            self.service.ask(
                "PutSecretValue",
                SecretId=secret,
                ClientRequestToken=token,
                SecretString="new",
                VersionStages=["AWSPENDING"],
                RotationToken=event["RotationToken"],
            )
        if event["Step"] == "finishSecret":
            self.service.ask(
                "UpdateSecretVersionStage",
                SecretId=secret,
                VersionStage="AWSCURRENT",
                MoveToVersionId=token,
                RemoveFromVersionId=FIRST,
            )


def test_pending_version_is_there_before_the_first_step_and_has_no_value(
    service: StrictSecretsManager,
) -> None:
    """rotate-secrets_lambda-functions.html, createSecret."""
    rotation = rotate(service)
    assert rotation.version_id == SECOND
    assert labels(service) == {FIRST: ["AWSCURRENT"], SECOND: ["AWSPENDING"]}
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        service.ask("GetSecretValue", SecretId=NAME, VersionId=SECOND, VersionStage="AWSPENDING")


def test_four_steps_are_called_in_order_and_the_current_label_moves(
    service: StrictSecretsManager,
) -> None:
    """rotate-secrets_lambda-functions.html, "Four steps in a rotation function"."""
    function = Textbook(service)
    rotation = rotate(service)
    service.run_rotation(rotation, function)
    assert [event["Step"] for event in function.events] == list(STEPS)
    assert {event["ClientRequestToken"] for event in function.events} == {SECOND}
    assert all(event["SecretId"].endswith(rotation.arn) for event in function.events)
    assert labels(service) == {FIRST: ["AWSPREVIOUS"], SECOND: ["AWSCURRENT", "AWSPENDING"]}
    assert service.ask("GetSecretValue", SecretId=NAME)["SecretString"] == "new"


def test_next_rotation_is_refused_while_pending_is_not_on_current(
    service: StrictSecretsManager,
) -> None:
    """API_RotateSecret.html: a previous rotation is assumed to be in progress."""
    rotation = rotate(service)
    with pytest.raises(Refused, match="InvalidRequestException"):
        rotate(service, THIRD)
    assert rotate(service).version_id == SECOND  # the same request again is no second one
    service.run_rotation(rotation, Textbook(service))
    rotate(service, THIRD)
    assert labels(service)[THIRD] == ["AWSPENDING"]


def test_failed_step_ends_the_rotation_which_can_be_repeated(
    service: StrictSecretsManager,
) -> None:
    """rotate-secrets_lambda-functions.html: Secrets Manager retries the entire rotation."""
    function = Textbook(service)
    rotation = rotate(service)

    def fail(event: dict[str, str]) -> None:
        function(event)
        if event["Step"] == "setSecret":
            raise RuntimeError

    with pytest.raises(RuntimeError):
        service.run_rotation(rotation, fail)
    assert labels(service)[SECOND] == ["AWSPENDING"]
    service.run_rotation(rotation, function)
    assert "AWSCURRENT" in labels(service)[SECOND]


def test_rotation_not_at_once_runs_the_test_only_and_leaves_no_version(
    service: StrictSecretsManager,
) -> None:
    """API_RotateSecret.html, RotateImmediately."""
    function = Textbook(service)
    service.run_rotation(rotate(service, RotateImmediately=False), function)
    assert [event["Step"] for event in function.events] == ["testSecret"]
    assert labels(service) == {FIRST: ["AWSCURRENT"]}


def test_label_is_removed_only_from_the_version_that_has_it(service: StrictSecretsManager) -> None:
    """API_UpdateSecretVersionStage.html, RemoveFromVersionId: it has to match, else it fails."""
    rotate(service)
    with pytest.raises(Refused, match="InvalidParameterException"):
        service.ask(
            "UpdateSecretVersionStage",
            SecretId=NAME,
            VersionStage="AWSPENDING",
            RemoveFromVersionId=FIRST,
        )
    service.ask(
        "UpdateSecretVersionStage",
        SecretId=NAME,
        VersionStage="AWSPENDING",
        RemoveFromVersionId=SECOND,
    )
    assert labels(service) == {FIRST: ["AWSCURRENT"]}


def test_cancelled_rotation_leaves_the_labels_as_they_are(service: StrictSecretsManager) -> None:
    """API_CancelRotateSecret.html: labels may be left in an unexpected state."""
    rotate(service)
    service.ask("CancelRotateSecret", SecretId=NAME)
    described = service.ask("DescribeSecret", SecretId=NAME)
    assert described["RotationEnabled"] is False
    assert labels(service)[SECOND] == ["AWSPENDING"]
    assert service.rotations.begun == []


def test_first_value_becomes_current_even_when_put_as_pending() -> None:
    """API_PutSecretValue.html: the first version of a secret always gets AWSCURRENT."""
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME)
    service.ask(
        "PutSecretValue",
        SecretId=NAME,
        ClientRequestToken=FIRST,
        SecretString="v",
        VersionStages=["AWSPENDING"],
    )
    assert labels(service) == {FIRST: ["AWSCURRENT", "AWSPENDING"]}


@pytest.mark.parametrize("configured", [True, False])
def test_rotation_needs_a_function_and_a_value(*, configured: bool) -> None:
    """API_RotateSecret.html, "Errors": InvalidRequestException."""
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME, **({} if configured else {"SecretString": "v"}))
    params = {"RotationLambdaARN": FUNCTION} if configured else {}
    with pytest.raises(Refused, match="InvalidRequestException"):
        service.ask("RotateSecret", SecretId=NAME, **params)
